#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[doc(hidden)]
pub mod bindings;
mod boxed;
mod config;
#[doc(hidden)]
pub mod entry;
mod error;
mod gate;
#[cfg(all(target_arch = "wasm32", feature = "heap"))]
mod heap;
mod host;
pub mod log;
mod message;
mod once;
mod or_fail;
mod output;
mod receipt;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use bindings::oncegate::plugin::dedup::{Refusal, Sighting};
pub use bindings::oncegate::plugin::output::Refusal as OutputRefusal;
pub use bindings::oncegate::plugin::types::{Failure, Header, Message};
pub use config::config;
pub use error::{Error, Result, reject, retry};
pub use gate::{commit, commit_with, seen};
pub use once::{Once, once};
pub use or_fail::OrFail;
pub use output::{Output, emit};
pub use receipt::Receipt;
