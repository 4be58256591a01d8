//! Many runs, on all processors: each seed is independent of every other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::counts::Counts;
use crate::draw;
use crate::plan::{Broken, Plan};
use crate::run::{Verdict, run};

/// What many runs came to.
#[derive(Debug, Default)]
pub struct Batch {
    /// What they met.
    pub counts: Counts,
    /// Seeds that failed, and how, lowest first. Not many: the first few end the batch.
    pub failures: Vec<Failure>,
    /// Runs that were taken up: with a bound of time, seeds from the first on.
    pub seeds: u64,
    /// How long they took.
    pub took: Duration,
}

/// A seed that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What must not be, in words.
    pub violations: Vec<String>,
}

/// When a batch ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After so many seeds.
    Seeds(u64),
    /// After so long.
    Time(Duration),
}

/// Failures after which no further seed is tried.
const MOST_FAILURES: usize = 3;

/// Runs a plan; a panic is a violation like any other.
pub fn run_caught(plan: &Arc<Plan>, in_words: bool) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| run(plan, in_words))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
        Verdict {
            violations: vec![format!("PANIC: {text}")],
            counts: Counts::default(),
            digest: 0,
            lines: Vec::new(),
        }
    })
}

/// Runs these seeds.
pub fn run_each(seeds: &[u64], broken: Option<Broken>) -> Batch {
    run_by(|number| seeds.get(number as usize).copied(), Until::Seeds(seeds.len() as u64), broken)
}

/// Runs seeds from this one on.
pub fn run_from(from: u64, until: Until, broken: Option<Broken>) -> Batch {
    run_by(|number| Some(from.wrapping_add(number)), until, broken)
}

fn run_by(seed: impl Fn(u64) -> Option<u64> + Sync, until: Until, broken: Option<Broken>) -> Batch {
    let (next, full, began) = (AtomicU64::new(0), AtomicBool::new(false), Instant::now());
    let batch = Mutex::new(Batch::default());
    let work = || {
        let mut counts = Counts::default();
        while !full.load(Ordering::Relaxed) {
            let is_over = |number: u64| match until {
                Until::Seeds(count) => number >= count,
                Until::Time(time) => began.elapsed() >= time,
            };
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(seed) = seed(number).filter(|_| !is_over(number)) else { break };
            let verdict = run_caught(&Arc::new(draw::plan(seed, broken)), false);
            counts.take_in(&verdict.counts);
            if !verdict.violations.is_empty() {
                let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
                batch.failures.push(Failure { seed, violations: verdict.violations });
                full.fetch_or(batch.failures.len() >= MOST_FAILURES, Ordering::Relaxed);
            }
        }
        batch.lock().unwrap_or_else(PoisonError::into_inner).counts.take_in(&counts);
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let mut batch = batch.into_inner().unwrap_or_else(PoisonError::into_inner);
    batch.failures.sort_by_key(|failure| failure.seed);
    (batch.seeds, batch.took) = (batch.counts.runs, began.elapsed());
    batch
}

impl Batch {
    /// Takes another batch in.
    pub fn take_in(&mut self, other: Self) {
        self.counts.take_in(&other.counts);
        self.failures.extend(other.failures);
        self.seeds += other.seeds;
        self.took += other.took;
    }
}
