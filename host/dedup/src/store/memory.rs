//! Records in a map: for tests, for trying things out, and as the plainest reading of the rules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::future::{BoxFuture, FutureExt as _, ready};

use super::account::{Ledger, record_bytes};
use super::{
    Added, Claim, ClaimOutcome, Entry, Forgotten, Invalidate, Listing, Marked, Page, Requeued, SettleOutcome,
    Settlement, Store, StoreError, Usage, Watchers,
};
use crate::transition::{self, Held, Write};
use crate::{Clock, Fence, Key, Namespace, Record};

/// A store that forgets everything when its process ends.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    watchers: Watchers,
    ledger: Ledger,
}

#[derive(Debug, Default)]
struct Inner {
    records: HashMap<Key, Stored>,
    /// Keys to look at for expiry, a few with every call, so that an idle key costs memory only for a while.
    sweep: std::collections::VecDeque<Key>,
}

#[derive(Debug)]
struct Stored {
    /// As encoded, like in every other store: what cannot be written down is found here too.
    bytes: Vec<u8>,
    /// On the clock that counts suspended time.
    until_ms: u64,
}

/// Records looked at for expiry with each write: more than one, or expired ones would never be caught up with.
const SWEPT_PER_WRITE: usize = 2;

impl MemoryStore {
    /// An empty store on this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, inner: Mutex::default(), watchers: Watchers::default(), ledger: Ledger::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done when a thread panics here, because writes come last.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records are held, expired ones included.
    pub fn len(&self) -> usize {
        self.lock().records.len()
    }

    /// Whether no record is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts bytes where a record would be, for tests of what a store does with records that are not its own.
    #[cfg(any(test, feature = "conformance"))]
    pub fn plant(&self, key: &Key, bytes: Vec<u8>, life_ms: u64) {
        let until_ms = self.clock.now_ms().saturating_add(life_ms);
        self.lock().records.insert(key.clone(), Stored { bytes, until_ms });
    }

    fn settle_now(&self, settlements: &[Settlement], write: bool) -> Vec<SettleOutcome> {
        let now_ms = self.clock.now_ms();
        let mut inner = self.lock();
        let mut decide = |settlement: &Settlement| {
            let (outcome, writes) = transition::settle_all(settlement, |key| inner.load(key, now_ms));
            if write {
                writes.into_iter().for_each(|(key, write)| inner.store(key, write, now_ms));
            }
            outcome
        };
        settlements.iter().map(&mut decide).collect()
    }

    /// An operator's change. What it wrote is told to the caches after it can be read, never before: a cache that
    /// asked in between would keep what it was told.
    fn change<T>(
        &self,
        key: &Key,
        decide: impl FnOnce(Option<&Record>) -> (T, Option<Write>),
    ) -> Result<T, StoreError> {
        let now_ms = self.clock.now_ms();
        let mut inner = self.lock();
        let held = inner.load(key, now_ms)?;
        let (answer, write) = decide(held.as_ref().map(|held| &held.record));
        if let Some(write) = write {
            inner.store(key, write, now_ms);
            drop(inner);
            self.watchers.tell(key);
        }
        Ok(answer)
    }
}

impl Inner {
    fn load(&self, key: &Key, now_ms: u64) -> Result<Option<Held>, crate::Unreadable> {
        let Some(stored) = self.records.get(key).filter(|stored| stored.until_ms > now_ms) else {
            return Ok(None);
        };
        let record = Record::decode(&stored.bytes)?;
        Ok(Some(Held { record, left_ms: stored.until_ms - now_ms, void: false }))
    }

    fn store(&mut self, key: &Key, write: Write, now_ms: u64) {
        let stored = Stored { bytes: write.record.encode(), until_ms: now_ms.saturating_add(write.life_ms) };
        if self.records.insert(key.clone(), stored).is_none() {
            self.sweep.push_back(key.clone());
        }
        for _ in 0..SWEPT_PER_WRITE {
            let Some(key) = self.sweep.pop_front() else { break };
            match self.records.get(&key) {
                Some(stored) if stored.until_ms > now_ms => self.sweep.push_back(key),
                _ => drop(self.records.remove(&key)),
            }
        }
    }
}

impl Store for MemoryStore {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        let now_ms = self.clock.now_ms();
        let mut inner = self.lock();
        let mut decide = |claim: &Claim| match inner.load(&claim.key, now_ms) {
            Err(unreadable) => ClaimOutcome::Unreadable(unreadable),
            Ok(held) => {
                let (outcome, write) = transition::claim(held.as_ref(), claim);
                if let Some(write) = write {
                    inner.store(&claim.key, write, now_ms);
                }
                outcome
            }
        };
        ready(claims.iter().map(&mut decide).collect()).boxed()
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        ready(self.settle_now(settlements, false)).boxed()
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        ready(self.settle_now(settlements, true)).boxed()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        let now_ms = self.clock.now_ms();
        let inner = self.lock();
        let entry = inner.records.get(key).filter(|stored| stored.until_ms > now_ms);
        ready(Ok(entry.map(|stored| stored.entry(key, now_ms)))).boxed()
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>> {
        let now_ms = self.clock.now_ms();
        let prefix = Key::prefix(&page.namespace);
        let inner = self.lock();
        let mut keys: Vec<_> = inner
            .records
            .iter()
            .filter(|(key, stored)| {
                let encoded = key.encoded();
                stored.until_ms > now_ms
                    && encoded.starts_with(&prefix)
                    && page.cursor.as_deref().is_none_or(|cursor| encoded > cursor)
            })
            .collect();
        keys.sort_unstable_by_key(|(key, _)| *key);
        let more = keys.len() > page.limit;
        keys.truncate(page.limit);
        let next = keys.last().filter(|_| more).map(|(key, _)| key.encoded().to_vec());
        let entries = keys.into_iter().map(|(key, stored)| stored.entry(key, now_ms)).collect();
        ready(Ok(Listing { entries, next })).boxed()
    }

    fn forget<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>> {
        let change = |record: Option<&Record>| transition::forget(record, expected, keep_ms);
        ready(self.change(key, change)).boxed()
    }

    fn commit_for<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        window_ms: u64,
    ) -> BoxFuture<'a, Result<Marked, StoreError>> {
        let change = |record: Option<&Record>| transition::commit_for(record, expected, window_ms);
        ready(self.change(key, change)).boxed()
    }

    fn requeue<'a>(
        &'a self,
        key: &'a Key,
        fence: Fence,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Requeued, StoreError>> {
        let change = |record: Option<&Record>| transition::requeue(record, fence, keep_ms);
        ready(self.change(key, change)).boxed()
    }

    fn account<'a>(
        &'a self,
        namespace: &'a Namespace,
        added: &'a [Added],
    ) -> BoxFuture<'a, Result<Usage, StoreError>> {
        let found = || {
            let inner = self.lock();
            let own = inner.records.iter().filter(|(key, _)| key.namespace() == namespace.as_str());
            Ok(own.map(|(key, stored)| (stored.until_ms, record_bytes(key, stored.bytes.len()))).collect())
        };
        ready(self.ledger.account(namespace, added, self.clock.now_ms(), found)).boxed()
    }

    fn watch(&self, cache: Weak<dyn Invalidate>) {
        self.watchers.add(cache);
    }

    fn describe(&self) -> String {
        "memory (forgets everything when the process ends)".to_owned()
    }
}

impl Stored {
    fn entry(&self, key: &Key, now_ms: u64) -> Entry {
        Entry {
            key: key.clone(),
            record: Record::decode(&self.bytes),
            left_ms: self.until_ms.saturating_sub(now_ms),
            void: false,
        }
    }
}
