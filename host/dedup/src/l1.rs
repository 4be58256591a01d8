//! The cache in front of the store.
//!
//! It holds committed keys only: that a key is absent or claimed can change under it at any moment, that a
//! key is committed changes only at the end of its window or by an operator's hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache;

use crate::store::Committed;
use crate::{Clock, Key};

/// What an entry costs beside its key and receipt, in bytes: the cache's own nodes, queues and timers, and the
/// allocations' headers. Measured, and held to by a test that compares the bound with what a process uses.
pub const ENTRY_OVERHEAD_BYTES: u32 = 530;

/// Bounds of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Limits {
    /// How much memory it may use, in bytes. Default 64 MiB. Zero: no cache.
    pub bytes: u64,
    /// The longest that an entry is believed without asking the store, in milliseconds. Default 10 minutes.
    /// It is how long a running host may overlook that an operator forgot a key.
    pub staleness_ms: u64,
}

impl Default for L1Limits {
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, staleness_ms: 10 * 60 * 1000 }
    }
}

/// Committed keys, by least use.
#[derive(Debug)]
pub(crate) struct L1 {
    clock: Arc<dyn Clock>,
    staleness_ms: u64,
    cache: Option<Cache<Key, Arc<CachedCommit>>>,
}

/// A commit that the store has confirmed.
#[derive(Debug)]
struct CachedCommit {
    commit: Committed,
    /// On the gate's own clock. The cache's expiry follows the real clock, which a simulation does not; and it
    /// may be late.
    until_ms: u64,
    life_ms: u64,
}

#[derive(Debug)]
struct ByRemainingLife;

impl Expiry<Key, Arc<CachedCommit>> for ByRemainingLife {
    fn expire_after_create(&self, _: &Key, value: &Arc<CachedCommit>, _: Instant) -> Option<Duration> {
        Some(Duration::from_millis(value.life_ms))
    }

    // Without this the cache keeps the old entry's expiry when an entry is replaced.
    fn expire_after_update(
        &self,
        _: &Key,
        value: &Arc<CachedCommit>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(Duration::from_millis(value.life_ms))
    }
}

fn weight(key: &Key, value: &Arc<CachedCommit>) -> u32 {
    let receipt = value.commit.receipt.as_ref().map_or(0, Vec::len);
    let bytes = key.encoded().len() + receipt;
    u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(ENTRY_OVERHEAD_BYTES)
}

impl L1 {
    pub fn new(limits: L1Limits, clock: Arc<dyn Clock>) -> Self {
        let cache = (limits.bytes > 0).then(|| {
            Cache::builder().max_capacity(limits.bytes).weigher(weight).expire_after(ByRemainingLife).build()
        });
        Self { clock, staleness_ms: limits.staleness_ms, cache }
    }

    /// The commit of a key, with what is left of its life here.
    pub fn get(&self, key: &Key) -> Option<Committed> {
        let cached = self.cache.as_ref()?.get(key)?;
        let left_ms = cached.until_ms.saturating_sub(self.clock.now_ms());
        (left_ms > 0).then(|| Committed { left_ms, ..cached.commit.clone() })
    }

    /// Remembers a commit that the store has confirmed, for the rest of its window or the staleness bound.
    pub fn insert(&self, key: &Key, commit: Committed) {
        let Some(cache) = &self.cache else { return };
        let life_ms = commit.left_ms.min(self.staleness_ms);
        if life_ms == 0 {
            return;
        }
        let until_ms = self.clock.now_ms().saturating_add(life_ms);
        cache.insert(key.clone(), Arc::new(CachedCommit { commit, until_ms, life_ms }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Namespace, SystemClock};

    fn cached_twice(first_ms: u64, second_ms: u64) -> (L1, Key) {
        let l1 = L1::new(L1Limits::default(), Arc::new(SystemClock));
        let key = Key::new(&Namespace::new("n").unwrap(), b"k");
        for left_ms in [first_ms, second_ms] {
            l1.insert(&key, Committed { receipt: None, fingerprint: None, left_ms });
        }
        std::thread::sleep(Duration::from_millis(60));
        (l1, key)
    }

    #[test]
    fn inserted_again_with_a_longer_life_an_entry_lives_longer() {
        let (l1, key) = cached_twice(30, 60_000);
        assert!(l1.get(&key).is_some());
    }

    #[test]
    fn inserted_again_with_a_shorter_life_an_entry_is_gone_from_the_cache_itself() {
        let (l1, key) = cached_twice(60_000, 30);
        assert!(!l1.cache.unwrap().contains_key(&key));
    }

    #[test]
    fn nothing_is_cached_where_there_is_no_room_or_no_time_left() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let key = Key::new(&Namespace::new("n").unwrap(), b"k");
        let commit = |left_ms| Committed { receipt: None, fingerprint: None, left_ms };
        let none = L1::new(L1Limits { bytes: 0, ..L1Limits::default() }, Arc::clone(&clock));
        none.insert(&key, commit(60_000));
        assert!(none.get(&key).is_none());
        let over = L1::new(L1Limits::default(), clock);
        over.insert(&key, commit(0));
        assert!(over.get(&key).is_none());
        // As long as a store can count.
        over.insert(&key, commit(u64::MAX));
        assert!(over.get(&key).is_some());
    }
}
