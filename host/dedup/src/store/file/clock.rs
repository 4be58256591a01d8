//! The store's clock: deadlines on it outlive the process and the machine's uptime.

use std::sync::Arc;

use crate::Clock;

/// Milliseconds since 1970 as far as the wall clock was right when the store was opened, and from then on the
/// clock that counts suspended time. So it never goes backwards, and never stands still while the store is
/// open, whatever is done to the wall clock.
#[derive(Debug)]
pub(super) struct StoreClock {
    clock: Arc<dyn Clock>,
    /// What this clock said when it was started.
    started_ms: u64,
    /// What the machine's clock said then.
    anchor_ms: u64,
}

impl StoreClock {
    /// Starts at the wall clock's time, or at `recorded_ms`, the last time that the store knows of, if the
    /// wall clock was set back behind it.
    pub fn start(clock: Arc<dyn Clock>, recorded_ms: u64) -> Self {
        let (started_ms, anchor_ms) = (clock.wall_ms().max(recorded_ms), clock.now_ms());
        Self { clock, started_ms, anchor_ms }
    }

    /// The time.
    pub fn now_ms(&self) -> u64 {
        self.started_ms.saturating_add(self.clock.now_ms().saturating_sub(self.anchor_ms))
    }
}
