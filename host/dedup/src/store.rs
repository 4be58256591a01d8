//! Where claims and commits live: what every store can be asked, and what it may answer.
//!
//! A store is the only judge of who owns a key. Each call names keys of any number of deliveries and answers
//! in the same order; a store that can do it sends one call in one round trip. The rules themselves are in
//! [`transition`](crate::transition); stores differ in how they make them atomic and durable.

use std::fmt;
use std::sync::Weak;

use futures_util::future::{BoxFuture, FutureExt as _, ready};

use crate::record::Unreadable;
use crate::{AttemptId, Fence, Fingerprint, Key, Namespace, Origin};

mod account;
mod file;
mod memory;
mod operator;
mod redis;
mod watch;

#[doc(hidden)]
pub mod fuzzing {
    //! What stores read back, for targets that make it up.
    pub use super::file::fuzzing as file;
    pub use super::redis::fuzzing as redis;
}

pub use account::{Added, Usage};
pub use file::{Figures, FileOptions, FileStore, OpenError, Prepared};
pub use memory::MemoryStore;
pub use operator::{Entry, Forgotten, Listing, Marked, Page, Requeued};
pub use redis::{Epoch, Initialised, NotOurs, RedisOptions, RedisStore, RedisStoreOptions, Secret, Sentinel};
pub use watch::Invalidate;
pub(crate) use watch::Watchers;

/// A request for the exclusive right to settle a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: Key,
    /// Who asks.
    pub attempt: AttemptId,
    /// Over what makes two deliveries the same event; none if fingerprints are off.
    pub fingerprint: Option<Fingerprint>,
    /// How long the claim holds, in milliseconds on the store's clock.
    pub lease_ms: u64,
    /// How long the record outlives its lease, in milliseconds, so that a crash forgets no attempt.
    pub keep_ms: u64,
    /// After how many host deaths the key is a suspect, claimed only by a delivery that runs alone.
    pub suspect_after: u32,
    /// The delivery runs alone. Its claim is on disk before it is answered, where the store has one.
    pub alone: bool,
}

/// The answer to a [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The claim is the asker's.
    First(Granted),
    /// The claim already was the asker's: a reply was lost, or it asked twice.
    Owned(Granted),
    /// Another attempt holds the claim.
    InFlight {
        /// What is left of its lease on the store's clock, in milliseconds.
        left_ms: u64,
    },
    /// The effect has happened.
    Committed(Committed),
    /// Committed, but with another fingerprint.
    Mismatch {
        /// The fingerprint that is committed.
        stored: Fingerprint,
    },
    /// Given up.
    Dead {
        /// Why, as recorded by the attempt that gave it up.
        reason: String,
        /// The delivery that died.
        origin: Option<Origin>,
    },
    /// So many hosts died over this key that only a delivery that runs alone may claim it. Nothing was
    /// claimed.
    Suspect {
        /// How many.
        host_deaths: u32,
    },
    /// The record is not ours to touch. Nothing was changed.
    Unreadable(Unreadable),
    /// The store did not answer; whether it claimed the key is unknown, and asking again as the same attempt
    /// is safe.
    Unavailable(String),
}

/// What comes with a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// What the claim is settled with.
    pub fence: Fence,
    /// Attempts that the handler used up on this key, this one included.
    pub attempts: u32,
    /// Attempts that nobody ended because their host died.
    pub host_deaths: u32,
    /// The last such attempt ran alone, as a suspect: there is nobody else to blame.
    pub died_alone: bool,
}

/// A committed key, as a later duplicate meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The receipt of the commit, if one was stored.
    pub receipt: Option<Vec<u8>>,
    /// The fingerprint of the commit, if one was stored.
    pub fingerprint: Option<Fingerprint>,
    /// What is left of the window on the store's clock, in milliseconds.
    pub left_ms: u64,
}

/// The end of one delivery: all of its keys, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The keys that the delivery claimed.
    pub keys: Vec<KeySettle>,
    /// What to do with a commit or a death whose record is gone.
    pub absent: Absent,
}

/// The end of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySettle {
    /// The key.
    pub key: Key,
    /// The claim's fence.
    pub fence: Fence,
    /// The claim's fingerprint.
    pub fingerprint: Option<Fingerprint>,
    /// What becomes of the key.
    pub action: Action,
}

/// What becomes of a claimed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The effect happened.
    Commit {
        /// What every later duplicate is given.
        receipt: Option<Vec<u8>>,
        /// How long the commit is remembered, in milliseconds.
        window_ms: u64,
    },
    /// Somebody else may try.
    Release {
        /// The handler used up an attempt; otherwise the attempt is taken back.
        failed: bool,
        /// What went wrong; the first one is kept.
        error: String,
        /// How long the record is kept, in milliseconds.
        keep_ms: u64,
    },
    /// Nobody shall try again.
    Die {
        /// Why.
        reason: String,
        /// The delivery that died.
        origin: Origin,
        /// How long the record is kept, in milliseconds.
        window_ms: u64,
    },
}

