//! Which hand-over of a message this is.

use std::fmt;

/// What a source that wants to hear of the end of its deliveries gives each of them: which entry, handed over for
/// how manieth time. Only the hand-over that is the entry's last may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket {
    /// The entry's place in its stream, as the two numbers of a Redis Streams id.
    pub entry: (u64, u64),
    /// How often the entry had been handed over then, this time included.
    pub count: u64,
}

impl Ticket {
    /// The entry's id in its stream, `MS-SEQUENCE`.
    pub fn entry_id(&self) -> String {
        format!("{}-{}", self.entry.0, self.entry.1)
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}#{}", self.entry.0, self.entry.1, self.count)
    }
}
