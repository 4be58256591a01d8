//! A clock that stands still until it is told to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{BoxFuture, FutureExt as _, ready};

use crate::{AttemptId, Clock};

/// Time in the hands of a test. Attempt ids are counted, never drawn.
#[derive(Debug)]
pub struct ManualClock {
    now_ms: AtomicU64,
    attempts: AtomicU64,
}

/// Late enough that nothing has to be negative: 2001-09-09 in UTC.
const START_MS: u64 = 1_000_000_000_000;

impl ManualClock {
    /// A clock of its own.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { now_ms: AtomicU64::new(START_MS), attempts: AtomicU64::new(0) })
    }

    /// Lets time go by.
    pub fn advance(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn wall_ms(&self) -> u64 {
        self.now_ms()
    }

    /// Time goes by at once.
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        self.advance(ms);
        ready(()).boxed()
    }

    fn attempt_id(&self) -> AttemptId {
        let number = self.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        AttemptId::from_bytes(u128::from(number).to_be_bytes())
    }
}
