//! What an operator asks: one record, a list of them, to change one.

use std::collections::BTreeMap;

use super::FileStore;
use super::hold::Holds;
use super::load::Found;
use super::prepare::Writes;
use crate::store::{Entry, Listing, Page, StoreError};
use crate::transition::Write;
use crate::{Key, Record};

impl FileStore {
    pub(super) fn entry(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.alive()?;
        let now_ms = self.clock.now_ms();
        let found = self.find(&self.live.shard(key), key, now_ms)?;
        Ok(found.map(|found| found.entry(key.clone(), now_ms)))
    }

    pub(super) fn page(&self, page: &Page) -> Result<Listing, StoreError> {
        self.alive()?;
        let now_ms = self.clock.now_ms();
        let prefix = Key::prefix(&page.namespace);
        let mut found = self.live_page(page, &prefix);
        let mut left = page.limit.saturating_add(1);
        let first = page.cursor.as_ref().map_or_else(|| prefix.clone(), |cursor| [cursor, &[0][..]].concat());
        for pair in self.engine.records_from(&prefix, first) {
            let (encoded, bytes) = pair?;
            // What is no key of ours cannot be asked for either.
            let Some(key) = Key::decode(&encoded) else { continue };
            let Some(stored) = self.find_stored(&bytes, now_ms) else { continue };
            found.entry(key).or_insert(stored);
            left -= 1;
            if left == 0 {
                break;
            }
        }
        let mut entries: Vec<_> = found
            .into_iter()
            .map(|(key, found)| found.entry(key, now_ms))
            .filter(|entry| entry.left_ms > 0)
            .take(page.limit.saturating_add(1))
            .collect();
        let more = entries.len() > page.limit;
        entries.truncate(page.limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.key.encoded().to_vec());
        Ok(Listing { entries, next })
    }

    /// Unsettled claims of the page's namespace behind its cursor, the expired ones too: they stand in front
    /// of what the tree has.
    fn live_page(&self, page: &Page, prefix: &[u8]) -> BTreeMap<Key, Found> {
        let mut found = BTreeMap::new();
        for shard in self.live.shards() {
            for key in shard.claims.keys() {
                let behind = page.cursor.as_deref().is_none_or(|cursor| key.encoded() > cursor);
                if behind && key.encoded().starts_with(prefix) {
                    found.extend(self.find_live(&shard, key).map(|claim| (key.clone(), claim)));
                }
            }
        }
        found
    }

    /// An operator's change, on the disk when it is answered, and told to the caches then.
    pub(super) fn change<T>(
        &self,
        key: &Key,
        decide: impl FnOnce(Option<&Record>) -> (T, Option<Write>),
    ) -> Result<T, StoreError> {
        self.alive()?;
        let (mut turn, now_ms) = (self.turn(), self.clock.now_ms());
        let mut holds = Holds::none(self);
        let record = match holds.take(key, now_ms)? {
            Some(found) => Some(found.held(now_ms)?.record),
            None => None,
        };
        let (answer, write) = decide(record.as_ref());
        if let Some(write) = write {
            self.apply(&mut turn, holds, &Writes::from([(key.clone(), write)]), &[])?;
            self.watchers.tell(key);
        }
        Ok(answer)
    }
}
