//! One pipeline: a source is read, handlers run, their ends are settled.
//!
//! A delivery's way: reader → worker (permit, invocation, its `seen` goes to the gate) → its verdict and what it
//! staged → settler → back to its worker, which counts it or makes it again later. One thread reads, one
//! settles, the others run handlers; each hands over batches, so that no message costs a task or a channel.

mod budget;
mod conclude;
mod conduct;
mod group;
mod order;
mod outage;
mod patience;
mod quarantine;
mod rate;
mod reader;
mod retry;
mod stages;
mod stop;
mod task;
mod worker;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oncegate_broker::{Acks, Encoder, Source};
use oncegate_dedup::{Attempt, Gate};
use oncegate_sandbox::{Admission, Invocation, Message};
use tokio::sync::mpsc;

use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::fingerprint::FingerprintOf;
use crate::settle::Settle;
use crate::summary::Tally;
use crate::warning::warning;

pub use budget::{Budget, Sized};
pub use group::SettleStage;
pub use order::Order;
pub use patience::Patience;
pub use quarantine::QuarantineRules;
pub use reader::ReadStage;
pub use retry::{Backoff, WaitingBound};
pub use stages::{LastStage, Stages, stages};
pub use stop::Stop;
pub use task::{Item, Plan, Task};
pub use worker::WorkStage;

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

    /// Which version of the handler the next call is of. It only rises.
    fn version(&self) -> u64 {
        0
    }

    /// The version failed on too many of its first messages. Whether another one has taken its place.
    fn give_way(&self) -> bool {
        false
    }

    /// The version did well for so long that it need not give way any more.
    fn proven(&self) {}
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
    /// What the pipeline is called in what is printed.
    pub name: String,
    /// The source's name: part of what a delivery is.
    pub source: String,
    /// The topic of what has none of its own.
    pub topic: String,
    /// Which outputs are applied.
    pub outputs: Outputs,
    /// How outputs are written down for their sink.
    pub output_encoder: Arc<dyn Encoder>,
    /// How dead letters are.
    pub dead_letter_encoder: Arc<dyn Encoder>,
    /// Which deliveries are handled one after the other.
    pub order: Order,
    /// What tells one event from another of the same key.
    pub fingerprint: FingerprintOf,
    /// The pause before a delivery is made again.
    pub backoff: Backoff,
    /// How much may wait for a retry before reading stops.
    pub waiting: WaitingBound,
    /// When its handler takes no message for a while.
    pub quarantine: QuarantineRules,
    /// What it may add to places that it shares.
    pub budget: Budget,
    /// How many threads run handlers.
    pub threads: usize,
    /// How many handlers may be under way at once.
    pub concurrency: usize,
    /// What the threads that run handlers add to the process's nice value, so that the kernel gives the pipeline its
    /// share of busy processors.
    pub nice: u32,
    /// The least level of the handler's log lines that is shown; none for no line.
    pub log_level: Option<oncegate_sandbox::Level>,
    /// What one invocation may use.
    pub limits: oncegate_sandbox::Limits,
}

/// Deliveries that one hand-over carries.
const BATCH: usize = 256;

/// One way from the reader to the threads that run handlers.
pub(crate) type Lane = tokio::sync::Mutex<mpsc::Receiver<reader::Batch>>;

