//! A store that the suite has in its hands.

use crate::Key;
use crate::store::Store;

/// A store together with its clock, its bytes and its process.
pub trait Bench {
    /// The store.
    fn store(&self) -> &dyn Store;

    /// Lets `ms` milliseconds go by on the store's clock. Nothing sleeps.
    fn advance(&mut self, ms: u64);

    /// Puts bytes where the key's record would be, to live for `life_ms`.
    fn plant(&mut self, key: &Key, bytes: &[u8], life_ms: u64);

    /// Puts a value of another type there; `false` if the store has no such thing.
    fn plant_other_type(&mut self, key: &Key) -> bool {
        let _ = key;
        false
    }

    /// Takes the end off a record's life; `false` if that cannot happen to the store.
    fn persist(&mut self, key: &Key) -> bool {
        let _ = key;
        false
    }

    /// The process that has the store open dies, and another one opens it.
    fn reopen(&mut self) -> Reopened {
        Reopened::NotApplicable
    }

    /// By how much, in milliseconds, the store's clock may have gone on by itself at the end of a story.
    fn drift_ms(&self) -> u64 {
        0
    }
}

/// What a new process finds of the old one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reopened {
    /// This store ends with its process; nothing was done.
    NotApplicable,
    /// Everything, claims with what was left of their leases.
    Kept,
    /// Everything, but claims hold nothing any more, because their owner is known to be gone.
    ClaimsVoid,
}

/// Waits for a store's answer, on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
