//! What has to come of a delivery.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::found::{End, Found, Output};

/// How much of a value a difference shows, in characters.
const SHOWN: usize = 600;

/// What has to come of a delivery. What it does not say is not looked at.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How it ends.
    pub end: End,
    /// The end's text.
    pub reason: Option<Reason>,
    /// A part of it.
    pub reason_contains: Option<Reason>,
    /// What the steps gave.
    pub results: Option<Vec<Value>>,
    /// The other outputs, if they were applied.
    pub outputs: Option<Vec<Output>>,
    /// Lines that were logged among others, in order; each is a part of one.
    pub log: Option<Vec<(String, String)>>,
}

/// A text, the same in every language or not.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Reason {
    /// The same.
    One(String),
    /// By language; `*` for all others.
    Each(BTreeMap<String, String>),
}

impl Reason {
    fn of(&self, language: &str) -> Option<&str> {
        match self {
            Reason::One(text) => Some(text),
            Reason::Each(texts) => texts.get(language).or_else(|| texts.get("*")).map(String::as_str),
        }
    }
}

impl Expect {
    /// What differs, a line each.
    pub fn differences(&self, found: &Found, language: &str) -> Vec<String> {
        let mut differences = Vec::new();
        let mut differs = |what: &str, expected: String, found: String| {
            differences.push(format!("{what}: expected {}, found {}", short(&expected), short(&found)));
        };
        if self.end != found.end {
            differs("end", self.end.to_string(), format!("{} ({})", found.end, found.reason));
        }
        let text = |reason: &Option<Reason>| {
            reason.as_ref().and_then(|reason| reason.of(language)).map(str::to_owned)
        };
        if let Some(expected) = text(&self.reason).filter(|text| *text != found.reason) {
            differs("reason", expected, found.reason.clone());
        }
        if let Some(part) = text(&self.reason_contains).filter(|part| !found.reason.contains(part)) {
            differs("reason", format!("…{part}…"), found.reason.clone());
        }
        if let Some(expected) = &self.results
            && let Err(found) = same_results(expected, found.results.as_deref())
        {
            differs("results", Value::from(expected.as_slice()).to_string(), found);
        }
        if let Some(expected) = self.outputs.as_ref().filter(|outputs| **outputs != found.outputs) {
            differs("outputs", list(expected), list(&found.outputs));
        }
        if let Some((level, text)) = self.log.as_ref().and_then(|lines| missing(lines, &found.log)) {
            differs("log", format!("at {level} {text:?}"), format!("{:?}", found.log));
        }
        differences
    }
}

/// Gives what was found instead.
fn same_results(expected: &[Value], found: Option<&[u8]>) -> Result<(), String> {
    let bytes = found.ok_or("none")?;
    match serde_json::from_slice::<Vec<Value>>(bytes) {
        Ok(results) if results == expected => Ok(()),
        Ok(results) => Err(Value::from(results).to_string()),
        Err(_) => Err(format!("{:?}, which is no list", String::from_utf8_lossy(bytes))),
    }
}

/// The first line that is in none of those that are left.
fn missing<'a>(lines: &'a [(String, String)], found: &[(String, String)]) -> Option<&'a (String, String)> {
    let mut left = found.iter();
    lines.iter().find(|(level, text)| !left.any(|(found, line)| found == level && line.contains(text)))
}

fn list(outputs: &[Output]) -> String {
    let shown: Vec<_> = outputs.iter().map(Output::to_string).collect();
    format!("[{}]", shown.join(", "))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", text.get(..end).unwrap_or_default(), text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(json: &str) -> Expect {
        serde_json::from_str(json).unwrap()
    }

    fn found(end: End, reason: &str, results: Option<&str>) -> Found {
        let results = results.map(|text| text.as_bytes().to_vec());
        let log =
            [("info", "one line"), ("warn", "two lines")].map(|(level, text)| (level.into(), text.into()));
        Found { end, reason: reason.to_owned(), results, outputs: Vec::new(), log: log.into() }
    }

    #[test]
    fn what_is_not_said_is_not_looked_at() {
        let applied = found(End::Applied, "x", Some("[1]"));
        assert_eq!(expect(r#"{"end": "applied"}"#).differences(&applied, "c"), Vec::<String>::new());
    }

    #[test]
    fn every_part_that_differs_is_told() {
        let all = expect(
            r#"{"end": "reject", "reason": {"c": "no", "*": "yes"}, "reason_contains": "n", "results": ["new"],
                "outputs": [{"topic": "t", "key": null, "headers": [], "payload": "eA=="}],
                "log": [["warn", "two"], ["info", "one"]]}"#,
        );
        let differences = all.differences(&found(End::Applied, "", Some("[]")), "c");
        let parts = [
            "end: expected reject, found applied",
            "reason: expected no",
            "reason: expected …n…",
            "results: expected [\"new\"], found []",
            "outputs: ",
            "log: expected at info \"one\"",
        ];
        assert_eq!(differences.len(), parts.len(), "{differences:?}");
        for (difference, part) in differences.iter().zip(parts) {
            assert!(difference.starts_with(part), "{difference}");
        }
        let none = all.differences(&found(End::Reject, "no", None), "c");
        assert!(none.iter().any(|line| line == "results: expected [\"new\"], found none"), "{none:?}");
        assert!(!none.iter().any(|line| line.starts_with("reason")));
    }
}
