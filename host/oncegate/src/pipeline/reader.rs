//! The thread that reads.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use oncegate_broker::{Delivery, Source, Ticket};
use tokio::sync::mpsc::Sender;

use super::{BATCH, Shared};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::summary::Event;

/// What the reader hands over at once.
pub(crate) type Batch = Vec<Delivery>;

/// How long to look away while too much waits for a retry.
const PAUSE: Duration = Duration::from_millis(5);

/// A reader's thread, and whether it looks around now and then while nothing arrives.
pub(crate) struct Reader {
    thread: JoinHandle<()>,
    wakes: bool,
}

/// Starts the reader. It ends when its source does, when the run is stopped, or when a lane is closed.
pub(crate) fn start(
    mut source: Box<dyn Source + Send>,
    lanes: Vec<Sender<Batch>>,
    shared: Arc<Shared>,
) -> Result<Reader, Failure> {
    let wakes = !source.ends();
    let read = move || {
        while !shared.stop.is_draining() {
            if shared.waiting.is_full(0) {
                std::thread::sleep(PAUSE);
                continue;
            }
            let received = source.receive(BATCH);
            report(&shared);
            match received {
                Ok(batch) if batch.is_empty() && wakes => {}
                Ok(batch) if batch.is_empty() => return,
                Ok(batch) => {
                    // Fails only once the workers are gone.
                    if shared.stop.is_draining() || !hand_over(batch, &lanes, &shared) {
                        return;
                    }
                }
                Err(error) => {
                    return shared.stop.fail(Failure { exit: Exit::File, error: error.into() });
                }
            }
        }
    };
    let thread = std::thread::Builder::new().name("reader".to_owned()).spawn(read).or_exit(Exit::Failed)?;
    Ok(Reader { thread, wakes })
}

/// Waits for the reader where it is sure to end, and gives back what it holds. A read from a terminal or a pipe may
/// never return, and must not keep the process from ending.
pub(crate) fn end(reader: Reader, shared: &Shared) {
    if !reader.wakes {
        return;
    }
    // It reports its own failures; a panic in it has nothing left to spoil.
    let _ = reader.thread.join();
    report(shared);
    if let Some(acks) = &shared.acks
        && let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build()
    {
        runtime.block_on(acks.leave());
    }
}

fn hand_over(batch: Batch, lanes: &[Sender<Batch>], shared: &Shared) -> bool {
    let again = |ticket: Option<Ticket>| ticket.is_some_and(|ticket| ticket.count > 1);
    let redelivered = batch.iter().filter(|delivery| match delivery {
        Delivery::Message(message) => again(message.ticket),
        Delivery::Malformed(malformed) => again(malformed.ticket),
    });
    shared.tally.add(Event::Redelivered, redelivered.count() as u64);
    if let [lane] = lanes {
        return lane.blocking_send(batch).is_ok();
    }
    let mut split: Vec<Batch> = lanes.iter().map(|_| Vec::new()).collect();
    for delivery in batch {
        let lane = shared.rules.order.lane(&delivery, lanes.len());
        if let Some(batch) = split.get_mut(lane) {
            batch.push(delivery);
        }
    }
    let mut full = lanes.iter().zip(split).filter(|(_, batch)| !batch.is_empty());
    full.all(|(lane, batch)| lane.blocking_send(batch).is_ok())
}

/// Says what the source has to say: of messages that are lost, of a server that is away.
fn report(shared: &Shared) {
    for notice in shared.acks.iter().flat_map(|acks| acks.notices()) {
        shared.tally.add(Event::Trimmed, notice.lost);
        eprintln!("oncegate: warning: {}", notice.what);
    }
}
