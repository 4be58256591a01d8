//! The memory store in the suite's hands.

use std::sync::Arc;

use super::{Bench, ManualClock};
use crate::Key;
use crate::store::{MemoryStore, Store};

/// An empty memory store on a manual clock.
#[derive(Debug)]
pub struct MemoryBench {
    clock: Arc<ManualClock>,
    store: MemoryStore,
}

impl MemoryBench {
    /// A fresh one.
    pub fn new() -> Self {
        let clock = ManualClock::new();
        Self { store: MemoryStore::new(clock.clone()), clock }
    }
}

impl Default for MemoryBench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench for MemoryBench {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn advance(&mut self, ms: u64) {
        self.clock.advance(ms);
    }

    fn plant(&mut self, key: &Key, bytes: &[u8], life_ms: u64) {
        self.store.plant(key, bytes.to_vec(), life_ms);
    }
}
