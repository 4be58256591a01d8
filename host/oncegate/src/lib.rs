//! The host process: configuration, pipelines, command line.
//!
//! The binary is a thin shell around this library, so that benchmarks can run a native handler through the very
//! same pipeline.

#![deny(missing_docs)]

mod assembly;
mod audit;
pub mod cli;
pub mod compiling;
pub mod config;
mod console;
mod deploy;
mod doctor;
pub mod exit;
pub mod fingerprint;
#[doc(hidden)]
pub mod fuzzing;
mod key_text;
mod letters;
mod logs;
mod measure;
mod outputs;
pub mod pipeline;
mod progress;
mod rehearsal;
mod rfc3339;
pub mod rights;
pub mod settings;
pub mod settle;
mod signals;
pub mod stores;
pub mod summary;
mod tenures;
mod trust;
pub mod warning;
