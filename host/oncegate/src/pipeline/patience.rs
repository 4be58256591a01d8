//! How long something is tried again that does not answer.

use std::time::Duration;

use super::Stop;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a stop waits for a store, a sink or a source that does not answer, before it goes without: what is not
/// confirmed then is made again by whoever has the deliveries next.
const GIVE_UP_AFTER_STOP: Duration = Duration::from_secs(10);

/// How long something is tried again. While nobody stops the run, for ever.
#[derive(Debug)]
pub struct Patience<'a> {
    stop: &'a Stop,
    left: Duration,
}

impl<'a> Patience<'a> {
    /// New patience.
    pub fn new(stop: &'a Stop) -> Self {
        Self { stop, left: GIVE_UP_AFTER_STOP }
    }

    /// Waits a little; false if it is time to give up.
    pub fn pause(&mut self) -> bool {
        if self.stop.is_draining() {
            self.left = self.left.saturating_sub(PAUSE);
        }
        std::thread::sleep(PAUSE);
        !self.left.is_zero()
    }
}
