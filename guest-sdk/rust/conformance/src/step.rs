//! One step, as a case has it.

use crate::blob::{Blob, Text};
use serde::Deserialize;

/// What the driver is to do.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    Seen(Text),
    Commit(Text),
    CommitWith(Text, Blob),
    Emit(Emit),
    Log(Level, Text),
    Config(Text),
    Message(()),
    Once(Once),
    /// A refusal of it is not caught.
    Must(Box<Step>),
    Return(()),
    Retry(Text),
    Reject(Text),
    Throw(Text),
    Panic(Text),
    Allocate(usize),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emit {
    pub topic: Text,
    pub key: Option<Text>,
    #[serde(default)]
    pub headers: Vec<(Text, Blob)>,
    #[serde(default)]
    pub payload: Blob,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Once {
    pub key: Text,
    pub receipt: Option<Blob>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}
