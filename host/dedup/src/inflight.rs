//! Claims under way inside this process: of all attempts that ask for one key, one asks the store, and the
//! others wait for what becomes of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::Key;
use crate::store::ClaimOutcome;

/// Enough that two workers seldom meet on one lock.
const SHARDS: usize = 16;

#[derive(Debug)]
pub(crate) struct InFlight {
    shards: [Mutex<HashMap<Key, Arc<Slot>>>; SHARDS],
}

/// One key under way.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    notify: Notify,
    /// What became of it, once: an answer that holds for everybody, or nothing, and the next one asks.
    end: OnceLock<Option<ClaimOutcome>>,
}

/// What an attempt is to a key.
#[derive(Debug)]
pub(crate) enum Role {
    /// The one that asks the store.
    Leader(Leader),
    /// One that waits.
    Follower(Arc<Slot>),
}

/// The right to ask the store for a key. Held until the claim is settled; dropped, it wakes those who wait.
#[derive(Debug)]
pub(crate) struct Leader {
    in_flight: Arc<InFlight>,
    key: Key,
    slot: Arc<Slot>,
}

impl InFlight {
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    pub fn enter(self: &Arc<Self>, key: &Key) -> Role {
        match self.shard(key).entry(key.clone()) {
            Entry::Occupied(occupied) => Role::Follower(Arc::clone(occupied.get())),
            Entry::Vacant(vacant) => {
                let slot = Arc::clone(vacant.insert(Arc::default()));
                Role::Leader(Leader { in_flight: Arc::clone(self), key: key.clone(), slot })
            }
        }
    }

    fn shard(&self, key: &Key) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
        let mut hasher = DefaultHasher::new();
        // A key's hash is keyed already.
        key.hash(&mut hasher);
        // The remainder is below SHARDS.
        let index = (hasher.finish() % SHARDS as u64) as usize;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// What became of the key. To be cancelled at will.
    pub async fn ended(&self) -> Option<ClaimOutcome> {
        let mut notified = pin!(self.notify.notified());
        // Registered before looking: an end between the look and the wait would be missed otherwise.
        notified.as_mut().enable();
        if self.end.get().is_none() {
            notified.await;
        }
        self.end.get().cloned().flatten()
    }
}

impl Leader {
    /// Ends the leadership with an answer that holds for everybody who waits.
    pub fn resolve(self, answer: ClaimOutcome) {
        // Nobody else sets it: a leadership ends once.
        let _ = self.slot.end.set(Some(answer));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        // Removed first: who is woken and asks again must not find this slot.
        self.in_flight.shard(&self.key).remove(&self.key);
        let _ = self.slot.end.set(None);
        self.slot.notify.notify_waiters();
    }
}
