//! What the store knows of a key: this process' claim of it, or else what the tree holds.

use super::FileStore;
use super::envelope::Envelope;
use super::live::Shard;
use crate::store::{Entry, StoreError};
use crate::transition::Held;
use crate::{Key, Record, State, Unreadable};

/// A record and its deadline.
#[derive(Debug)]
pub(super) struct Found {
    record: Result<Record, Unreadable>,
    until_ms: u64,
    void: bool,
}

impl Found {
    /// For the rules.
    pub fn held(self, now_ms: u64) -> Result<Held, Unreadable> {
        let left_ms = self.until_ms.saturating_sub(now_ms);
        self.record.map(|record| Held { record, left_ms, void: self.void })
    }

    /// For an operator.
    pub fn entry(self, key: Key, now_ms: u64) -> Entry {
        let left_ms = self.until_ms.saturating_sub(now_ms);
        Entry { key, record: self.record, left_ms, void: self.void }
    }
}

impl FileStore {
    /// The key's record, unless its time is over. `shard` is the key's.
    pub(super) fn find(&self, shard: &Shard, key: &Key, now_ms: u64) -> Result<Option<Found>, StoreError> {
        let found = match self.find_live(shard, key) {
            Some(found) => Some(found),
            None => self.engine.record(key.encoded())?.map(|bytes| self.found(&bytes)),
        };
        Ok(found.filter(|found| found.until_ms > now_ms))
    }

    /// The key's claim in this process, expired or not.
    pub(super) fn find_live(&self, shard: &Shard, key: &Key) -> Option<Found> {
        let claim = shard.claims.get(key)?;
        Some(Found { record: Ok(claim.record.clone()), until_ms: claim.until_ms, void: false })
    }

    /// What the tree holds of a key, if its time is not over.
    pub(super) fn find_stored(&self, bytes: &[u8], now_ms: u64) -> Option<Found> {
        Some(self.found(bytes)).filter(|found| found.until_ms > now_ms)
    }

    fn found(&self, bytes: &[u8]) -> Found {
        let Some((envelope, record)) = Envelope::open(bytes) else {
            let record = Err(Unreadable::Corrupt("its deadline is missing"));
            return Found { record, until_ms: u64::MAX, void: false };
        };
        let record = Record::decode(record);
        let claimed = record.as_ref().is_ok_and(|record| record.state == State::Claimed);
        Found { record, until_ms: envelope.until_ms, void: claimed && envelope.stamp.owner < self.owner }
    }
}