/// What to do with a commit or a death whose record is gone, because its lease and keep ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Refuse: nothing has happened yet, and a re-run costs less than a doubled effect.
    Refuse,
    /// Accept: the outputs are out already.
    Accept,
}

/// The answer to a [`Settlement`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettleOutcome {
    /// All of it is applied, now or by an earlier call of the same attempt.
    Applied {
        /// Commits accepted although their claim was gone: released by another attempt, or absent.
        late: u32,
    },
    /// A fence was lost: nothing is applied, the delivery belongs to whoever has it now.
    Lost {
        /// The first such key, as an index.
        key: usize,
    },
    /// A record is not ours to touch; nothing is applied.
    Unreadable(Unreadable),
    /// The store did not answer; whether it applied the settlement is unknown, and repeating it is safe.
    Unavailable(String),
}

/// A store that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, or not in time.
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// It answered something that this host must not work with.
    #[error("{0}")]
    Refused(String),
    /// A record is not ours to touch.
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
}

impl From<oncegate_redis::InvalidUrl> for StoreError {
    fn from(error: oncegate_redis::InvalidUrl) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Where claims and commits live.
///
/// Implementations answer in the order of what they were given, one answer each. A call may be dropped before
/// it has answered; whatever it did by then is as if the reply had been lost.
pub trait Store: Send + Sync + fmt::Debug {
    /// Claims keys, each in one atomic step. A claim that is answered has left this process: a kill of the
    /// process forgets none of it.
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>>;

    /// Says how each settlement would end now, and changes nothing.
    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>>;

    /// Settles deliveries, each in one atomic step and durably before it is answered.
    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>>;

    /// One record, for an operator.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>>;

    /// Up to `limit` records of a namespace whose encoded key is greater than `after`, in the order of their
    /// encoded keys where the store has one; an empty answer is the end.
    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>>;

    /// Forgets a key: leaves a released record with a raised sequence for `keep_ms`, so that no answer under
    /// way can bring the old one back. If `expected` is given, only a record that bears it is touched.
    fn forget<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>>;

    /// Commits a key by an operator's word that its effect has happened, without a receipt, for `window_ms`. If
    /// `expected` is given, only a record that bears it is touched; a committed record never is.
    fn commit_for<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        window_ms: u64,
    ) -> BoxFuture<'a, Result<Marked, StoreError>> {
        let _ = (key, expected, window_ms);
        ready(Err(no_operator("commit"))).boxed()
    }

    /// Makes a dead key claimable again, with its attempts and its fingerprint cleared: only if it is dead and
    /// bears `fence`, that of the dead letter which is to be delivered again. Leaves a released record, as a
    /// forget does, for `keep_ms`. May be repeated.
    fn requeue<'a>(
        &'a self,
        key: &'a Key,
        fence: Fence,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Requeued, StoreError>> {
        let _ = (key, fence, keep_ms);
        ready(Err(no_operator("requeue"))).boxed()
    }

    /// Adds to what a namespace takes here, and says what it takes then: for whoever bounds it, about once a second.
    /// What a crash kept from being said is missing until an embedded store is opened again, or else for good.
    fn account<'a>(
        &'a self,
        namespace: &'a Namespace,
        added: &'a [Added],
    ) -> BoxFuture<'a, Result<Usage, StoreError>> {
        let _ = (namespace, added);
        ready(Err(StoreError::Refused("this store does not count its records".to_owned()))).boxed()
    }

    /// Under which epoch a cache may believe what this store has confirmed. It rises whenever the store may have
    /// forgotten something or an invalidation may have been missed: what was cached under another epoch is not
    /// believed any more. None while invalidations cannot arrive: then a cache neither answers nor is filled.
    fn cache_epoch(&self) -> Option<u64> {
        Some(0)
    }

    /// Tells a cache of every key that an operator changes from now on, on whichever host. A cache that is gone
    /// needs not be taken off.
    fn watch(&self, cache: Weak<dyn Invalidate>) {
        let _ = cache;
    }

    /// How many replicas have to hold what was settled before it is acknowledged and cached. None by default.
    fn replicas(&self) -> u32 {
        0
    }

    /// Waits until so many replicas hold everything that was settled before the call. `since` is what
    /// [`cache_epoch`](Store::cache_epoch) said before that was sent. If they do not in time, or the connection was lost
    /// in between, why: then nothing of it may be acknowledged. It may be asked again; after a lost connection it is
    /// settled again first, with another `since`.
    fn replicated(&self, since: Option<u64>) -> BoxFuture<'_, Result<(), String>> {
        let _ = since;
        ready(Ok(())).boxed()
    }

    /// What a summary and `check` say of this store.
    fn describe(&self) -> String;
}

fn no_operator(what: &str) -> StoreError {
    StoreError::Refused(format!("this store cannot {what} by hand"))
}
