//! The parts of a run, each a future that is to be driven to its end: on a thread of its own by
//! [`run`](super::run), all of them on one thread by a simulation.
//!
//! None of them blocks, asks for the time or draws by chance but through the gate's clock. What blocks is a source or
//! a sink of files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oncegate_broker::Acks;
use oncegate_dedup::Gate;
use oncegate_sandbox::Admission;
use tokio::sync::{Mutex, mpsc};

use super::{
    Order, ReadStage, Rules, SettleStage, Shared, Stop, WorkStage, budget, outage, quarantine, reader, retry,
};
use crate::exit::Failure;
use crate::summary::Tally;

/// Batches that may lie between the reader and the workers.
const BATCHES_AHEAD: usize = 4;

/// The parts of a run.
#[derive(Debug)]
pub struct Stages {
    /// Reads. It may never end where its source never does.
    pub read: ReadStage,
    /// Run handlers, and end when all is settled.
    pub work: Vec<WorkStage>,
    /// Settles, and ends when they have.
    pub settle: SettleStage,
    /// What is to be done then.
    pub last: LastStage,
}

/// The end of a run, once its workers and its settler have ended.
#[derive(Debug)]
pub struct LastStage {
    pub(super) shared: Arc<Shared>,
}

/// The parts of a run that has not begun.
pub fn stages(
    gate: Arc<Gate>,
    acks: Option<Arc<dyn Acks>>,
    rules: Rules,
    tally: Arc<Tally>,
    stop: Arc<Stop>,
) -> Stages {
    let threads = rules.threads.max(1);
    // In order, each thread has what is its to order; otherwise whoever is free takes what there is.
    let lanes = if rules.order == Order::None { 1 } else { threads };
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..lanes).map(|_| mpsc::channel(BATCHES_AHEAD)).unzip();
    let shared = Arc::new(Shared {
        gate,
        waiting: retry::Waiting::new(rules.waiting),
        quarantine: quarantine::Quarantine::new(rules.quarantine),
        used: budget::Used::new(rules.budget.clone()),
        admission: Admission::new(u32::try_from(rules.concurrency).unwrap_or(u32::MAX)),
        rules,
        tally,
        stop,
        acks,
        lanes: receivers.into_iter().map(Mutex::new).collect(),
        warned_of_id: AtomicBool::new(false),
        warned_of_topic: AtomicBool::new(false),
        outage: outage::Outage::default(),
    });
    let (groups, ready) = mpsc::unbounded_channel();
    let work = |index| WorkStage { index, groups: groups.clone(), shared: Arc::clone(&shared) };
    Stages {
        read: ReadStage { lanes: senders, shared: Arc::clone(&shared) },
        work: (0..threads).map(work).collect(),
        settle: SettleStage { ready, shared: Arc::clone(&shared) },
        last: LastStage { shared: Arc::clone(&shared) },
    }
}

impl Stages {
    /// Slips of the handler are not pointed out on standard error: whoever drives the stages tells of them.
    pub(crate) fn without_hints(self) -> Self {
        let Shared { warned_of_id, warned_of_topic, .. } = &*self.last.shared;
        [warned_of_id, warned_of_topic].into_iter().for_each(|warned| warned.store(true, Ordering::Relaxed));
        self
    }
}

impl LastStage {
    /// Ends a reader that waits for somebody to take what it has read.
    pub async fn close(&self) {
        for lane in &self.shared.lanes {
            lane.lock().await.close();
        }
    }

    /// Gives back what is still held, once the reader has ended as well. For a reader that never does, nothing is held.
    pub async fn leave(&self) {
        reader::report(&self.shared);
        if let Some(acks) = &self.shared.acks {
            acks.leave().await;
        }
    }

    /// Accounts for what was read and not done, and says how the run ended.
    pub fn end(self) -> Result<(), Failure> {
        self.shared.tally.close(self.shared.waiting.most());
        self.shared.stop.take_failure().map_or(Ok(()), Err)
    }
}
