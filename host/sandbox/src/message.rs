//! A message as the sandbox is given it, whatever version of the contract its handler was built for.

/// One delivery of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The source's own identifier.
    pub id: String,
    /// Where it was read from.
    pub topic: String,
    /// The producer's message key, if it set one.
    pub key: Option<String>,
    /// The producer's headers, in order; names may repeat.
    pub headers: Vec<Header>,
    /// The payload's exact bytes.
    pub payload: Vec<u8>,
    /// Which delivery of this message this is, from 1.
    pub attempt: u32,
    /// When it was published, in milliseconds since 1970-01-01 UTC, if the source says so.
    pub published_ms: Option<u64>,
}

/// One header of a message or of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub name: String,
    /// The value's bytes.
    pub value: Vec<u8>,
}
