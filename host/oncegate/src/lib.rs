//! The host process: configuration, pipelines, command line.
//!
//! The binary is a thin shell around this library, so that benchmarks can run a native handler through the very
//! same pipeline.

#![deny(missing_docs)]

mod assembly;
pub mod cli;
pub mod config;
pub mod exit;
pub mod fingerprint;
mod logs;
mod outputs;
pub mod pipeline;
mod progress;
pub mod settings;
pub mod settle;
mod signals;
pub mod stores;
pub mod summary;
