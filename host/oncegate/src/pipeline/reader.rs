//! What reads.

use std::sync::Arc;
use std::thread::JoinHandle;

use oncegate_broker::{Delivery, Source, Ticket};
use tokio::sync::mpsc::Sender;

use super::{BATCH, Shared};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::summary::Event;
use crate::warning::warning;

/// What the reader hands over at once.
pub(super) type Batch = Vec<Delivery>;

/// How long to look away while nothing could be begun, in milliseconds.
const PAUSE_MS: u64 = 5;

/// The part that reads.
#[derive(Debug)]
pub struct ReadStage {
    pub(super) lanes: Vec<Sender<Batch>>,
    pub(super) shared: Arc<Shared>,
}

impl ReadStage {
    /// Reads until the source ends, the run is stopped, or nobody takes what it brings any more.
    pub async fn run(self, source: &mut (dyn Source + Send)) {
        let Self { lanes, shared } = self;
        let clock = Arc::clone(shared.gate.clock());
        let wakes = !source.ends();
        let mut reconnects = source.reconnects();
        while !shared.stop.is_draining() {
            if shared.waiting.is_full(0) || shared.quarantine.is_closed(clock.now_ms()) {
                clock.sleep(PAUSE_MS).await;
                continue;
            }
            let received = source.receive(BATCH).await;
            if source.reconnects() != reconnects {
                reconnects = source.reconnects();
                // Before anybody sees what it brought: the store's connection may not know yet that its server is another
                // one, and a cache that remembers what that one forgot would have it acknowledged and lost (rule 18).
                shared.gate.distrust_cache();
            }
            report(&shared);
            match received {
                Ok(batch) if batch.is_empty() && wakes => {}
                Ok(batch) if batch.is_empty() => return,
                Ok(batch) => {
                    // Fails only once the workers are gone.
                    if shared.stop.is_draining() || !hand_over(batch, &lanes, &shared).await {
                        return;
                    }
                }
                Err(error) => {
                    return shared.stop.fail(Failure { exit: Exit::File, error: error.into() });
                }
            }
        }
    }
}

/// A reader's thread, and whether it looks around now and then while nothing arrives.
pub(super) struct Reader {
    thread: JoinHandle<()>,
    wakes: bool,
}

/// Starts the reader on a thread of its own.
pub(super) fn start(stage: ReadStage, mut source: Box<dyn Source + Send>) -> Result<Reader, Failure> {
    let wakes = !source.ends();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.or_exit(Exit::Failed)?;
    let read = move || runtime.block_on(stage.run(source.as_mut()));
    let thread = std::thread::Builder::new().name("reader".to_owned()).spawn(read).or_exit(Exit::Failed)?;
    Ok(Reader { thread, wakes })
}

impl Reader {
    /// Waits for the reader where it is sure to end. A read from a terminal or a pipe may never return, and must not
    /// keep the process from ending.
    pub fn join(self) {
        if self.wakes {
            // It reports its own failures; a panic in it has nothing left to spoil.
            let _ = self.thread.join();
        }
    }
}

async fn hand_over(batch: Batch, lanes: &[Sender<Batch>], shared: &Shared) -> bool {
    let again = |ticket: Option<Ticket>| ticket.is_some_and(|ticket| ticket.count > 1);
    let redelivered = batch.iter().filter(|delivery| match delivery {
        Delivery::Message(message) => again(message.ticket),
        Delivery::Malformed(malformed) => again(malformed.ticket),
    });
    shared.tally.add(Event::Redelivered, redelivered.count() as u64);
    if let [lane] = lanes {
        return lane.send(batch).await.is_ok();
    }
    let mut split: Vec<Batch> = lanes.iter().map(|_| Vec::new()).collect();
    for delivery in batch {
        let lane = shared.rules.order.lane(&delivery, lanes.len());
        if let Some(batch) = split.get_mut(lane) {
            batch.push(delivery);
        }
    }
    for (lane, batch) in lanes.iter().zip(split).filter(|(_, batch)| !batch.is_empty()) {
        if lane.send(batch).await.is_err() {
            return false;
        }
    }
    true
}

/// Says what the source has to say: of messages that are lost, of a server that is away.
pub(super) fn report(shared: &Shared) {
    for notice in shared.acks.iter().flat_map(|acks| acks.notices()) {
        shared.tally.add(Event::Trimmed, notice.lost);
        warning!("{}", notice.what);
    }
}
