//! What an operator sees of a store, and what comes of an operator's changes.

use crate::record::{Record, State, Unreadable};
use crate::{Fence, Key, Namespace};

/// A record as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The record, or why it cannot be read.
    pub record: Result<Record, Unreadable>,
    /// What is left of the record's life on the store's clock, in milliseconds. For a claim: lease and keep.
    pub left_ms: u64,
    /// The claim was left by a process that is gone: it holds nothing.
    pub void: bool,
}

impl Entry {
    /// What is left of the claim's lease, in milliseconds: zero if there is none.
    pub fn lease_left_ms(&self) -> u64 {
        match &self.record {
            Ok(record) if !self.void && record.state == State::Claimed => {
                self.left_ms.saturating_sub(record.keep_ms)
            }
            _ => 0,
        }
    }

    /// Whether this is a claim that nobody ended in time: its host is dead, or stopped, and no delivery has taken
    /// the key over.
    pub fn is_stuck(&self) -> bool {
        let claimed = self.record.as_ref().is_ok_and(|record| record.state == State::Claimed);
        claimed && self.lease_left_ms() == 0
    }
}

/// The answer to a forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// The key may be claimed again; whoever held it before can no longer commit it.
    Done,
    /// There was no record.
    Absent,
    /// The record is not the one that was named: it has this fence now.
    Changed(Fence),
}

/// The answer to a commit by an operator's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// The key is committed by an operator's word, this one or one before it; whoever held it can no longer commit
    /// it.
    Done,
    /// An attempt has committed the key: it is left as it is, with its receipt.
    Committed(Fence),
    /// A fence was named, and there is no record.
    Absent,
    /// The record is not the one that was named: it has this fence now.
    Changed(Fence),
}

/// The answer to a requeue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requeued {
    /// The key may be claimed again. So it is if the same requeue was done before, and nothing has come of it yet.
    Done,
    /// There was no record: its window is over, and nothing stands in the way.
    Absent,
    /// The record is another one, and was left as it is.
    Kept {
        /// What it is.
        state: State,
        /// Its fence.
        fence: Fence,
    },
}

/// Which records to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Of this namespace.
    pub namespace: Namespace,
    /// Where the page before ended; none for the first page.
    pub cursor: Option<Vec<u8>>,
    /// How many at most; a store may answer somewhat more or fewer.
    pub limit: usize,
}

/// A page of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The records.
    pub entries: Vec<Entry>,
    /// Where the next page begins; none at the end.
    pub next: Option<Vec<u8>>,
}
