//! How long something is tried again that does not answer.

use oncegate_dedup::Clock;

use super::Stop;
use crate::warning::warning;

/// The pause between two tries.
const PAUSE_MS: u64 = 200;

/// How long a stop waits for a store, a sink or a source that does not answer, before it goes without: what is not
/// confirmed then is made again by whoever has the deliveries next.
const GIVE_UP_AFTER_STOP_MS: u64 = 10_000;

/// After so many pauses it is said what is waited for.
const SAID_AFTER: u32 = 10;

/// How long something is tried again. While nobody stops the run, for ever.
#[derive(Debug)]
pub struct Patience<'a> {
    stop: &'a Stop,
    clock: &'a dyn Clock,
    left_ms: u64,
    pauses: u32,
}

impl<'a> Patience<'a> {
    /// New patience.
    pub fn new(stop: &'a Stop, clock: &'a dyn Clock) -> Self {
        Self { stop, clock, left_ms: GIVE_UP_AFTER_STOP_MS, pauses: 0 }
    }

    /// Waits a little; false if it is time to give up. `why` says what is waited for, should it take long.
    pub async fn pause(&mut self, why: &str) -> bool {
        self.pauses = self.pauses.saturating_add(1);
        if self.pauses == SAID_AFTER {
            warning!("deliveries cannot be settled for now, which is tried again: {why}");
        }
        if self.stop.is_draining() {
            self.left_ms = self.left_ms.saturating_sub(PAUSE_MS);
        }
        self.clock.sleep(PAUSE_MS).await;
        self.left_ms > 0
    }
}
