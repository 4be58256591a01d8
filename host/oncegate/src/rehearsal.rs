//! A handler is tried: messages go through the real gate, pipeline and settle, and hosts die on purpose.
//!
//! One delivery is under way at a time, on one thread. A host that dies is dropped where it stands, with all that it had in
//! memory; what outlives it is the store. Over a store in memory no time is waited for.

mod call;
mod case;
mod clock;
mod crash;
mod delivery;
mod desk;
mod dice;
mod effect;
mod expectation;
mod ground;
mod handler;
mod host;
mod judge;
mod payload;
pub mod report;
mod run;
mod schedule;
mod settle;
mod sink;
mod source;

pub use case::Cases;
pub use crash::Crash;
pub use report::{Counts, Facts, Report};
pub use run::Rehearsal;
pub use schedule::{Order, Plan};
