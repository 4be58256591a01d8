//! The id of an entry of a stream: when it was appended, and a number within that millisecond.

use std::fmt;

use serde::Deserialize;

/// `1700000000123-0`. Ordered as the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct EntryId {
    /// When the server appended it.
    pub ms: u64,
    number: u64,
}

impl TryFrom<String> for EntryId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once('-').map(|(ms, number)| (ms.parse(), number.parse()));
        match parts {
            Some((Ok(ms), Ok(number))) => Ok(Self { ms, number }),
            _ => Err(format!("`{text}` is no id of a stream's entry, which is MILLISECONDS-NUMBER")),
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.number)
    }
}
