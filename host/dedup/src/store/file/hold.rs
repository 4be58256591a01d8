//! Keys whose claims must not change hands, because a settle that was decided is being written.

use std::mem;

use super::FileStore;
use super::load::Found;
use super::prepare::Writes;
use crate::Key;
use crate::store::StoreError;

/// Held keys; let go when this is dropped. Whoever has one has the store's turn too, so no key is held twice.
#[derive(Debug)]
pub(super) struct Holds<'a> {
    store: &'a FileStore,
    keys: Vec<Key>,
}

impl<'a> Holds<'a> {
    /// No keys yet.
    pub fn none(store: &'a FileStore) -> Self {
        Self { store, keys: Vec::new() }
    }

    /// Holds a key from now on, and says what is known of it.
    pub fn take(&mut self, key: &Key, now_ms: u64) -> Result<Option<Found>, StoreError> {
        let mut shard = self.store.live.shard(key);
        if shard.held.insert(key.clone()) {
            self.keys.push(key.clone());
        }
        self.store.find(&shard, key, now_ms)
    }

    /// Lets the keys go after `writes` reached the tree, together with the claims that these settle.
    pub fn settled(mut self, writes: &Writes) {
        for key in mem::take(&mut self.keys) {
            let mut shard = self.store.live.shard(&key);
            if writes.contains_key(&key) {
                shard.claims.remove(&key);
            }
            shard.held.remove(&key);
        }
    }
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        for key in &self.keys {
            self.store.live.shard(key).held.remove(key);
        }
    }
}
