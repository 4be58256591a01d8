//! Waiting for a state rather than for a time.

use std::time::{Duration, Instant};

/// How long a state may take to come about on a busy machine, if a test does not say otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often to look.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until it is so. The test fails, saying what did not come about, if it never is.
pub fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(PATIENCE, what, is_so);
}

/// Waits so long at most.
pub fn until_within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < end, "it does not come about within {limit:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}
