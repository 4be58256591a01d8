//! Where messages come from.

use std::io;

use crate::acks::Pending;
use crate::message::Delivery;

/// Hands out deliveries, in the order of its input.
pub trait Source {
    /// What this source is called in message ids and errors.
    fn name(&self) -> &str;

    /// Waits until there is at least one delivery or the input has ended, and returns what is there already:
    /// at most `max` deliveries (0 counts as 1) and about 1 MiB of input. An empty answer is the end of the
    /// input, now and on every later call; from a source that [never ends](Source::ends) it only says that
    /// nothing has arrived for a second or so.
    ///
    /// It never waits for a batch to fill: a delivery that has arrived is handed out at once.
    ///
    /// It is polled on a tokio runtime with time and input, which nothing else needs: a source of files and pipes
    /// blocks its thread meanwhile.
    ///
    /// # Errors
    ///
    /// The input cannot be read. What was delivered before stays valid. Malformed input is no error but a
    /// [`Delivery::Malformed`].
    fn receive(&mut self, max: usize) -> Pending<'_, Result<Vec<Delivery>, SourceError>>;

    /// How often it has lost a connection so far. What it hands out after that may come from a server that forgot its last
    /// writes: deliveries that were settled before, whose marks it forgot as well.
    fn reconnects(&self) -> u64 {
        0
    }

    /// Whether the input has an end.
    fn ends(&self) -> bool {
        true
    }
}

/// Why a source cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file is missing or may not be read.
    #[error("cannot open the input {path}")]
    Open {
        /// The path as it was given.
        path: String,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// A directory was named where a file is needed.
    #[error("the input {path} is a directory; name a file, or - for standard input")]
    Directory {
        /// The path as it was given.
        path: String,
    },
    /// The stream or its server is not what the configuration says, or has ceased to be: a group that is gone, a user
    /// that may not read. Nothing is made again in silence.
    #[error("the input {path} is refused: {why}")]
    Refused {
        /// The stream.
        path: String,
        /// Why, in words, and what to do.
        why: String,
    },
    /// The server cannot be reached at the start. Later on it is waited for.
    #[error("the input {path} cannot be reached: {why}")]
    Away {
        /// The stream.
        path: String,
        /// Why, in words.
        why: String,
    },
    /// Reading failed half-way.
    #[error("cannot read the input {path} from byte {offset} on")]
    Read {
        /// The path as it was given, or "standard input".
        path: String,
        /// How many bytes were read before, counted from the start of the input.
        offset: u64,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
}
