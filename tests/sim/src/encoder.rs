//! How outputs and dead letters are written down for simulated sinks.

use oncegate_broker::{DeadLetter, Encoder, Malformed, Output, REASON_HEADER};

/// An output or a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// A dead letter; its text says why.
    pub dead: bool,
    /// The output's id; of a dead letter the message's.
    pub id: String,
    pub text: String,
}

/// Between the parts of a line.
const UNIT: char = '\u{1f}';

/// Writes each down as a line.
#[derive(Debug, Clone, Copy)]
pub struct LineEncoder;

impl Encoder for LineEncoder {
    fn output(&self, output: &Output<'_>, bytes: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(output.payload);
        bytes.extend_from_slice(format!("E{UNIT}{}{UNIT}{text}\n", output.id).as_bytes());
    }

    fn dead_letter(&self, letter: &DeadLetter<'_>, bytes: &mut Vec<u8>) {
        let reason = letter.host_headers.iter().find(|(name, _)| *name == REASON_HEADER);
        let reason = reason.map_or("", |(_, reason)| reason.as_str());
        bytes.extend_from_slice(format!("D{UNIT}{}{UNIT}{reason}\n", letter.id).as_bytes());
    }

    fn malformed(&self, malformed: &Malformed, _topic: &str, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(format!("D{UNIT}{}{UNIT}{}\n", malformed.id, malformed.reason).as_bytes());
    }
}

/// What was written down.
pub fn outs(bytes: &[u8]) -> Vec<Out> {
    let text = String::from_utf8_lossy(bytes);
    let out = |line: &str| {
        let mut parts = line.split(UNIT).map(str::to_owned);
        let dead = parts.next()? == "D";
        Some(Out { dead, id: parts.next()?, text: parts.next()? })
    };
    text.lines().filter_map(out).collect()
}
