//! Lines for the operator.
//!
//! The host escapes and cuts them, and beyond its limit drops and counts them, so a call never fails. The
//! last lines before a trap are shown with it.
//!
//! ```
//! use oncegate_sdk::log;
//! log::info("one line");
//! log::warn(format!("{} of {}", 3, 4));
//! ```
//!
//! What is said through the crate `log` arrives here, too (`log::info!("{done} of {all}")`, also by other libraries), unless
//! this crate's feature of that name is off.

#[cfg(feature = "log")]
pub(crate) mod facade;

pub use crate::bindings::oncegate::plugin::log::Level;
use crate::host;

/// Writes one line at this level.
pub fn line(level: Level, text: impl AsRef<str>) {
    host::log(level, text.as_ref());
}

/// Writes one line that matters only to who follows a single message.
pub fn trace(text: impl AsRef<str>) {
    line(Level::Trace, text);
}

/// Writes one line that matters only to the handler's developer.
pub fn debug(text: impl AsRef<str>) {
    line(Level::Debug, text);
}

/// Writes one line about normal work.
pub fn info(text: impl AsRef<str>) {
    line(Level::Info, text);
}

/// Writes one line about something that somebody should look at.
pub fn warn(text: impl AsRef<str>) {
    line(Level::Warn, text);
}

/// Writes one line about something that went wrong.
pub fn error(text: impl AsRef<str>) {
    line(Level::Error, text);
}
