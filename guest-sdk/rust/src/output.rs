//! What a handler makes happen.

use crate::{Header, OutputRefusal, Result, host};
use serde::Serialize;

/// An output that is being described. Nothing is staged until [`json`](Output::json) or
/// [`bytes`](Output::bytes) gives it a payload.
#[derive(Clone, Debug)]
#[must_use = "nothing is emitted before `json` or `bytes`"]
pub struct Output<'a> {
    topic: &'a str,
    key: Option<&'a str>,
    headers: Vec<Header>,
}

/// Begins an output to this topic, which the operator must have allowed.
///
/// It is applied when the handler returns `Ok`, and belongs to the key that was most recently new: without
/// that key's commit the host does not apply it. Inside [`once`](crate::once) that is so by itself.
///
/// ```
/// # fn work(id: &str) -> oncegate_sdk::Result<()> {
/// oncegate_sdk::emit("parcels").key(id).header("schema", "2").json(&["a", "b"])
/// # }
/// ```
pub fn emit(topic: &str) -> Output<'_> {
    Output { topic, key: None, headers: Vec::new() }
}

impl<'a> Output<'a> {
    /// The output's message key, by which brokers choose a partition.
    pub fn key(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds one header. Names may repeat; those that begin with `oncegate-` are the host's own and refused.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(Header { name: name.to_owned(), value: value.as_ref().to_vec() });
        self
    }

    /// Stages the output with this value as JSON.
    ///
    /// # Errors
    ///
    /// [`Reject`](crate::Error::Reject) if the value cannot be written as JSON or the host refuses the
    /// output.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        let payload = serde_json::to_vec(value)?;
        Ok(self.bytes(payload)?)
    }

    /// Stages the output with these bytes.
    ///
    /// # Errors
    ///
    /// The host's [`OutputRefusal`]; `?` turns it into an [`Error`](crate::Error).
    pub fn bytes(self, payload: impl AsRef<[u8]>) -> Result<(), OutputRefusal> {
        host::emit(self.topic, self.key, &self.headers, payload.as_ref())
    }
}
