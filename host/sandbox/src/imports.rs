//! The host's side of the contract: a file for each interface.

mod config;
mod dedup;
mod log;
mod output;

impl crate::bindings::oncegate::plugin::types::Host for crate::invocation::State {}
