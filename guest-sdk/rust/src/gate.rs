//! The gate's three questions as the contract has them, for handlers that need more than
//! [`once`](crate::once): several keys, or a receipt that depends on another key.

use crate::{Refusal, Sighting, host};

/// Claims a key: of all handlers that ask for it at the same time, one is answered [`Sighting::New`].
///
/// This is no mere look: after `New`, commit the key or fail. It may wait a short while if the key is in
/// flight elsewhere.
///
/// # Errors
///
/// The host's [`Refusal`]; `?` turns it into an [`Error`](crate::Error).
pub fn seen(key: &str) -> Result<Sighting, Refusal> {
    host::seen(key)
}

/// Stages the commit of a key that was answered [`Sighting::New`], without a receipt. A second commit of the
/// same key changes nothing.
///
/// # Errors
///
/// The host's [`Refusal`]; `?` turns it into an [`Error`](crate::Error).
pub fn commit(key: &str) -> Result<(), Refusal> {
    host::commit(key)
}

/// Stages the commit of a key that was answered [`Sighting::New`], with bytes that every later duplicate is
/// given. A second commit of the same key keeps the first receipt.
///
/// # Errors
///
/// The host's [`Refusal`]; `?` turns it into an [`Error`](crate::Error).
pub fn commit_with(key: &str, receipt: &[u8]) -> Result<(), Refusal> {
    host::commit_with(key, receipt)
}
