//! How long something is tried again that does not answer.

use std::time::Duration;

use super::Stop;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a stop waits for a store, a sink or a source that does not answer, before it goes without: what is not
/// confirmed then is made again by whoever has the deliveries next.
const GIVE_UP_AFTER_STOP: Duration = Duration::from_secs(10);

/// After so many pauses it is said what is waited for.
const SAID_AFTER: u32 = 10;

/// How long something is tried again. While nobody stops the run, for ever.
#[derive(Debug)]
pub struct Patience<'a> {
    stop: &'a Stop,
    left: Duration,
    pauses: u32,
}

impl<'a> Patience<'a> {
    /// New patience.
    pub fn new(stop: &'a Stop) -> Self {
        Self { stop, left: GIVE_UP_AFTER_STOP, pauses: 0 }
    }

    /// Waits a little; false if it is time to give up. `why` says what is waited for, should it take long.
    pub fn pause(&mut self, why: &str) -> bool {
        self.pauses = self.pauses.saturating_add(1);
        if self.pauses == SAID_AFTER {
            eprintln!("oncegate: warning: deliveries cannot be settled for now, which is tried again: {why}");
        }
        if self.stop.is_draining() {
            self.left = self.left.saturating_sub(PAUSE);
        }
        std::thread::sleep(PAUSE);
        !self.left.is_zero()
    }
}
