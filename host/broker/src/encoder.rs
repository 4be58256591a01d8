//! How outputs and dead letters are written down for a sink.

use std::fmt;

use crate::message::Malformed;
use crate::ndjson::{self, DeadLetter, Output};

/// Writes outputs and dead letters down for one kind of sink. Threads that run handlers do so, each for itself; the
/// thread that settles only hands the bytes to the sink, whose [`append`](crate::Sink::append) takes them.
pub trait Encoder: Send + Sync + fmt::Debug {
    /// Appends an output to `bytes`.
    fn output(&self, output: &Output<'_>, bytes: &mut Vec<u8>);

    /// Appends a dead letter to `bytes`.
    fn dead_letter(&self, letter: &DeadLetter<'_>, bytes: &mut Vec<u8>);

    /// Appends what is no message to `bytes`, as a dead letter. `topic` is the source's default topic.
    fn malformed(&self, malformed: &Malformed, topic: &str, bytes: &mut Vec<u8>);
}

/// Lines of JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct NdjsonEncoder;

impl Encoder for NdjsonEncoder {
    fn output(&self, output: &Output<'_>, bytes: &mut Vec<u8>) {
        ndjson::encode(output, bytes);
    }

    fn dead_letter(&self, letter: &DeadLetter<'_>, bytes: &mut Vec<u8>) {
        ndjson::encode_dead_letter(letter, bytes);
    }

    fn malformed(&self, malformed: &Malformed, topic: &str, bytes: &mut Vec<u8>) {
        ndjson::encode_malformed(malformed, topic, bytes);
    }
}
