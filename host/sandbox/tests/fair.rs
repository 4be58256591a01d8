//! A handler is charged for the CPU time that it used, whatever runs beside it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::{evil, failed, fixture, gate, handler, invoke, policy, settings};
use oncegate_dedup::HandlerEnd;
use oncegate_sandbox::Limits;
use rustix::time::{ClockId, clock_gettime};

/// Threads that compute, one for each processor.
struct Spinners(Arc<AtomicBool>, Vec<JoinHandle<()>>);

impl Spinners {
    fn start() -> Self {
        let (done, count) = (Arc::new(AtomicBool::new(false)), processors());
        let spin = |_| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || while !done.load(Relaxed) {})
        };
        let threads = (0..count).map(spin).collect();
        Self(done, threads)
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
        self.1.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What this thread has used, by the kernel's count.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What the kernel itself may be off by, and what happens around an invocation.
const SLACK: Duration = Duration::from_millis(3);

const LIMIT: Duration = Duration::from_millis(100);

/// Runs handlers that use four fifths of their limit, beside spinners, for so long.
async fn four_fifths_of_the_limit(long: Duration) {
    let limits = Limits {
        cpu_ms: LIMIT.as_millis() as u64,
        wall_ms: 60_000,
        memory_bytes: 16 << 20,
        ..Limits::default()
    };
    let (worker, gate) = (handler(&fixture("works"), settings(limits)).worker(), gate(policy()));
    let _spinners = Spinners::start();
    // How much work that is, on this machine, with so many others.
    let (trial, mut used) = ("x".repeat(20), u64::MAX);
    for _ in 0..8 {
        used = used.min(invoke(&worker, &gate, &trial).await.usage.cpu_ns);
    }
    let rounds = LIMIT.as_nanos() as u64 * 4 / 5 * 20 / used.max(1);
    let payload = "x".repeat(usize::try_from(rounds).unwrap().max(1));

    let (begun, first) = (Instant::now(), spent());
    let (mut count, mut close) = (0, 0);
    while begun.elapsed() < long {
        let before = spent();
        let invocation = invoke(&worker, &gate, &payload).await;
        let own = spent() - before;
        let charged = Duration::from_nanos(invocation.usage.cpu_ns);
        assert!(charged <= own + SLACK, "charged {charged:?}, used {own:?}");
        assert!(charged + SLACK >= own * 7 / 10, "charged {charged:?}, used {own:?}");
        // What itself used more than that was slower than at the trial, and is none of the four fifths.
        if own < LIMIT {
            assert_eq!(invocation.end, HandlerEnd::Ok, "used {own:?}, charged {charged:?}");
            close += u32::from(own > LIMIT / 2);
        }
        count += 1;
    }
    let (wall, cpu) = (begun.elapsed(), spent() - first);
    assert!(wall > cpu * 5 / 4, "nobody was in its way: {wall:?} for {cpu:?}");
    assert!(close > 0, "none of {count} came close to the limit");
    eprintln!("{count} invocations in {wall:?}, {cpu:?} of CPU time, {close} within and close to the limit");
}

#[tokio::test]
async fn who_uses_four_fifths_of_its_cpu_limit_beside_spinners_is_not_killed() {
    four_fifths_of_the_limit(Duration::from_secs(3)).await;
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn nor_in_a_whole_minute() {
    four_fifths_of_the_limit(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_spinner_is_killed_at_its_limit_however_many_others_spin() {
    let limits = Limits { cpu_ms: 100, wall_ms: 60_000, ..Limits::default() };
    let (worker, gate) = (handler(&evil("spins-in-start"), settings(limits)).worker(), gate(policy()));
    let _spinners = Spinners::start();
    for _ in 0..3 {
        let invocation = invoke(&worker, &gate, "x").await;
        assert_eq!(invocation.end, failed("used 100 ms of CPU time"));
        let charged = Duration::from_nanos(invocation.usage.cpu_ns);
        assert!(charged >= LIMIT && charged < LIMIT * 2, "{charged:?}");
    }
}

#[tokio::test]
async fn pages_that_the_kernel_brings_for_it_are_its_own() {
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    let (worker, gate) = (handler(&fixture("works"), settings(limits)).worker(), gate(policy()));
    invoke(&worker, &gate, "").await;
    let (before, mut charged) = (spent(), Duration::ZERO);
    for _ in 0..50 {
        let invocation = invoke(&worker, &gate, "").await;
        assert_eq!(invocation.end, HandlerEnd::Ok);
        charged += Duration::from_nanos(invocation.usage.cpu_ns);
    }
    let own = spent() - before;
    // Clearing the instance's memory comes after it, on the pipeline's own thread.
    assert!(charged > own / 3 && charged <= own + SLACK, "charged {charged:?} of {own:?}");
}
