//! A host's sink: a stream on a server that is appended to.

use oncegate_broker::{Pending, Sink, SinkError};

use crate::encoder::{Out, outs};
use crate::link::Request;
use crate::wire::Wire;

/// Appends to a simulated server.
#[derive(Debug)]
pub struct SimSink {
    wire: Wire,
    waiting: Vec<Out>,
}

impl SimSink {
    /// Nothing waits yet.
    pub fn new(wire: Wire) -> Self {
        Self { wire, waiting: Vec::new() }
    }
}

impl Sink for SimSink {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.waiting.extend(outs(bytes));
        Ok(())
    }

    fn flush(&mut self) -> Pending<'_, Result<(), SinkError>> {
        Box::pin(async move {
            if self.waiting.is_empty() {
                return Ok(());
            }
            // Asked once: repeated, it would append again.
            match self.wire.ask(Request::Append(self.waiting.clone())).await {
                Ok(_) => {
                    self.waiting.clear();
                    Ok(())
                }
                Err(why) => Err(SinkError::Unavailable { path: "out".to_owned(), why }),
            }
        })
    }

    fn give_up(&mut self) {
        self.waiting.clear();
    }
}
