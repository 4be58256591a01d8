//! A host's clock and chance.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};
use oncegate_dedup::{AttemptId, Clock};

use crate::rng::Rng;
use crate::sim::Sim;

/// Virtual time as one process sees it: every process began at another time.
pub struct HostClock {
    sim: Arc<Sim>,
    offset_ms: u64,
    rng: Mutex<Rng>,
}

impl fmt::Debug for HostClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostClock").field("offset_ms", &self.offset_ms).finish_non_exhaustive()
    }
}

impl HostClock {
    /// A clock with chance of its own.
    pub fn new(sim: Arc<Sim>, mut rng: Rng) -> Arc<Self> {
        let offset_ms = rng.below(1 << 40);
        Arc::new(Self { sim, offset_ms, rng: Mutex::new(rng) })
    }
}

impl Clock for HostClock {
    fn now_ms(&self) -> u64 {
        self.sim.world().now_ms() + self.offset_ms
    }

    fn wall_ms(&self) -> u64 {
        self.now_ms()
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        self.sim.sleep_us(ms.saturating_mul(1000)).boxed()
    }

    fn attempt_id(&self) -> AttemptId {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let bits = (u128::from(rng.next()) << 64) | u128::from(rng.next());
        AttemptId::from_bytes(bits.to_be_bytes())
    }
}
