//! The host's side of the contract: a file for each interface. A version of the contract adds its own words to what is
//! done here (see `contract`).

mod config;
mod dedup;
mod log;
mod output;
