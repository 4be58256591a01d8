//! How a handler may end, and what becomes of its delivery: the words, without the rules.

use std::fmt;

use crate::Fingerprint;

/// How a handler ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandlerEnd {
    /// It returned `ok`.
    Ok,
    /// It asked for a retry, trapped or met a limit: an attempt is used up.
    Failed(String),
    /// It was stopped because it took too long. That uses up an attempt, unless it is the time that the store took.
    OutOfTime(String),
    /// It said that this can never work.
    Rejected(String),
    /// The host stopped it, because `seen` answered [`SeenError::Aborted`](crate::SeenError::Aborted).
    Aborted,
}

/// What becomes of a delivery. A handler's end is one part of it; what it was told is the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Apply what was staged, then acknowledge.
    Apply,
    /// Apply nothing, use up no attempt, make the delivery again.
    Defer(Deferral),
    /// Apply nothing, make the delivery again after a back-off. An attempt is used up.
    Fail(String),
    /// Dead-letter the delivery, mark the keys that it holds dead, acknowledge it.
    Die(Death),
    /// The delivery died before, and its dead letter is written: acknowledge it.
    DiedBefore(String),
    /// Touch nothing and stop the pipeline: the store is a newer host's.
    Stop(String),
}

/// Why a delivery is made again without using up an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deferral {
    /// A key is in flight elsewhere, for so many milliseconds at most.
    InFlight(u64),
    /// The store did not answer.
    Unavailable(String),
    /// So many hosts died over a key that the delivery has to run alone.
    Suspect(u32),
    /// Its lease had too little left to begin a settle, or the host is stopping.
    TooLate,
    /// The host holds its handler back for now, and with it what that made of the delivery.
    Withheld,
}

/// Why a delivery is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Death {
    /// The handler rejected it.
    Rejected(String),
    /// Its key was committed with another payload; both fingerprints, the committed one first.
    Mismatch {
        /// The key, shown.
        key: String,
        /// The fingerprint that is committed.
        stored: Fingerprint,
        /// The fingerprint of this delivery.
        found: Option<Fingerprint>,
    },
    /// The handler failed as often as it may; the last failure.
    AttemptsUsedUp {
        /// How often.
        attempts: u32,
        /// The last failure.
        last: String,
    },
    /// Its hosts died, the last one while it ran alone.
    HostDied {
        /// How many.
        host_deaths: u32,
    },
    /// Its key was given up for another delivery, with this reason.
    KeyIsDead(String),
    /// Its key's record is not ours to touch.
    Unreadable(String),
    /// It emitted an output that no commit covers.
    EffectWithoutCommit(String),
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Rejected(reason) => write!(f, "rejected: {reason}"),
            Death::Mismatch { key, stored, found } => {
                write!(f, "mismatch: key {key} was committed with another payload (fingerprint {stored}")?;
                match found {
                    Some(found) => write!(f, ", this one has {found})"),
                    None => f.write_str(")"),
                }
            }
            Death::AttemptsUsedUp { attempts, last } => {
                write!(f, "attempts used up ({attempts}): {last}")
            }
            Death::HostDied { host_deaths } => {
                write!(f, "host died: {host_deaths} hosts died over this key, the last one with it alone")
            }
            Death::KeyIsDead(reason) => write!(f, "key is dead: {reason}"),
            Death::Unreadable(reason) => write!(f, "unreadable record: {reason}"),
            Death::EffectWithoutCommit(what) => write!(f, "effect without commit: {what}"),
        }
    }
}
