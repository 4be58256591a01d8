//! So many bytes a second, with a second's worth at once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What may be used ahead of time, in microseconds.
const AHEAD_US: u64 = 1_000_000;

/// A rate. What is used is known only afterwards, so that it may be used too much; then nothing more is begun until time
/// has caught up.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: Option<u64>,
    /// Until when, by the rate, what was used lasts; in microseconds.
    paid_until_us: AtomicU64,
}

impl Rate {
    /// None is no bound; zero is one byte a second.
    pub fn new(per_second: Option<u64>) -> Self {
        Self { per_second, paid_until_us: AtomicU64::new(0) }
    }

    /// Whether nothing may be used now.
    pub fn is_used_up(&self, now_ms: u64) -> bool {
        self.per_second.is_some()
            && self.paid_until_us.load(Relaxed) > now_ms.saturating_mul(1000).saturating_add(AHEAD_US)
    }

    /// Counts what is used.
    pub fn charge(&self, bytes: u64, now_ms: u64) {
        let Some(per_second) = self.per_second else { return };
        let lasts_us = u64::try_from(u128::from(bytes) * 1_000_000 / u128::from(per_second.max(1)));
        let lasts_us = lasts_us.unwrap_or(u64::MAX);
        let now_us = now_ms.saturating_mul(1000);
        let paid = |until_us: u64| Some(until_us.max(now_us).saturating_add(lasts_us));
        // Always done: the closure never refuses.
        let _ = self.paid_until_us.fetch_update(Relaxed, Relaxed, paid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_is_free_at_once_and_what_is_too_much_is_waited_for() {
        let rate = Rate::new(Some(1_000));
        rate.charge(1_000, 50);
        assert!(!rate.is_used_up(50));
        rate.charge(2_000, 50);
        assert!(rate.is_used_up(50) && rate.is_used_up(2_049));
        assert!(!rate.is_used_up(2_050));
    }

    #[test]
    fn time_in_which_nothing_was_used_is_not_saved_up() {
        let rate = Rate::new(Some(1_000));
        rate.charge(3_000, 1_000_000);
        assert!(rate.is_used_up(1_001_999) && !rate.is_used_up(1_002_000));
    }
}
