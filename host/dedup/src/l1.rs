//! The cache in front of the store.
//!
//! It holds committed keys only: that a key is absent or claimed can change under it at any moment, that a
//! key is committed changes only at the end of its window or by an operator's hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache;

use crate::store::{Committed, Invalidate};
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
    /// How often something ceased to be so: keys that an operator changed, and distrust of all of it.
    invalidations: AtomicU64,
    /// What the store was asked for before so many of them is not believed.
    distrusted: AtomicU64,
}

/// What is known before the store is asked: an answer is remembered only if it still is so afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The store's [`cache_epoch`](crate::store::Store::cache_epoch).
    epoch: u64,
    invalidations: u64,
}

/// A commit that the store has confirmed.
#[derive(Debug)]
struct CachedCommit {
    commit: Committed,
    /// What was known before the store confirmed it.
    ticket: Ticket,
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
        let (invalidations, distrusted) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { clock, staleness_ms: limits.staleness_ms, cache, invalidations, distrusted }
    }

    /// To be taken before the store is asked for what may be inserted. None: nothing may.
    pub fn ticket(&self, epoch: Option<u64>) -> Option<Ticket> {
        let invalidations = self.invalidations.load(Ordering::SeqCst);
        epoch.map(|epoch| Ticket { epoch, invalidations })
    }

    /// The commit of a key, with what is left of its life here. What was confirmed under another epoch is not
    /// believed; with none, nothing is.
    pub fn get(&self, key: &Key, epoch: Option<u64>) -> Option<Committed> {
        let epoch = epoch?;
        let cached = self.cache.as_ref()?.get(key)?;
        let left_ms = cached.until_ms.saturating_sub(self.clock.now_ms());
        let Ticket { epoch: known, invalidations } = cached.ticket;
        let is_believed = known == epoch && invalidations >= self.distrusted.load(Ordering::SeqCst);
        (left_ms > 0 && is_believed).then(|| Committed { left_ms, ..cached.commit.clone() })
    }

    /// Nothing is believed any more that the store was asked for before.
    pub fn distrust(&self) {
        let now = self.invalidations.fetch_add(1, Ordering::SeqCst) + 1;
        self.distrusted.fetch_max(now, Ordering::SeqCst);
    }

    /// Remembers a commit that the store has confirmed, for the rest of its window or the staleness bound; unless
    /// an operator's change was heard of since the ticket was taken, which the store's answer may not know yet.
    pub fn insert(&self, key: &Key, commit: Committed, ticket: Option<Ticket>) {
        let (Some(cache), Some(ticket)) = (&self.cache, ticket) else { return };
        let life_ms = commit.left_ms.min(self.staleness_ms);
        if life_ms == 0 || !self.is_current(ticket) {
            return;
        }
        let until_ms = self.clock.now_ms().saturating_add(life_ms);
        let cached = CachedCommit { commit, ticket, until_ms, life_ms };
        cache.insert(key.clone(), Arc::new(cached));
        // An invalidation between the look above and the insertion found nothing to take out. Each counts before it
        // takes out: one that is not counted yet takes out what is inserted now.
        if !self.is_current(ticket) {
            cache.invalidate(key);
        }
    }

    fn is_current(&self, ticket: Ticket) -> bool {
        self.invalidations.load(Ordering::SeqCst) == ticket.invalidations
    }
}

