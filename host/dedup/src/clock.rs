//! Time and chance, as the gate is given them.

use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;

use crate::AttemptId;

/// Everything that the gate needs to know of the world besides its store, so that all of it can run on
/// virtual time with repeatable chance.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Milliseconds on a clock that never goes backwards and also counts while the machine is suspended.
    fn now_ms(&self) -> u64;

    /// Milliseconds since 1970-01-01 UTC, for an embedded store, whose records outlive the machine's uptime.
    fn wall_ms(&self) -> u64;

    /// Waits.
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()>;

    /// 128 fresh random bits.
    fn attempt_id(&self) -> AttemptId;
}

/// The machine's own clock and randomness. Waiting needs a tokio runtime with time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// How much is asked of the kernel at once; a system call for every attempt would cost as much as the claim.
const POOL_BYTES: usize = 1024;

thread_local! {
    static POOL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // Both are positive on this clock.
        (time.tv_sec as u64) * 1000 + (time.tv_nsec as u64) / 1_000_000
    }

    fn wall_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        since.as_millis() as u64
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }

    fn attempt_id(&self) -> AttemptId {
        POOL.with_borrow_mut(|pool| {
            if pool.len() < 16 {
                pool.resize(POOL_BYTES, 0);
                #[expect(clippy::expect_used, reason = "without randomness no claim is safe: stop here")]
                getrandom::fill(pool).expect("the kernel gives random bytes");
            }
            let mut id = [0; 16];
            id.copy_from_slice(&pool[pool.len() - 16..]);
            // Taken out of the pool, so that no id is ever drawn twice.
            pool.truncate(pool.len() - 16);
            AttemptId::from_bytes(id)
        })
    }
}
