//! How much CPU time an invocation has used.
//!
//! The kernel's clock for it costs a system call, several times what a short host call costs, so it is asked
//! only where it can matter: of a poll that lasts. Neither waiting nor time in which the thread did not run is
//! charged; what a poll of less than [`SHORT_NS`] is charged is its length.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::time::{ClockId, clock_gettime};

/// Up to this length, the time that a poll takes is taken for the CPU time that it uses: a tenth of a millisecond. A
/// thread that has to give way to one that computes is away for longer than that, so that such a poll is measured; and a
/// handler with ten thousand host calls that wait can be charged a second too much or too little, at the very worst.
const SHORT_NS: u64 = 100_000;

/// What was last read on this thread.
#[derive(Clone, Copy)]
struct Reading {
    monotonic_ns: u64,
    cpu_ns: u64,
}

thread_local! {
    static LAST: Cell<Option<Reading>> = const { Cell::new(None) };
}

/// Counts one invocation's CPU time. Only the thread that polls it writes; another may poll it next.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter {
    /// In polls that have ended.
    spent_ns: AtomicU64,
    /// When this poll began, and what the thread had used by then, at most.
    began_ns: AtomicU64,
    began_cpu_ns: AtomicU64,
}

impl CpuMeter {
    /// A new invocation.
    pub(crate) fn reset(&self) {
        self.spent_ns.store(0, Relaxed);
    }

    /// The guest begins or goes on.
    pub(crate) fn begin(&self) {
        let now_ns = read(ClockId::Monotonic);
        let last = LAST.get().filter(|last| now_ns.saturating_sub(last.monotonic_ns) < SHORT_NS);
        let last = last.unwrap_or_else(|| {
            let reading = Reading { monotonic_ns: now_ns, cpu_ns: read(ClockId::ThreadCPUTime) };
            LAST.set(Some(reading));
            reading
        });
        // As if the thread had run ever since, which makes the charge too small by at most `SHORT_NS`.
        let cpu_ns = last.cpu_ns + now_ns.saturating_sub(last.monotonic_ns);
        self.began_ns.store(now_ns, Relaxed);
        self.began_cpu_ns.store(cpu_ns, Relaxed);
    }

    /// The guest waits or has ended.
    pub(crate) fn end(&self) {
        let lasted_ns = read(ClockId::Monotonic).saturating_sub(self.began_ns.load(Relaxed));
        let used_ns = match lasted_ns < SHORT_NS {
            true => self.spent_ns.load(Relaxed) + lasted_ns,
            false => self.used_ns(),
        };
        self.spent_ns.store(used_ns, Relaxed);
    }

    /// What is used up, asked by the thread that runs the guest, between [`CpuMeter::begin`] and
    /// [`CpuMeter::end`].
    pub(crate) fn used_ns(&self) -> u64 {
        let reading =
            Reading { monotonic_ns: read(ClockId::Monotonic), cpu_ns: read(ClockId::ThreadCPUTime) };
        LAST.set(Some(reading));
        self.spent_ns.load(Relaxed) + reading.cpu_ns.saturating_sub(self.began_cpu_ns.load(Relaxed))
    }

    /// What was used up in polls that have ended.
    pub(crate) fn spent_ns(&self) -> u64 {
        self.spent_ns.load(Relaxed)
    }
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Neither clock is ever negative.
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn compute(time: Duration) {
        let begun = read(ClockId::ThreadCPUTime);
        while read(ClockId::ThreadCPUTime) - begun < time.as_nanos() as u64 {}
    }

    #[test]
    fn computing_is_charged_and_waiting_is_not() {
        let meter = CpuMeter::default();
        meter.begin();
        compute(Duration::from_millis(30));
        meter.end();
        // Asleep inside a poll, as if descheduled; then between two polls.
        meter.begin();
        std::thread::sleep(Duration::from_millis(100));
        meter.end();
        std::thread::sleep(Duration::from_millis(100));
        meter.begin();
        meter.end();
        let used_ms = meter.spent_ns() / 1_000_000;
        assert!((28..60).contains(&used_ms), "{used_ms} ms");
    }

    #[test]
    fn what_short_polls_lose_to_others_is_not_charged() {
        let meter = CpuMeter::default();
        for _ in 0..200 {
            meter.begin();
            // Away for longer than it computes, and not for long.
            std::thread::sleep(Duration::from_micros(400));
            meter.end();
        }
        let used_ms = meter.spent_ns() / 1_000_000;
        assert!(used_ms < 40, "{used_ms} ms of at least 80 in which nothing ran");
    }

    #[test]
    fn many_short_polls_add_up() {
        let meter = CpuMeter::default();
        let begun = Instant::now();
        for _ in 0..200 {
            meter.begin();
            compute(Duration::from_micros(100));
            meter.end();
        }
        let used_ms = meter.spent_ns() / 1_000_000;
        assert!(used_ms >= 15 && u128::from(used_ms) <= begun.elapsed().as_millis(), "{used_ms} ms");
    }
}
