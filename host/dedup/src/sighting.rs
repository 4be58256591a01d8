//! What an attempt is told of a key: the words, without the rules.

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// The claim is this attempt's: act, then commit.
    New,
    /// The effect has happened; with the receipt, if there is one.
    Duplicate(Option<Vec<u8>>),
    /// Another attempt holds the claim for at most so many milliseconds. The delivery will be made again.
    InFlight(u64),
}

/// Why a call was refused. Nothing was claimed or staged by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Empty or too long.
    #[error("invalid key: {0}")]
    InvalidKey(String),
    /// A commit of a key that this attempt was not told is new.
    #[error("the key was not claimed by this invocation")]
    NotClaimed,
    /// Committed with another payload.
    #[error("the key was committed with another payload")]
    Mismatch,
    /// Given up earlier.
    #[error("the key is dead: {0}")]
    Dead(String),
    /// More keys than the policy allows.
    #[error("more than {0} keys in one delivery")]
    TooManyKeys(u32),
    /// A longer receipt than the policy allows.
    #[error("the receipt is longer than {0} bytes")]
    ReceiptTooLarge(u32),
    /// The store did not answer.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

/// The attempt is over whatever the handler does; do not let it run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted;

/// Why a key was not seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeenError {
    /// The handler is to be told.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The handler is to be stopped.
    #[error("the host ends this attempt")]
    Aborted,
}

/// Who knew that a key was a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DuplicateBy {
    /// The cache.
    L1,
    /// The store.
    Store,
    /// The attempt that held the key, once its commit was durable.
    Waiting,
}

/// What a key would have been, had this not been a trial run (see [`Policy::shadow`](crate::Policy)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shadowed {
    /// A duplicate: not handled.
    Duplicate,
    /// A duplicate with another payload: a dead letter.
    Mismatch,
    /// A key that was given up: a dead letter.
    Dead,
    /// In flight elsewhere: put off.
    InFlight,
    /// Over which too many hosts died: put off until it can run alone.
    Suspect,
    /// One whose record cannot be read: a dead letter, or the end of the run.
    Unreadable,
    /// One that nothing is known of, because the store did not answer: put off.
    Unavailable,
}
