//! Real hosts and real servers under real faults, and the evidence that they leave.
//!
//! A run knows its hosts only by what goes over their wires, by signals, exit codes and what they say at their end. What
//! it means is for the checker to decide, a program of its own.

mod asked;
mod book;
mod dice;
mod disk;
mod event;
mod evidence;
mod fault;
mod fleet;
mod host;
mod ledger;
mod options;
mod producer;
mod run;
mod schedule;
mod servers;
mod settings;
mod shape;
mod stopper;
mod storm;
mod strike;
mod suite;
mod verdict;
mod witness;

pub use dice::fresh_seed;
pub use options::Options;
pub use run::{NoVerdict, run};
pub use shape::{Control, Shape};
pub use stopper::Stopper;
pub use suite::suite;
