//! The six functions that the host gives to a handler: the real ones in a component, those of
//! [`crate::testing`] in a native unit test. Nothing else in this crate knows which of the two it runs on.

#[cfg(target_arch = "wasm32")]
mod imports {
    pub use crate::bindings::oncegate::plugin::config::get as config;
    pub use crate::bindings::oncegate::plugin::dedup::{commit, commit_with, seen};
    pub use crate::bindings::oncegate::plugin::log::log;
    pub use crate::bindings::oncegate::plugin::output::emit;
}

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::imports;

pub(crate) use imports::{commit, commit_with, config, emit, log, seen};
