//! What a line of the input expects of its message.

use anyhow::{Result, bail};
use oncegate_dedup::Sighting;
use oncegate_dedup::text::shown;
use serde_json::{Map, Value};

use super::delivery::{Delivery, is_dead, is_duplicate};
use super::judge::{end, end_word};
use super::payload;
use crate::summary::End;

/// How much of a wrong name is shown, in bytes.
const SHOWN_BYTES: usize = 60;

/// What is expected. What is not named is not looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// How the message ends.
    pub end: Option<ExpectedEnd>,
    /// A part of why it is a dead letter, or why its handler failed.
    reason: Option<String>,
    /// All outputs that are applied, in order.
    outputs: Option<Vec<ExpectedOutput>>,
    /// The receipt that is committed, or that the handler is given as a duplicate.
    receipt: Option<Value>,
}

/// How a message is expected to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedEnd {
    /// So.
    Is(End),
    /// As a duplicate, whoever knew it.
    Duplicate,
    /// As a dead letter, for whatever reason.
    DeadLetter,
    /// In any way, after the handler has failed on it.
    Retry,
}

/// The words for ends.
const ENDS: [(&str, ExpectedEnd); 12] = [
    ("applied", ExpectedEnd::Is(End::Applied)),
    ("duplicate", ExpectedEnd::Duplicate),
    ("no-effect", ExpectedEnd::Is(End::NoEffect)),
    ("unkeyed", ExpectedEnd::Is(End::Unkeyed)),
    ("retry", ExpectedEnd::Retry),
    ("dead-letter", ExpectedEnd::DeadLetter),
    ("rejected", ExpectedEnd::Is(End::Rejected)),
    ("attempts-used-up", ExpectedEnd::Is(End::AttemptsUsedUp)),
    ("effect-without-commit", ExpectedEnd::Is(End::EffectWithoutCommit)),
    ("mismatch", ExpectedEnd::Is(End::Mismatch)),
    ("dead", ExpectedEnd::Is(End::Dead)),
    ("host-died", ExpectedEnd::Is(End::HostDied)),
];

/// An output that is expected. What is not named is not looked at.
#[derive(Debug, Clone, Default, PartialEq)]
struct ExpectedOutput {
    topic: Option<String>,
    /// A text, or null for none.
    key: Option<Value>,
    /// Names and their values: a text, or a list of them.
    headers: Option<Map<String, Value>>,
    payload: Option<Value>,
}

impl ExpectedEnd {
    fn named(text: &str) -> Result<Self> {
        let found = ENDS.iter().find(|(word, _)| *word == text.replace('_', "-"));
        let words = || ENDS.map(|(word, _)| word).join(", ");
        found
            .map(|(_, end)| *end)
            .ok_or_else(|| anyhow::anyhow!("\"end\" is one of {}, not {}", words(), quoted(text)))
    }

    fn word(self) -> &'static str {
        ENDS.iter().find(|(_, end)| *end == self).map_or("", |(word, _)| word)
    }

    fn is_met(self, deliveries: &[Delivery]) -> bool {
        let ended = end(deliveries).map(|(_, end)| end);
        match self {
            Self::Is(end) => ended == Some(end),
            Self::Duplicate => ended.is_some_and(is_duplicate),
            Self::DeadLetter => ended.is_some_and(is_dead),
            Self::Retry => failures(deliveries).next().is_some(),
        }
    }
}

impl Expectation {
    /// From the JSON of the member `expect`.
    pub fn new(value: Value) -> Result<Self> {
        let Value::Object(members) = value else {
            bail!("\"expect\" is an object such as {{\"end\":\"applied\"}}")
        };
        let mut expect = Self { end: None, reason: None, outputs: None, receipt: None };
        for (name, value) in members {
            match (name.as_str(), value) {
                ("end", Value::String(word)) => expect.end = Some(ExpectedEnd::named(&word)?),
                ("reason", Value::String(reason)) => expect.reason = Some(reason),
                ("outputs", Value::Array(outputs)) => {
                    expect.outputs =
                        Some(outputs.into_iter().map(ExpectedOutput::new).collect::<Result<_>>()?);
                }
                ("receipt", receipt) => expect.receipt = Some(receipt),
                ("end" | "reason", _) => bail!("{name:?} in \"expect\" is a text"),
                ("outputs", _) => bail!("\"outputs\" in \"expect\" is a list of outputs"),
                (other, _) => {
                    bail!("\"expect\" has end, reason, outputs and receipt, and no member {}", quoted(other))
                }
            }
        }
        Ok(expect)
    }

