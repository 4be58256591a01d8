//! Takes from a process what it does not need, before its first thread, and says what is in force.
//!
//! Three things of the kernel, each for what the others cannot do: *no new privileges* (a program that is run
//! gains none), *landlock* (which files can be named, whether TCP can be used), *seccomp* (which system calls
//! there are). All of them hold for every thread and process that begins afterwards, and none can be undone.

#![deny(missing_docs)]

mod computing;
mod dropped;
mod error;
mod files;
mod filter;
mod hosting;
mod keep;
mod single;

pub use computing::drop_all;
pub use dropped::Dropped;
pub use error::RightsError;
pub use hosting::drop_others;
pub use keep::{Access, Keep, OwnProgram};
