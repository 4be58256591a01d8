//! What a source delivers.

use crate::Ticket;

/// One header of a message. Names may repeat and their order carries meaning, so headers are a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name, compared as it stands (case matters).
    pub name: String,
    /// The value: any bytes.
    pub value: Vec<u8>,
}

/// One message as its source delivered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What the source calls this message. Two deliveries of one message have the same id, but two messages
    /// about one business event need not: it is no business key.
    pub id: String,
    /// The topic it was published on.
    pub topic: String,
    /// The broker's ordering or partitioning key, if the message has one.
    pub key: Option<String>,
    /// The headers in their order, repeated names included.
    pub headers: Vec<Header>,
    /// The payload, byte for byte as it was published.
    pub payload: Vec<u8>,
    /// When it was published, in milliseconds since the Unix epoch; `None` where the source does not say.
    pub published_ms: Option<u64>,
    /// What its end is reported with; none where the source does not want to hear of it.
    pub ticket: Option<Ticket>,
}

/// Input that is no message. It cannot be handled; it can be kept among the dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// `source:offset`, the offset in bytes of the line's start; or the id of a stream's entry.
    pub id: String,
    /// The line's number in its source, counted from 1 and with blank lines; none where there are no lines.
    pub line: Option<u64>,
    /// Why it is no message, in words that can follow "line 7: ".
    pub reason: String,
    /// The line's first bytes without its line ending: at most 64 KiB (65,536 bytes), cut between two
    /// characters where the line is text.
    pub bytes: Vec<u8>,
    /// As for a message.
    pub ticket: Option<Ticket>,
}

/// One thing that a source hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A message to handle.
    Message(Message),
    /// Input that is no message.
    Malformed(Malformed),
}
