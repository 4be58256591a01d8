//! A guest's clocks: the gate's, in steps, and whatever the guest believes to have slept.

use oncegate_dedup::Clock;

use crate::grants::ClockGrant;

const MS_NS: u64 = 1_000_000;

/// What one instance's clocks show.
#[derive(Debug, Default)]
pub(crate) struct Time {
    /// When the instance's first invocation began, on the gate's clock: how long the machine has run is not the
    /// guest's to know.
    first_ms: Option<u64>,
    /// What its sleeps came to, in all its invocations: this clock never goes back.
    slept_ns: u64,
    /// What its sleeps came to in this invocation: the next one has the right date again.
    dreamt_ns: u64,
}

impl Time {
    pub(crate) fn begin(&mut self, now_ms: u64) {
        self.first_ms.get_or_insert(now_ms);
        self.dreamt_ns = 0;
    }

    /// The monotonic clock in nanoseconds. Never zero, which a Go program takes for a broken clock.
    pub(crate) fn monotonic_ns(&self, grant: ClockGrant, clock: &dyn Clock) -> u64 {
        let (step_ns, passed_ns) = (grant.step_ns(), self.passed_ns(grant, clock));
        let shown_ns = passed_ns.saturating_add(self.slept_ns);
        (shown_ns - shown_ns % step_ns).saturating_add(step_ns)
    }

    fn passed_ns(&self, grant: ClockGrant, clock: &dyn Clock) -> u64 {
        match grant {
            ClockGrant::Frozen { .. } => 0,
            ClockGrant::System { .. } => {
                let now_ms = clock.now_ms();
                now_ms.saturating_sub(self.first_ms.unwrap_or(now_ms)).saturating_mul(MS_NS)
            }
        }
    }

    /// The wall clock in milliseconds since 1970-01-01 UTC.
    pub(crate) fn wall_ms(&self, grant: ClockGrant, clock: &dyn Clock) -> u64 {
        let ms = match grant {
            ClockGrant::Frozen { at_ms } => at_ms,
            ClockGrant::System { .. } => clock.wall_ms(),
        };
        let shown_ms = ms.saturating_add(self.dreamt_ns / MS_NS);
        match grant {
            ClockGrant::Frozen { .. } => shown_ms,
            ClockGrant::System { step_ms } => shown_ms - shown_ms % step_ms.max(1),
        }
    }

    /// The guest waits for this moment of its monotonic clock: it has come.
    pub(crate) fn sleep_until(&mut self, due_ns: u64, grant: ClockGrant, clock: &dyn Clock) {
        let left_ns = due_ns.saturating_sub(self.monotonic_ns(grant, clock));
        let step_ns = grant.step_ns();
        let by_ns = left_ns.div_ceil(step_ns).saturating_mul(step_ns);
        self.slept_ns = self.slept_ns.saturating_add(by_ns);
        self.dreamt_ns = self.dreamt_ns.saturating_add(by_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oncegate_dedup::{AttemptId, SystemClock};
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::{future::Future, pin::Pin};

    /// Both of its clocks show the same.
    #[derive(Debug, Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now_ms(&self) -> u64 {
            self.0.load(Relaxed)
        }

        fn wall_ms(&self) -> u64 {
            self.0.load(Relaxed)
        }

        fn sleep(&self, ms: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            SystemClock.sleep(ms)
        }

        fn attempt_id(&self) -> AttemptId {
            SystemClock.attempt_id()
        }
    }

    fn at(clock: &Hand, ms: u64) -> &Hand {
        clock.0.store(ms, Relaxed);
        clock
    }

    #[test]
    fn clocks_go_in_steps_and_a_sleep_moves_them_on() {
        let clock = Hand::default();
        let grant = ClockGrant::System { step_ms: 100 };
        let mut time = Time::default();
        time.begin(at(&clock, 5_000).now_ms());
        assert_eq!((time.monotonic_ns(grant, &clock), time.wall_ms(grant, &clock)), (100 * MS_NS, 5_000));
        at(&clock, 5_199);
        assert_eq!((time.monotonic_ns(grant, &clock), time.wall_ms(grant, &clock)), (200 * MS_NS, 5_100));
        time.sleep_until(200 * MS_NS + 1, grant, &clock);
        assert_eq!((time.monotonic_ns(grant, &clock), time.wall_ms(grant, &clock)), (300 * MS_NS, 5_200));
        time.sleep_until(7, grant, &clock);
        assert_eq!(time.monotonic_ns(grant, &clock), 300 * MS_NS, "that was long ago");
    }

    #[test]
    fn the_next_invocation_has_the_right_date_and_no_clock_that_went_back() {
        let clock = Hand::default();
        let grant = ClockGrant::default();
        let mut time = Time::default();
        time.begin(at(&clock, 1_000).now_ms());
        time.sleep_until(3_600_000 * MS_NS, grant, &clock);
        assert_eq!(time.wall_ms(grant, &clock), 1_000 + 3_600_000 - 1);
        let monotonic_ns = time.monotonic_ns(grant, &clock);
        time.begin(at(&clock, 1_010).now_ms());
        assert_eq!(time.wall_ms(grant, &clock), 1_010);
        assert_eq!(time.monotonic_ns(grant, &clock), monotonic_ns + 10 * MS_NS);
    }

    #[test]
    fn a_frozen_clock_moves_by_sleeps_alone_and_for_ever_is_not_too_long() {
        let clock = Hand::default();
        let grant = ClockGrant::Frozen { at_ms: 77 };
        let mut time = Time::default();
        time.begin(at(&clock, 1_000).now_ms());
        at(&clock, 9_000);
        assert_eq!((time.monotonic_ns(grant, &clock), time.wall_ms(grant, &clock)), (MS_NS, 77));
        for _ in 0..2 {
            time.sleep_until(u64::MAX, grant, &clock);
            assert!(time.monotonic_ns(grant, &clock) > u64::MAX - 2 * MS_NS);
            assert_eq!(time.wall_ms(grant, &clock), 77 + u64::MAX / MS_NS);
        }
    }
}
