//! Time for the store, which stands still: what is left of a lease is then the same in every answer.

use std::future::pending;

use futures_util::future::BoxFuture;
use oncegate_dedup::{AttemptId, Clock, SystemClock};

#[derive(Debug)]
pub(crate) struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        1_000_000
    }

    fn wall_ms(&self) -> u64 {
        1_000_000_000_000
    }

    fn sleep(&self, _: u64) -> BoxFuture<'static, ()> {
        Box::pin(pending())
    }

    fn attempt_id(&self) -> AttemptId {
        SystemClock.attempt_id()
    }
}