    /// What is not as it is expected, in words.
    pub fn unmet(&self, deliveries: &[Delivery]) -> Vec<String> {
        let mut unmet = Vec::new();
        if let Some(expected) = self.end.filter(|end| !end.is_met(deliveries)) {
            unmet.push(format!("it is expected to end as {}, and {}", expected.word(), how(deliveries)));
        }
        if let Some(reason) = &self.reason
            && !reasons(deliveries).any(|found| found.contains(reason.as_str()))
        {
            let found = reasons(deliveries).next();
            let found = found.map_or_else(|| "there is none".to_owned(), |found| format!("it is: {found}"));
            unmet.push(format!("its reason is expected to have {} in it, and {found}", quoted(reason)));
        }
        unmet.extend(self.outputs.as_ref().and_then(|outputs| unmet_outputs(outputs, deliveries)));
        if let Some(receipt) = &self.receipt {
            unmet.extend(unmet_receipt(receipt, deliveries));
        }
        unmet
    }
}

/// How it ended, in words.
fn how(deliveries: &[Delivery]) -> String {
    let Some((delivery, end)) = end(deliveries) else { return "it came to no end".to_owned() };
    let word = end_word(end);
    match delivery.reason.as_deref() {
        Some(reason) => format!("it ended as {word}: {reason}"),
        None => format!("it ended as {word}"),
    }
}

/// Why the handler failed, each time that it did.
fn failures(deliveries: &[Delivery]) -> impl Iterator<Item = &str> {
    deliveries.iter().flat_map(|delivery| &delivery.calls).filter_map(|call| call.failure())
}

fn reasons(deliveries: &[Delivery]) -> impl Iterator<Item = &str> {
    deliveries.iter().filter_map(|delivery| delivery.reason.as_deref()).chain(failures(deliveries))
}

fn unmet_outputs(expected: &[ExpectedOutput], deliveries: &[Delivery]) -> Option<String> {
    let applied = deliveries.iter().filter(|delivery| !delivery.outputs.is_empty());
    let found: Vec<_> = applied
        .filter_map(Delivery::last_call)
        .flat_map(|call| &call.outputs)
        .map(|emitted| &emitted.output)
        .collect();
    for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
        if let Some(difference) = expected.difference(found) {
            return Some(format!("output {}: {difference}", index + 1));
        }
    }
    let (expected, found) = (expected.len(), found.len());
    (expected != found).then(|| format!("{expected} outputs are expected, and {found} were applied"))
}

fn unmet_receipt(expected: &Value, deliveries: &[Delivery]) -> Option<String> {
    let committed =
        deliveries.iter().flat_map(|delivery| &delivery.commits).map(|(_, receipt)| receipt.clone());
    let keys = deliveries.iter().flat_map(|delivery| &delivery.calls).flat_map(|call| &call.keys);
    let told = keys.filter_map(|key| match &key.told {
        Ok(Sighting::Duplicate(receipt)) => Some(receipt.clone()),
        _ => None,
    });
    let found: Vec<Option<Vec<u8>>> = committed.chain(told).collect();
    let is_met = |found: &Option<Vec<u8>>| match found {
        None => expected.is_null(),
        Some(receipt) => payload::is(expected, receipt),
    };
    if found.iter().any(is_met) {
        return None;
    }
    let found = match found.first() {
        None => "no key is committed".to_owned(),
        Some(None) => "there is none".to_owned(),
        Some(Some(receipt)) => format!("it is {}", payload::excerpt(receipt)),
    };
    Some(format!("the receipt {} is expected, and {found}", shown_value(expected)))
}

