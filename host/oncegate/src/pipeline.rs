//! One pipeline: a source is read, handlers run, their ends are settled.
//!
//! A delivery's way: reader → worker (permit, invocation, its `seen` goes to the gate) → its verdict and what it
//! staged → settler → back to its worker, which counts it or makes it again later. One thread reads, one
//! settles, the others run handlers; each hands over batches, so that no message costs a task or a channel.

mod conclude;
mod group;
mod reader;
mod retry;
mod stop;
mod task;
mod worker;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oncegate_broker::Source;
use oncegate_dedup::{Attempt, Gate};
use oncegate_sandbox::{Admission, Invocation, Message};
use tokio::sync::mpsc;

use crate::exit::{Exit, Failure};
use crate::fail;
use crate::fingerprint::FingerprintOf;
use crate::settle::Settle;
use crate::summary::Tally;

pub use retry::{Backoff, WaitingBound};
pub use stop::Stop;
pub use task::{Item, Plan, Task};

/// Makes a worker for each thread that runs handlers.
pub trait Handle: Send + Sync {
    /// What one thread calls.
    type Worker: Invoke;

    /// A worker for the thread that asks.
    fn worker(&self) -> Self::Worker;
}

/// Runs a handler once.
pub trait Invoke {
    /// Hands a message to the handler. Several calls of one worker may be under way at once, on one thread.
    fn invoke(&self, message: &Message, attempt: Attempt) -> impl Future<Output = Invocation>;
}

impl Handle for oncegate_sandbox::Handler {
    type Worker = oncegate_sandbox::Worker;

    fn worker(&self) -> Self::Worker {
        self.worker()
    }
}

impl Invoke for oncegate_sandbox::Worker {
    fn invoke(&self, message: &Message, attempt: Attempt) -> impl Future<Output = Invocation> {
        self.invoke(message, attempt)
    }
}

/// Which outputs are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    /// Those that a commit covers; any other makes its delivery a dead letter.
    Gated,
    /// All, counted where no key was committed.
    Free,
}

/// What a pipeline works by, beside its gate's policy.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The source's name: part of what a delivery is.
    pub source: String,
    /// The topic of what has none of its own.
    pub topic: String,
    /// Which outputs are applied.
    pub outputs: Outputs,
    /// What tells one event from another of the same key.
    pub fingerprint: FingerprintOf,
    /// The pause before a delivery is made again.
    pub backoff: Backoff,
    /// How much may wait for a retry before reading stops.
    pub waiting: WaitingBound,
    /// How many threads run handlers.
    pub threads: usize,
    /// How many handlers may be under way at once.
    pub concurrency: usize,
    /// The least level of the handler's log lines that is shown; none for no line.
    pub log_level: Option<oncegate_sandbox::Level>,
    /// What one invocation may use.
    pub limits: oncegate_sandbox::Limits,
}

/// Deliveries that one hand-over carries.
const BATCH: usize = 256;

/// Batches that may lie between the reader and the workers.
const BATCHES_AHEAD: usize = 4;

/// What all threads of a run share.
pub(crate) struct Shared {
    pub gate: Arc<Gate>,
    pub rules: Rules,
    pub tally: Arc<Tally>,
    pub stop: Arc<Stop>,
    pub waiting: retry::Waiting,
    pub admission: Admission,
    pub batches: tokio::sync::Mutex<mpsc::Receiver<reader::Batch>>,
    /// A key that equals its message's id was pointed out already.
    pub warned_of_id: AtomicBool,
}

/// Runs a pipeline to the end of its source, or to a stop. What was read and not done by then is undone; all
/// that was done is settled and consistent.
pub fn run<H: Handle>(
    handler: &H,
    gate: Arc<Gate>,
    source: Box<dyn Source + Send>,
    settle: &mut (dyn Settle + Send),
    rules: Rules,
    tally: Arc<Tally>,
    stop: Arc<Stop>,
) -> Result<(), Failure> {
    let (batch_sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let shared = Arc::new(Shared {
        gate,
        waiting: retry::Waiting::new(rules.waiting),
        admission: Admission::new(u32::try_from(rules.concurrency).unwrap_or(u32::MAX)),
        rules,
        tally,
        stop,
        batches: tokio::sync::Mutex::new(batches),
        warned_of_id: AtomicBool::new(false),
    });
    reader::start(source, batch_sender, Arc::clone(&shared))?;
    let (groups, group_receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for index in 0..shared.rules.threads.max(1) {
            let (shared, groups) = (&*shared, groups.clone());
            let thread = std::thread::Builder::new().name(format!("handlers-{index}"));
            let spawned = thread.spawn_scoped(scope, move || {
                let _guard = FailOnPanic(&shared.stop);
                worker::run(handler, shared, groups);
            });
            if let Err(error) = spawned {
                shared.stop.fail(fail!(Exit::Failed, "cannot start a thread: {error}"));
            }
        }
        // Ends when the last worker has dropped its sender.
        drop(groups);
        let _guard = FailOnPanic(&shared.stop);
        group::run(settle, group_receiver, &shared);
    });
    // Closed once nobody can take from it, so that a reader that waits for room ends as well.
    shared.batches.blocking_lock().close();
    shared.tally.close(shared.waiting.most());
    shared.stop.take_failure().map_or(Ok(()), Err)
}

/// A thread that panics would leave the others waiting for ever.
struct FailOnPanic<'a>(&'a Stop);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(fail!(Exit::Failed, "a thread panicked; this is a defect of oncegate"));
        }
    }
}

impl Shared {
    /// Points out once that a handler uses the message's id as its key: the id changes when a producer sends
    /// the same event again, and the effect would come again with it.
    pub fn warn_of_id(&self) {
        if !self.warned_of_id.swap(true, Ordering::Relaxed) {
            eprintln!(
                "oncegate: warning: the handler's key equals the message's id, which changes when a producer \
                 sends the same event again; a key should come from the event itself"
            );
        }
    }
}

/// How long a settle waits before it asks an unavailable store again.
pub(crate) const STORE_PAUSE: Duration = Duration::from_millis(200);
