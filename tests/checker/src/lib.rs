//! Reads what a run left and decides whether every effect happened once; shares no code with the hosts.
//!
//! A run leaves a folder: what its producer sent, what lay at the sinks in the end, which faults struck, what was
//! acknowledged. [`Evidence`] reads it, a [`History`] is what it says of one pipeline, each file below `verdict` decides
//! one thing, and a [`Report`] is all that was decided. The formats are described at the types of [`evidence`].

#![deny(missing_docs)]

mod entry_id;
pub mod evidence;
mod file;
mod history;
mod report;
mod row;
mod table;
mod trail;
mod verdict;

pub use entry_id::EntryId;
pub use evidence::Evidence;
pub use history::History;
pub use report::{Outcome, Report};
pub use row::{Example, Row};
