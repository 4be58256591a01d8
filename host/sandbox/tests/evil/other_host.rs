//! Another host on the same store, and the time that passes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use oncegate_dedup::{Attempt, AttemptId, Clock, Gate, Sighting, SystemClock, Verdict};

use crate::common::attempt;

/// A host that has a gate of its own: what it holds is in flight elsewhere.
pub struct OtherHost(Arc<Gate>);

impl OtherHost {
    pub fn new(gate: Arc<Gate>) -> Self {
        Self(gate)
    }

    /// Claims these keys.
    pub async fn claim(&self, keys: &[String]) -> Option<Attempt> {
        // The suite asks this for every case, and most have none.
        if keys.is_empty() {
            return None;
        }
        let mut attempt = attempt(&self.0, "other");
        for key in keys {
            assert_eq!(attempt.seen(key.as_bytes()).await, Ok(Sighting::New), "{key}");
        }
        Some(attempt)
    }

    /// Gives up what it claimed.
    pub async fn release(&self, attempt: Option<Attempt>) {
        if let Some(attempt) = attempt {
            self.0.settle(attempt.end(&Verdict::Apply)).await;
        }
    }

    /// Commits these keys with a receipt.
    pub async fn commit(&self, keys: &[String], receipt: &[u8]) {
        let mut attempt = self.claim(keys).await;
        for key in keys {
            let attempt = attempt.as_mut().unwrap();
            attempt.commit(key.as_bytes(), Some(receipt.to_vec())).unwrap();
        }
        self.release(attempt).await;
    }
}

/// The machine's clock, put forward.
#[derive(Debug, Default)]
pub struct Later(AtomicU64);

impl Later {
    /// So much time passes at once.
    pub fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Relaxed);
    }
}

impl Clock for Later {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms() + self.0.load(Relaxed)
    }

    fn wall_ms(&self) -> u64 {
        SystemClock.wall_ms() + self.0.load(Relaxed)
    }

    fn sleep(&self, ms: u64) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        SystemClock.sleep(ms)
    }

    fn attempt_id(&self) -> AttemptId {
        SystemClock.attempt_id()
    }
}
