//! What came of a delivery.

use std::fmt;

use serde::Deserialize;

use crate::blob::{Blob, Text};

/// The topic to which a driver emits what its steps gave.
pub const RESULTS: &str = "results";

/// What came of one delivery.
#[derive(Clone, Debug)]
pub struct Found {
    /// How it ended.
    pub end: End,
    /// The end's text, if it has one.
    pub reason: String,
    /// What the driver emitted to [`RESULTS`], whatever came of it.
    pub results: Option<Vec<u8>>,
    /// The other outputs that were applied.
    pub outputs: Vec<Output>,
    /// The lines that were logged, each with its level.
    pub log: Vec<(String, String)>,
}

/// How a delivery ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// What was staged was applied.
    Applied,
    /// It is made again, and no attempt was used up.
    Deferred,
    /// The handler failed.
    Retry,
    /// The handler gave it up.
    Reject,
    /// A key was committed with another payload.
    Mismatch,
    /// A key was given up earlier.
    Dead,
    /// An output's key was not committed.
    EffectWithoutCommit,
    /// What no case expects.
    #[serde(skip)]
    Other,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
#[expect(missing_docs, reason = "the contract says what they are")]
pub struct Output {
    pub topic: String,
    pub key: Option<String>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub payload: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    topic: Text,
    key: Option<Text>,
    headers: Vec<(Text, Blob)>,
    payload: Blob,
}

impl From<Written> for Output {
    fn from(written: Written) -> Self {
        let headers = written.headers.into_iter().map(|(name, value)| (name.0, value.0)).collect();
        let (topic, key) = (written.topic.0, written.key.map(|key| key.0));
        Self { topic, key, headers, payload: written.payload.0 }
    }
}

impl Found {
    /// The rest of what was staged, once its end is known.
    pub fn of(end: End, reason: &str, staged: Vec<Output>, log: Vec<(String, String)>) -> Self {
        let (mut results, mut outputs) = (None, Vec::new());
        for output in staged {
            match output.topic == RESULTS {
                true => results = Some(output.payload),
                false => outputs.push(output),
            }
        }
        if end != End::Applied {
            outputs.clear();
        }
        Self { end, reason: reason.to_owned(), results, outputs, log }
    }
}

/// Bytes are shown as the text that they often are.
impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name, text(value))).collect();
        let Self { topic, key, payload, .. } = self;
        write!(f, "{{topic {topic:?}, key {key:?}, headers {headers:?}, payload {:?}}}", text(payload))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            End::Applied => "applied",
            End::Deferred => "deferred",
            End::Retry => "retry",
            End::Reject => "reject",
            End::Mismatch => "mismatch",
            End::Dead => "dead",
            End::EffectWithoutCommit => "effect-without-commit",
            End::Other => "something else",
        })
    }
}
