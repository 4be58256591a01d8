//! What a namespace takes in a store: kept beside its records, by when they expire, since no store can count them
//! whenever somebody asks.
//!
//! Who settles says what it added, about once a second, and is told the sum. The sum follows expiry, and what was said.
//! It does not follow an operator's forget before the record's time is over.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::{Action, KeySettle, Settlement, StoreError};
use crate::{Key, Namespace, transition};

/// Keys, and the bytes of their records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Records.
    pub keys: u64,
    /// Bytes of keys and records as they are written; what the store needs around them is not counted.
    pub bytes: u64,
}

impl Usage {
    /// The sum of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { keys: self.keys.saturating_add(other.keys), bytes: self.bytes.saturating_add(other.bytes) }
    }

    fn without(self, other: Self) -> Self {
        Self { keys: self.keys.saturating_sub(other.keys), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}

/// What was added, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Its life from now, in milliseconds.
    pub life_ms: u64,
    /// How much.
    pub usage: Usage,
}

impl Settlement {
    /// What its keys add to the store once it is applied.
    pub fn added(&self) -> impl Iterator<Item = Added> {
        self.keys.iter().map(KeySettle::added)
    }
}

impl KeySettle {
    /// A record is counted with its first end; a later one of the same record replaces it, and brings at most a receipt.
    fn added(&self) -> Added {
        let write = transition::ended(None, self, false);
        let bytes = match (&self.action, self.fence.sequence) {
            (_, 1) => self.key.encoded().len() + write.record.encode().len(),
            (Action::Commit { receipt, .. }, _) => receipt.as_ref().map_or(0, Vec::len),
            _ => 0,
        };
        let usage = Usage { keys: u64::from(self.fence.sequence == 1), bytes: bytes as u64 };
        Added { life_ms: write.life_ms, usage }
    }
}

/// When records are counted as gone: together with all that go at about that time, at most a 32nd of their life late.
pub(super) fn bucket_ms(now_ms: u64, life_ms: u64) -> u64 {
    let width_ms = width_ms(life_ms);
    now_ms.saturating_add(life_ms).div_ceil(width_ms).saturating_mul(width_ms)
}

fn width_ms(life_ms: u64) -> u64 {
    (life_ms / 64).max(512).checked_next_power_of_two().unwrap_or(u64::MAX)
}

/// The accounts of a store of one process.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<HashMap<Namespace, Account>>);

#[derive(Debug, Default)]
struct Account {
    buckets: BTreeMap<u64, Usage>,
    sum: Usage,
}

impl Ledger {
    /// Adds, and gives the sum. An account begins with what `found` gives: the deadline and the bytes of each record that
    /// is there.
    pub fn account(
        &self,
        namespace: &Namespace,
        added: &[Added],
        now_ms: u64,
        found: impl FnOnce() -> Result<Vec<(u64, u64)>, StoreError>,
    ) -> Result<Usage, StoreError> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let account = match accounts.get_mut(namespace) {
            Some(account) => account,
            None => {
                let mut account = Account::default();
                for (until_ms, bytes) in found()? {
                    let life_ms = until_ms.saturating_sub(now_ms);
                    account.add(now_ms, Added { life_ms, usage: Usage { keys: 1, bytes } });
                }
                accounts.entry(namespace.clone()).or_insert(account)
            }
        };
        added.iter().for_each(|added| account.add(now_ms, *added));
        Ok(account.sum(now_ms))
    }
}

impl Account {
    fn add(&mut self, now_ms: u64, added: Added) {
        let bucket = self.buckets.entry(bucket_ms(now_ms, added.life_ms)).or_default();
        *bucket = bucket.and(added.usage);
        self.sum = self.sum.and(added.usage);
    }

    fn sum(&mut self, now_ms: u64) -> Usage {
        while let Some(first) = self.buckets.first_entry()
            && *first.key() <= now_ms
        {
            self.sum = self.sum.without(first.remove());
        }
        self.sum
    }
}

/// A record of a key as it is counted.
pub(super) fn record_bytes(key: &Key, record: usize) -> u64 {
    (key.encoded().len() + record) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace() -> Namespace {
        Namespace::new("n").unwrap()
    }

    fn added(life_ms: u64, keys: u64) -> Added {
        Added { life_ms, usage: Usage { keys, bytes: keys * 100 } }
    }

    #[test]
    fn what_expires_is_counted_no_more_a_little_after_its_time_and_never_before() {
        let ledger = Ledger::default();
        let keys = |added: &[Added], now_ms| {
            ledger.account(&namespace(), added, now_ms, || Ok(Vec::new())).unwrap().keys
        };
        assert_eq!(keys(&[added(60_000, 3), added(3_600_000, 2)], 1_000), 5);
        assert_eq!(keys(&[], 61_000), 5);
        assert_eq!(keys(&[], 63_000), 2);
        assert_eq!(keys(&[], 3_601_000), 2);
        assert_eq!(keys(&[], 3_601_000 + 3_600_000 / 16), 0);
    }

    #[test]
    fn an_account_begins_with_what_is_there_and_is_counted_once() {
        let ledger = Ledger::default();
        let found = || Ok(vec![(10_000, 70), (20_000, 30)]);
        let usage = ledger.account(&namespace(), &[added(5_000, 1)], 0, found).unwrap();
        assert_eq!(usage, Usage { keys: 3, bytes: 200 });
        let usage = ledger.account(&namespace(), &[], 0, || panic!("asked again")).unwrap();
        assert_eq!(usage.keys, 3);
        let other = ledger.account(&Namespace::new("o").unwrap(), &[], 0, || Ok(Vec::new())).unwrap();
        assert_eq!(other, Usage::default());
    }
}
