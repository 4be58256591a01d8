//! The sinks of a rehearsed host: outputs are noted, dead letters are their reasons.

use std::sync::Arc;

use oncegate_broker::{DeadLetter, Encoder, Malformed, Output, Pending, REASON_HEADER, Sink, SinkError};

use super::desk::Desk;

/// Notes what is flushed as applied.
#[derive(Debug)]
pub struct DeskSink {
    desk: Arc<Desk>,
    waiting: Vec<String>,
}

impl DeskSink {
    /// Nothing waits yet.
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk, waiting: Vec::new() }
    }
}

impl Sink for DeskSink {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        // Lines of JSON are UTF-8.
        self.waiting.extend(String::from_utf8_lossy(bytes).lines().map(str::to_owned));
        Ok(())
    }

    fn flush(&mut self) -> Pending<'_, Result<(), SinkError>> {
        self.desk.written(std::mem::take(&mut self.waiting));
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What is left of dead letters once their reasons are known.
#[derive(Debug)]
pub struct NoSink;

impl Sink for NoSink {
    fn append(&mut self, _bytes: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }

    fn flush(&mut self) -> Pending<'_, Result<(), SinkError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Writes a dead letter down as its reason.
#[derive(Debug, Clone, Copy)]
pub struct ReasonEncoder;

impl Encoder for ReasonEncoder {
    fn output(&self, _output: &Output<'_>, _bytes: &mut Vec<u8>) {}

    fn dead_letter(&self, letter: &DeadLetter<'_>, bytes: &mut Vec<u8>) {
        let reason = letter.host_headers.iter().find(|(name, _)| *name == REASON_HEADER);
        bytes.extend_from_slice(reason.map_or(&b""[..], |(_, reason)| reason.as_bytes()));
    }

    fn malformed(&self, malformed: &Malformed, _topic: &str, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(malformed.reason.as_bytes());
    }
}
