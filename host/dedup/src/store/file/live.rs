//! What this process alone knows: its claims that are not settled, and the keys of settles under way.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Key, Record};

/// Enough that two threads rarely meet.
const SHARDS: usize = 64;

/// Claims and held keys, split by key so that threads with different keys do not wait for each other. Whoever
/// decides about a claim keeps its shard locked from the look to the write.
#[derive(Debug)]
pub(super) struct Live {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

/// The part that holds some of the keys.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// Newer than what the tree holds of the same key.
    pub claims: HashMap<Key, LiveClaim>,
    /// Keys of a settle that is decided and not yet written: their claims must not change hands.
    pub held: HashSet<Key>,
}

/// A claim that is in the claim log, and not in the tree.
#[derive(Debug, Clone)]
pub(super) struct LiveClaim {
    /// Its number, see [`Stamp`](super::stamp::Stamp).
    pub number: u64,
    /// When its record is gone, on the store's clock.
    pub until_ms: u64,
    /// Its record.
    pub record: Record,
}

impl Live {
    /// Nothing.
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// The shard of a key, locked.
    pub fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        lock(&self.shards[index])
    }

    /// All shards, one locked after the other.
    pub fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(lock)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Each change under this lock is one insertion or removal: a panic leaves nothing half done.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
