//! What is kept for operators and for whoever has to know that a connection was lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Notes of all connections of one [`Server`](crate::Server).
#[derive(Debug, Default)]
pub struct Notes {
    warnings: Mutex<Vec<String>>,
    lost: AtomicU64,
}

impl Notes {
    /// Notes what an operator should know, once.
    pub fn warn(&self, found: Vec<String>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in found {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }

    /// What an operator should know.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a connection was lost.
    pub fn count_lost(&self) {
        self.lost.fetch_add(1, Ordering::SeqCst);
    }

    /// How many were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::SeqCst)
    }
}
