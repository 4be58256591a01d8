//! What is said of a store that cannot be asked: deliveries only wait then, and somebody has to know why.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::warning::warning;

/// How often it is said while it lasts. Every delivery that is put off would have it said again.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// When it was said last.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    said: Mutex<Option<Instant>>,
}

impl Outage {
    /// Says why the store did not answer, unless that was said a moment ago.
    pub fn say(&self, why: &str) {
        if self.is_due(Instant::now()) {
            warning!("deliveries wait, because the store cannot be asked: {why}");
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = said.is_none_or(|said| now.saturating_duration_since(said) >= SAY_EVERY);
        if is_due {
            *said = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_at_once_and_then_now_and_then() {
        let (outage, began) = (Outage::default(), Instant::now());
        assert!(outage.is_due(began));
        assert!(!outage.is_due(began + Duration::from_secs(9)));
        assert!(outage.is_due(began + Duration::from_secs(10)));
        assert!(!outage.is_due(began + Duration::from_secs(11)));
    }
}
