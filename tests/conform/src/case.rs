//! One case: a host in some state, and what is delivered to it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::blob::{Blob, Text};
use crate::expect::Expect;
use crate::found::Found;

/// One folder's `case.json`. What it does not say is none, or the host's default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its folder's name.
    #[serde(skip)]
    pub name: String,
    /// What it shows.
    pub what: String,
    /// The languages that it is for, if it cannot exist in others.
    languages: Option<Vec<String>>,
    /// The operator's values.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// The limits that are not the default.
    #[serde(default)]
    pub limits: Limits,
    topics: Option<Vec<String>>,
    /// Whether an output needs its key's commit.
    #[serde(default)]
    pub outputs: Gating,
    /// Whether it needs the real sandbox.
    #[serde(default)]
    pub host_only: bool,
    /// What the store knows.
    #[serde(default)]
    pub before: Vec<Before>,
    /// What is delivered, one after the other.
    pub deliveries: Vec<Delivery>,
}

/// What one invocation may use.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the policy's and the sandbox's own limits")]
pub struct Limits {
    pub keys: Option<u32>,
    pub key_bytes: Option<u32>,
    pub receipt_bytes: Option<u32>,
    pub outputs: Option<u32>,
    pub output_bytes: Option<u32>,
    pub output_headers: Option<u32>,
    pub output_name_bytes: Option<u32>,
    pub memory_bytes: Option<u32>,
}

/// Whether an output is applied without the commit of its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gating {
    /// It is.
    #[default]
    Free,
    /// It is not.
    Gated,
}

/// One thing that the store knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Before {
    /// A key that was committed.
    Committed {
        /// Its name.
        key: Text,
        /// With what.
        committed: Committed,
    },
    /// A key that another delivery holds.
    InFlight {
        /// Its name.
        key: Text,
        /// For how many milliseconds more.
        in_flight: u64,
    },
    /// A key that was given up.
    Dead {
        /// Its name.
        key: Text,
        /// Why.
        dead: String,
    },
    /// The store does not answer.
    Store {
        /// That it does not.
        store: Down,
    },
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Committed {
    /// What duplicates are given.
    pub receipt: Option<Blob>,
    /// The payload of the message that it was for. None: a message with any payload is a duplicate.
    pub payload: Option<Blob>,
}

/// The one thing that a store can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Down {
    /// It does not answer.
    Down,
}

/// One delivery of a message.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    #[serde(default)]
    message: Fields,
    steps: Option<Value>,
    payload: Option<Blob>,
    /// What has to come of it.
    pub expect: Expect,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    id: Option<String>,
    topic: Option<String>,
    key: Option<String>,
    #[serde(default)]
    headers: Vec<(String, Blob)>,
    attempt: Option<u32>,
    published_ms: Option<String>,
}

/// A message, as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the contract says what they are")]
pub struct Message {
    pub id: String,
    pub topic: String,
    pub key: Option<String>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub payload: Vec<u8>,
    pub attempt: u32,
    pub published_ms: Option<u64>,
}

impl Case {
    /// Whether a handler in this language has to pass it.
    pub fn is_for(&self, language: &str) -> bool {
        self.languages.as_ref().is_none_or(|languages| languages.iter().any(|one| one == language))
    }

    /// The topics that a handler may emit to; any if none are named.
    pub fn topics(&self) -> Option<impl Iterator<Item = &str>> {
        let named = self.topics.as_ref()?.iter().map(String::as_str);
        Some(named.chain([crate::RESULTS]))
    }

    /// Delivers everything to a host, and says what differs from what has to come of it, a line each.
    pub fn check(&self, language: &str, mut deliver: impl FnMut(&Message) -> Found) -> Vec<String> {
        let mut differences = Vec::new();
        for (index, delivery) in self.deliveries.iter().enumerate() {
            let found = deliver(&delivery.message());
            differences.extend(self.differences(index, &found, language));
        }
        differences
    }

    /// What differs in one delivery from what has to come of it.
    pub(crate) fn differences(&self, index: usize, found: &Found, language: &str) -> Vec<String> {
        let Some(delivery) = self.deliveries.get(index) else { return Vec::new() };
        let differences = delivery.expect.differences(found, language).into_iter();
        differences.map(|difference| format!("{}, delivery {}: {difference}", self.name, index + 1)).collect()
    }
}

impl Delivery {
    /// The message that is delivered.
    pub fn message(&self) -> Message {
        let Fields { id, topic, key, headers, attempt, published_ms } = self.message.clone();
        let steps = || self.steps.as_ref().map(|steps| steps.to_string().into_bytes());
        Message {
            id: id.unwrap_or_else(|| "m:0".to_owned()),
            topic: topic.unwrap_or_else(|| "in".to_owned()),
            key,
            headers: headers.into_iter().map(|(name, value)| (name, value.0)).collect(),
            payload: self.payload.clone().map(|payload| payload.0).or_else(steps).unwrap_or_default(),
            attempt: attempt.unwrap_or(1),
            published_ms: published_ms.and_then(|text| text.parse().ok()),
        }
    }

    /// Whether it says what no delivery can be, and what.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let time = self.message.published_ms.as_ref();
        match (&self.steps, &self.payload) {
            (Some(_), Some(_)) => Some("has both steps and a payload"),
            (None, None) => Some("has neither steps nor a payload"),
            (Some(steps), None) if !steps.is_array() => Some("has steps that are no list"),
            _ if time.is_some_and(|text| text.parse::<u64>().is_err()) => {
                Some("has a time that is no number")
            }
            _ => None,
        }
    }
}
