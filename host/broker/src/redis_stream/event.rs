//! What an operator should hear of.

use std::fmt;

use oncegate_redis::text::Escaped;

/// Something that happened to a stream and that an operator should hear of. Printed, it is one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An entry was trimmed while it was pending, and nobody holds it: its message is lost.
    TrimmedPending {
        /// The stream.
        stream: String,
        /// The entry.
        id: String,
        /// The consumer that it was handed to.
        consumer: String,
    },
    /// Entries were trimmed, or deleted, before the group had read them: their messages are lost.
    TrimmedUnread {
        /// The stream.
        stream: String,
        /// How many.
        count: u64,
        /// The last entry that had been read before them.
        after: String,
        /// The first one behind them; none if the stream was empty.
        before: Option<String>,
    },
    /// The stream cannot be read for now; it is waited for.
    Away {
        /// The stream.
        stream: String,
        /// Why.
        why: String,
    },
    /// The stream can be read again.
    Back {
        /// The stream.
        stream: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::TrimmedPending { stream, id, consumer } => write!(
                f,
                "lost: entry {id} of the stream {} was trimmed while it was pending for {}",
                Escaped(stream.as_bytes()),
                Escaped(consumer.as_bytes())
            ),
            Event::TrimmedUnread { stream, count, after, before } => {
                let entries = if *count == 1 { "1 entry" } else { &format!("{count} entries") };
                write!(
                    f,
                    "lost: {entries} of the stream {} after {after}{} left it before being read",
                    Escaped(stream.as_bytes()),
                    before.as_ref().map(|before| format!(" and before {before}")).unwrap_or_default()
                )
            }
            Event::Away { stream, why } => {
                write!(f, "the stream {} cannot be read for now: {why}", Escaped(stream.as_bytes()))
            }
            Event::Back { stream } => {
                write!(f, "the stream {} can be read again", Escaped(stream.as_bytes()))
            }
        }
    }
}

/// What became of a stream's entries, counted since the source was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Entries that were read for the first time.
    pub read: u64,
    /// Entries that were taken over because nothing had been heard of them.
    pub taken_over: u64,
    /// Entries that were pending for this process without its knowing: the reply of a read was lost, or a delivery
    /// ended without an acknowledgement.
    pub recovered: u64,
    /// Entries that this process held and that were found to be somebody else's, or nobody's.
    pub lost: u64,
    /// Messages that are lost because their entries were trimmed while pending.
    pub trimmed_pending: u64,
    /// Messages that are lost because their entries were gone before they were read.
    pub trimmed_unread: u64,
    /// Consumers of dead hosts that were removed.
    pub consumers_removed: u64,
}