impl Invalidate for L1 {
    fn invalidate(&self, key: &Key) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        if let Some(cache) = &self.cache {
            cache.invalidate(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Namespace, SystemClock};

    fn commit(left_ms: u64) -> Committed {
        Committed { receipt: None, fingerprint: None, left_ms }
    }

    fn cached_twice(first_ms: u64, second_ms: u64) -> (L1, Key) {
        let l1 = L1::new(L1Limits::default(), Arc::new(SystemClock));
        let key = Key::new(&Namespace::new("n").unwrap(), b"k");
        for left_ms in [first_ms, second_ms] {
            l1.insert(&key, commit(left_ms), l1.ticket(Some(0)));
        }
        std::thread::sleep(Duration::from_millis(60));
        (l1, key)
    }

    #[test]
    fn inserted_again_with_a_longer_life_an_entry_lives_longer() {
        let (l1, key) = cached_twice(30, 60_000);
        assert!(l1.get(&key, Some(0)).is_some());
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
        let none = L1::new(L1Limits { bytes: 0, ..L1Limits::default() }, Arc::clone(&clock));
        none.insert(&key, commit(60_000), none.ticket(Some(0)));
        assert!(none.get(&key, Some(0)).is_none());
        let over = L1::new(L1Limits::default(), clock);
        over.insert(&key, commit(0), over.ticket(Some(0)));
        assert!(over.get(&key, Some(0)).is_none());
        // As long as a store can count.
        over.insert(&key, commit(u64::MAX), over.ticket(Some(0)));
        assert!(over.get(&key, Some(0)).is_some());
    }

    #[test]
    fn what_was_confirmed_under_another_epoch_is_not_believed() {
        // Rule 18: a store that may have rolled back a commit must be asked again.
        let l1 = L1::new(L1Limits::default(), Arc::new(SystemClock));
        let key = Key::new(&Namespace::new("n").unwrap(), b"k");
        l1.insert(&key, commit(60_000), l1.ticket(None));
        assert!(l1.get(&key, Some(1)).is_none(), "without a channel nothing is put in");
        l1.insert(&key, commit(60_000), l1.ticket(Some(1)));
        assert!(l1.get(&key, Some(1)).is_some());
        assert!(l1.get(&key, Some(2)).is_none());
        assert!(l1.get(&key, None).is_none(), "without a channel nothing is answered");
    }

    #[test]
    fn an_answer_that_was_under_way_does_not_bring_a_forgotten_key_back() {
        // Rule 19.
        let l1 = L1::new(L1Limits::default(), Arc::new(SystemClock));
        let key = Key::new(&Namespace::new("n").unwrap(), b"k");
        let asked = l1.ticket(Some(0));
        l1.invalidate(&key);
        l1.insert(&key, commit(60_000), asked);
        assert!(l1.get(&key, Some(0)).is_none());
        l1.insert(&key, commit(60_000), l1.ticket(Some(0)));
        assert!(l1.get(&key, Some(0)).is_some());
        l1.invalidate(&key);
        assert!(l1.get(&key, Some(0)).is_none());
    }

    #[test]
    fn after_distrust_only_what_was_asked_for_since_is_believed() {
        let l1 = L1::new(L1Limits::default(), Arc::new(SystemClock));
        let key = |name: &[u8]| Key::new(&Namespace::new("n").unwrap(), name);
        let asked = l1.ticket(Some(0));
        l1.insert(&key(b"before"), commit(60_000), asked);
        l1.distrust();
        l1.insert(&key(b"under way"), commit(60_000), asked);
        l1.insert(&key(b"since"), commit(60_000), l1.ticket(Some(0)));
        let known =
            [b"before".as_slice(), b"under way", b"since"].map(|name| l1.get(&key(name), Some(0)).is_some());
        assert_eq!(known, [false, false, true]);
    }

    #[test]
    fn of_an_insertion_and_an_invalidation_at_once_nothing_is_left() {
        let l1 = L1::new(L1Limits::default(), Arc::new(SystemClock));
        let key = Key::new(&Namespace::new("n").unwrap(), b"k");
        for _ in 0..2000 {
            let asked = l1.ticket(Some(0));
            std::thread::scope(|scope| {
                scope.spawn(|| l1.insert(&key, commit(60_000), asked));
                scope.spawn(|| l1.invalidate(&key));
            });
            assert!(l1.get(&key, Some(0)).is_none());
        }
    }
}
