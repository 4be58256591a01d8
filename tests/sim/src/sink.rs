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

impl SimSink {
    /// Looks whether the claims of what is written hold.
    fn begin(&self) {
        let mut world = self.wire.sim.world();
        let drawn = &world.plan.policy;
        // The host's own timer began before the grant, and counts whole milliseconds.
        let hold_us = (drawn.lease_ms - drawn.margin_ms + 1) * 1000;
        let now_us = world.now_us();
        for out in self.waiting.iter().filter(|out| !out.dead) {
            world.facts.begun(out, self.wire.host, self.wire.life, now_us, hold_us);
        }
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
            self.begin();
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