/// What all threads of a run share.
pub(crate) struct Shared {
    pub gate: Arc<Gate>,
    pub rules: Rules,
    pub tally: Arc<Tally>,
    pub stop: Arc<Stop>,
    pub waiting: retry::Waiting,
    pub admission: Admission,
    pub used: budget::Used,
    /// Who hears of the end of deliveries that have tickets.
    pub acks: Option<Arc<dyn Acks>>,
    /// What was read and not taken, in as many lanes as order needs.
    pub lanes: Vec<Lane>,
    /// A key that equals its message's id was pointed out already.
    pub warned_of_id: AtomicBool,
    /// A topic that the handler may not emit to was pointed out already.
    pub warned_of_topic: AtomicBool,
    /// What was said of a store that is away.
    pub outage: outage::Outage,
    /// How its handler did of late.
    pub quarantine: Arc<quarantine::Quarantine>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("gate", &self.gate).field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// What a run joins.
pub struct Parts<'a> {
    /// What its keys pass.
    pub gate: Arc<Gate>,
    /// Where its deliveries come from.
    pub source: Box<dyn Source + Send>,
    /// Who hears of the end of deliveries that have tickets.
    pub acks: Option<Arc<dyn Acks>>,
    /// How they are settled.
    pub settle: &'a mut (dyn Settle + Send),
    /// What it works by.
    pub rules: Rules,
    /// What counts them.
    pub tally: Arc<Tally>,
    /// What may end it early.
    pub stop: Arc<Stop>,
}

impl std::fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("gate", &self.gate).field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Runs a pipeline to the end of its source, or to a stop. What was read and not done by then is undone; all
/// that was done is settled and consistent.
pub fn run<H: Handle>(handler: &H, parts: Parts<'_>) -> Result<(), Failure> {
    let Parts { gate, source, acks, settle, rules, tally, stop } = parts;
    let Stages { read, work, settle: settle_stage, last } = stages(gate, acks, rules, tally, stop);
    let shared = Arc::clone(&last.shared);
    // Before the first delivery: an earlier run may have used up its budget.
    block_on(&shared.stop, shared.talk_with_store());
    let ends = source.ends();
    let reader = reader::start(read, source)?;
    let of = std::thread::current().name().unwrap_or_default().to_owned();
    std::thread::scope(|scope| {
        for stage in work {
            let (stop, nice) = (&shared.stop, shared.rules.nice);
            // The kernel shows the first 15 bytes.
            let thread = std::thread::Builder::new().name(format!("h{}-{of}", stage.index));
            let spawned = thread.spawn_scoped(scope, move || {
                let _guard = FailOnPanic(stop);
                be_nice(nice);
                block_on(stop, stage.run(&handler.worker()));
            });
            if let Err(error) = spawned {
                stop.fail(fail!(Exit::Failed, "cannot start a thread: {error}"));
            }
        }
        let _guard = FailOnPanic(&shared.stop);
        block_on(&shared.stop, async {
            tokio::select! {
                () = settle_stage.run(settle) => {}
                () = shared.keep_budget(ends) => {}
            }
        });
    });
    block_on(&shared.stop, shared.talk_with_store());
    block_on(&shared.stop, last.close());
    reader.join();
    block_on(&shared.stop, last.leave());
    last.end()
}

/// Adds to the nice value of this thread: on Linux each thread has its own. Only handlers' threads are made to wait;
/// whoever settles may hold what other pipelines wait for.
fn be_nice(more: u32) {
    if more > 0
        && let Err(error) = rustix::process::nice(i32::try_from(more).unwrap_or(i32::MAX))
    {
        warning!("run.share has no effect on processors, the kernel refuses nice values: {error}");
    }
}

/// Runs a future on this thread.
fn block_on(stop: &Stop, future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    match runtime.or_exit(Exit::Failed) {
        Ok(runtime) => runtime.block_on(future),
        Err(failure) => stop.fail(failure),
    }
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
    /// Points out once that the handler wants to emit where it may not: the operator may have meant it to.
    pub fn warn_of_topic(&self, topic: &str) {
        if !self.warned_of_topic.swap(true, Ordering::Relaxed) {
            let name = &self.rules.name;
            warning!(
                "the handler of the pipeline {name} is refused the topic {topic}: if it is to emit there, list it in \
                 output.topics (--topics)"
            );
        }
    }

    /// Points out once that a handler uses the message's id as its key: the id changes when a producer sends
    /// the same event again, and the effect would come again with it.
    pub fn warn_of_id(&self) {
        if !self.warned_of_id.swap(true, Ordering::Relaxed) {
            warning!(
                "the handler's key equals the message's id, which changes when a producer \
                 sends the same event again; a key should come from the event itself"
            );
        }
    }
}
