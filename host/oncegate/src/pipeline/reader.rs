//! The thread that reads.

use std::sync::Arc;
use std::time::Duration;

use oncegate_broker::{Delivery, Source};
use tokio::sync::mpsc::Sender;

use super::{BATCH, Shared};
use crate::exit::{Exit, Failure, OrExit as _};

/// What the reader hands over at once.
pub(crate) type Batch = Vec<Delivery>;

/// How long to look away while too much waits for a retry.
const PAUSE: Duration = Duration::from_millis(5);

/// Starts the reader. Nobody waits for its thread: a read from a terminal or a pipe may never return, and must
/// not keep the process from ending.
pub(crate) fn start(
    mut source: Box<dyn Source + Send>,
    batches: Sender<Batch>,
    shared: Arc<Shared>,
) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().name("reader".to_owned());
    let read = move || {
        while !shared.stop.is_draining() {
            if shared.waiting.is_full(0) {
                std::thread::sleep(PAUSE);
                continue;
            }
            match source.receive(BATCH) {
                Ok(batch) if batch.is_empty() => return,
                Ok(batch) => {
                    // Fails only once the workers are gone.
                    if shared.stop.is_draining() || batches.blocking_send(batch).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    return shared.stop.fail(Failure { exit: Exit::File, error: error.into() });
                }
            }
        }
    };
    thread.spawn(read).or_exit(Exit::Failed).map(drop)
}
