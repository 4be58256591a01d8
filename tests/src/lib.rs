//! What whole-system tests share: a folder with files, a run of the real binary, and readers of what it wrote.

mod ledger;
mod redis;
mod run;

pub use ledger::{Line, lines};
pub use redis::Redis;
pub use run::{Bench, Ended, Ends, Run, oncegate, plugin};
