//! Caches that want to hear what an operator changes.

use std::fmt;
use std::sync::{Mutex, PoisonError, Weak};

use crate::Key;

/// A cache in front of a store.
pub trait Invalidate: Send + Sync + fmt::Debug {
    /// What the store said of the key before now holds no longer.
    fn invalidate(&self, key: &Key);
}

/// The caches in front of one store.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<Vec<Weak<dyn Invalidate>>>);

impl Watchers {
    /// One more.
    pub fn add(&self, cache: Weak<dyn Invalidate>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(cache);
    }

    /// Tells them all, and forgets those that are gone.
    pub fn tell(&self, key: &Key) {
        let mut caches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        caches.retain(|cache| match cache.upgrade() {
            Some(cache) => {
                cache.invalidate(key);
                true
            }
            None => false,
        });
    }
}
