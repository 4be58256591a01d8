//! One case: what `case.toml` says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::expected::Expected;

/// A hostile handler: its folder, what it does, under which conditions, and what has to become of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// The folder's name.
    #[serde(skip)]
    pub name: String,
    /// The folder.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// What it does, in a sentence or two.
    pub does: String,
    /// How the frame's strings are encoded: `utf8`, `utf16` or `latin1+utf16`.
    #[serde(default = "utf8")]
    pub encoding: String,
    /// Pages of 64 KiB with which the frame's memory begins.
    #[serde(default = "one")]
    pub pages: u32,
    /// Whether the frame imports `wasi:*`, too.
    #[serde(default)]
    pub wasi: bool,
    /// Texts that stand many times in its source, by the name that stands there in braces.
    #[serde(default)]
    pub repeat: BTreeMap<String, Repeat>,
    /// Limits that are not the suite's.
    #[serde(default)]
    pub limits: Limits,
    /// What was there before it.
    #[serde(default)]
    pub before: Before,
    /// What has to become of it.
    pub expect: Expected,
}

/// A text that stands many times in a case's source. `{n}` in it counts from 0, and `{next}` is one more.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub times: u32,
    /// What.
    pub text: String,
}

/// Limits of the sandbox, under the sandbox's names. What is not named is as the suite has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in the sandbox")]
pub struct Limits {
    pub memory_bytes: Option<usize>,
    pub cpu_ms: Option<u64>,
    pub wall_ms: Option<u64>,
    pub host_calls: Option<u32>,
    pub host_call_bytes: Option<usize>,
}

/// What the store holds before the case runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Before {
    /// Keys that are committed, with the receipt `before`.
    #[serde(default)]
    pub committed: Vec<String>,
    /// Keys that another attempt holds while it runs.
    #[serde(default)]
    pub in_flight: Vec<String>,
    /// The claims of the case are taken over by another attempt between its end and its settle, as if its lease had
    /// passed.
    #[serde(default)]
    pub loses_its_claims: bool,
}

impl Before {
    /// Whether there was nothing before it.
    pub fn is_nothing(&self) -> bool {
        self.committed.is_empty() && self.in_flight.is_empty() && !self.loses_its_claims
    }
}

fn utf8() -> String {
    "utf8".to_owned()
}

fn one() -> u32 {
    1
}