impl ExpectedOutput {
    fn new(value: Value) -> Result<Self> {
        let Value::Object(members) = value else {
            bail!("an output in \"expect\" is an object with topic, key, headers, payload, or some of them")
        };
        let mut output = Self::default();
        for (name, value) in members {
            match (name.as_str(), value) {
                ("topic", Value::String(topic)) => output.topic = Some(topic),
                ("key", key @ (Value::String(_) | Value::Null)) => output.key = Some(key),
                ("headers", Value::Object(headers)) => output.headers = Some(headers),
                ("payload", payload) => output.payload = Some(payload),
                ("topic", _) => bail!("the topic of an output in \"expect\" is a text"),
                ("key", _) => bail!("the key of an output in \"expect\" is a text or null"),
                ("headers", _) => bail!("the headers of an output in \"expect\" are an object"),
                (other, _) => bail!(
                    "an output in \"expect\" has topic, key, headers and payload, and no member {}",
                    quoted(other)
                ),
            }
        }
        Ok(output)
    }

    fn difference(&self, found: &oncegate_sandbox::StagedOutput) -> Option<String> {
        let unlike = |what: &str, expected: String, found: String| {
            Some(format!("{what} {expected} is expected, and it is {found}"))
        };
        if let Some(topic) = self.topic.as_ref().filter(|topic| **topic != found.topic) {
            return unlike("the topic", quoted(topic), quoted(&found.topic));
        }
        let found_key = found.key.as_deref().map_or(Value::Null, Value::from);
        if let Some(key) = self.key.as_ref().filter(|key| **key != found_key) {
            return unlike("the key", shown_value(key), shown_value(&found_key));
        }
        for (name, expected) in self.headers.iter().flatten() {
            let values = found.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value);
            let values: Vec<&Vec<u8>> = values.collect();
            let is_met = match expected {
                Value::Array(expected) => {
                    expected.len() == values.len()
                        && expected.iter().zip(&values).all(|(expected, value)| payload::is(expected, value))
                }
                expected => matches!(values.as_slice(), [value] if payload::is(expected, value)),
            };
            if !is_met {
                let values: Vec<String> = values.iter().map(|value| payload::excerpt(value)).collect();
                let values = if values.is_empty() { "missing".to_owned() } else { values.join(", ") };
                return unlike(
                    &format!("for the header {} the value", quoted(name)),
                    shown_value(expected),
                    values,
                );
            }
        }
        match &self.payload {
            Some(expected) if !payload::is(expected, &found.payload) => {
                unlike("the payload", shown_value(expected), payload::excerpt(&found.payload))
            }
            _ => None,
        }
    }
}

fn shown_value(value: &Value) -> String {
    payload::excerpt(value.to_string().as_bytes())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text.as_bytes(), SHOWN_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_expectation_is_refused_with_what_is_one() {
        let cases = [
            (json!("applied"), "\"expect\" is an object"),
            (json!({"ends": "applied"}), "no member \"ends\""),
            (json!({"end": "done"}), "\"end\" is one of applied, duplicate, no-effect"),
            (json!({"end": 1}), "\"end\" in \"expect\" is a text"),
            (json!({"outputs": {}}), "is a list of outputs"),
            (json!({"outputs": [1]}), "an output in \"expect\" is an object"),
            (json!({"outputs": [{"topics": "t"}]}), "no member \"topics\""),
            (json!({"outputs": [{"key": 1}]}), "is a text or null"),
        ];
        for (value, expected) in cases {
            let error = Expectation::new(value.clone()).unwrap_err().to_string();
            assert!(error.contains(expected), "{value}: {error}");
        }
    }

    #[test]
    fn every_word_for_an_end_reads_back_with_either_kind_of_dash() {
        for (word, end) in ENDS {
            for word in [word.to_owned(), word.replace('-', "_")] {
                assert_eq!(Expectation::new(json!({"end": word})).unwrap().end, Some(end));
            }
            assert_eq!(end.word(), word);
        }
    }
}
