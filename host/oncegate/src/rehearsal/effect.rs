//! What a call of the handler would make happen, key by key.

use std::collections::BTreeMap;

use oncegate_dedup::text::shown;
use oncegate_sandbox::StagedOutput;

use super::call::{Call, Emitted};
use super::payload;

/// How much of a name is shown, in bytes.
const SHOWN_BYTES: usize = 80;

/// Everything that a call staged. What belongs to no key stands under none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect<'a>(BTreeMap<Option<&'a str>, Part<'a>>);

/// What it staged for one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Part<'a> {
    commit: Option<Option<&'a [u8]>>,
    outputs: Vec<&'a StagedOutput>,
}

impl<'a> Effect<'a> {
    /// What this call staged.
    pub fn of(call: &'a Call) -> Self {
        let mut parts: BTreeMap<Option<&str>, Part<'_>> = BTreeMap::new();
        for (key, receipt) in call.commits() {
            parts.entry(Some(key)).or_default().commit = Some(receipt);
        }
        for Emitted { under, output } in &call.outputs {
            parts.entry(under.as_deref()).or_default().outputs.push(output);
        }
        Self(parts)
    }

    /// Without what belongs to these keys.
    pub fn without(mut self, is_one: &dyn Fn(&str) -> bool) -> Self {
        self.0.retain(|key, _| key.is_none_or(|key| !is_one(key)));
        self
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that it commits.
    pub fn committed(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(|(_, part)| part.commit.is_some()).filter_map(|(key, _)| *key)
    }

    /// A key that outputs belong to and that it does not commit.
    pub fn uncommitted(&self) -> Option<&'a str> {
        self.0.iter().filter(|(_, part)| part.commit.is_none()).find_map(|(key, _)| *key)
    }

    /// Whether outputs belong to no key.
    pub fn is_unkeyed(&self) -> bool {
        self.0.contains_key(&None)
    }

    /// In a few words.
    pub fn described(&self) -> String {
        let outputs = self.0.values().map(|part| part.outputs.len()).sum();
        let commits: Vec<&str> = self.committed().collect();
        let commits = match commits.as_slice() {
            [] => None,
            [key] => Some(format!("the commit of {key}")),
            [key, more @ ..] => Some(format!("the commits of {key} and {} more", more.len())),
        };
        let topic = self.0.values().flat_map(|part| &part.outputs).next().map(|output| name(&output.topic));
        let outputs = topic.map(|topic| match outputs {
            1 => format!("the output to {topic}"),
            more => format!("{more} outputs, the first to {topic}"),
        });
        [outputs, commits].into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }

    /// The first difference to what another call staged later, in words; none if both are the same.
    pub fn difference(&self, later: &Effect<'_>) -> Option<String> {
        for (key, part) in &self.0 {
            let Some(other) = later.0.get(key) else {
                return Some(match (key, later.0.keys().find(|key| !self.0.contains_key(*key))) {
                    (Some(key), Some(Some(other))) => format!("it names the key {key}, then {other}"),
                    (Some(key), _) => format!("the key {key} has an effect, then none"),
                    (None, _) => "there are outputs without a key, then none".to_owned(),
                });
            };
            if let Some(difference) = part.difference(other) {
                return Some(match key {
                    Some(key) => format!("key {key}, {difference}"),
                    None => format!("without a key, {difference}"),
                });
            }
        }
        let more = later.0.keys().find(|key| !self.0.contains_key(*key))?;
        Some(match more {
            Some(key) => format!("the key {key} has no effect, then one"),
            None => "there is no output without a key, then one".to_owned(),
        })
    }
}

impl Part<'_> {
    fn difference(&self, later: &Part<'_>) -> Option<String> {
        for (index, (one, other)) in self.outputs.iter().zip(&later.outputs).enumerate() {
            if let Some(difference) = output_difference(one, other) {
                return Some(format!("output {}: its {difference}", index + 1));
            }
        }
        if self.outputs.len() != later.outputs.len() {
            return Some(format!("it emits {} outputs, then {}", self.outputs.len(), later.outputs.len()));
        }
        match (self.commit, later.commit) {
            (Some(Some(one)), Some(Some(other))) if payload::is_same(one, other) => None,
            (Some(Some(one)), Some(Some(other))) => {
                Some(format!("its receipt {}", payload::difference(one, other)))
            }
            (one, other) if one == other => None,
            (one, other) => Some(format!("it has {}, then {}", commit(one), commit(other))),
        }
    }
}

fn commit(commit: Option<Option<&[u8]>>) -> &'static str {
    match commit {
        None => "no commit",
        Some(None) => "a commit without a receipt",
        Some(Some(_)) => "a commit with a receipt",
    }
}

fn output_difference(one: &StagedOutput, other: &StagedOutput) -> Option<String> {
    if one.topic != other.topic {
        return Some(format!("topic is {}, then {}", name(&one.topic), name(&other.topic)));
    }
    if one.key != other.key {
        let key = |key: &Option<String>| key.as_deref().map_or_else(|| "none".to_owned(), name);
        return Some(format!("key is {}, then {}", key(&one.key), key(&other.key)));
    }
    if one.headers != other.headers {
        return Some("headers are others".to_owned());
    }
    let is_same = payload::is_same(&one.payload, &other.payload);
    (!is_same).then(|| format!("payload {}", payload::difference(&one.payload, &other.payload)))
}

fn name(name: &str) -> String {
    shown(name.as_bytes(), SHOWN_BYTES)
}
