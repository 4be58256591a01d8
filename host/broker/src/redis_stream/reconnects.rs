//! How often a source's connections were lost.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use oncegate_redis::redis::aio::MultiplexedConnection;
use oncegate_redis::{Admitted, Guard, Primary, Unfit};

/// Counts. Whoever has an answer over a new connection finds the one before counted.
#[derive(Debug, Default)]
pub struct Reconnects(AtomicU64);

impl Reconnects {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// How many so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Guard for Reconnects {
    fn admit<'a>(
        &'a self,
        _: &'a Primary,
        _: &'a mut MultiplexedConnection,
    ) -> BoxFuture<'a, Result<Admitted, Unfit>> {
        ready(Ok(Admitted::default())).boxed()
    }

    fn lost(&self, _: &Primary) {
        self.add();
    }

    fn message(&self, _: &[u8], _: &[u8]) {}
}
