//! What an invocation staged to go out.

use super::limits::{Limits, exceeds, too_long};
use crate::OutputRefusal;
use std::collections::BTreeSet;

/// Headers whose names begin with this, in whatever case, are the host's.
const RESERVED: &str = "oncegate-";

/// One output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The topic it was emitted to.
    pub topic: String,
    /// Its message key.
    pub key: Option<String>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its payload's bytes.
    pub payload: Vec<u8>,
}

/// The outputs of one invocation.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    staged: Vec<Emitted>,
    /// To which key each belongs: the one that was new most recently, if any was.
    owners: Vec<Option<usize>>,
    bytes: usize,
}

impl Emitted {
    /// What it counts for.
    fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        let key = self.key.as_ref().map_or(0, String::len);
        self.topic.len() + key + headers.sum::<usize>() + self.payload.len()
    }

    fn check_names(&self, limits: &Limits) -> Result<(), String> {
        check_name("the topic", &self.topic, limits)?;
        if let Some(key) = &self.key {
            check_length("the key", key, limits)?;
        }
        if exceeds(self.headers.len(), limits.output_headers) {
            return Err(format!("{} headers, and {} are allowed", self.headers.len(), limits.output_headers));
        }
        for (name, _) in &self.headers {
            check_name("the header name", name, limits)?;
            let start = name.as_bytes().get(..RESERVED.len());
            if start.is_some_and(|start| start.eq_ignore_ascii_case(RESERVED.as_bytes())) {
                return Err("header names that begin with oncegate- are the host's".to_owned());
            }
        }
        Ok(())
    }
}

fn check_name(what: &str, name: &str, limits: &Limits) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("{what} is empty"));
    }
    check_length(what, name, limits)?;
    if name.chars().any(char::is_control) {
        return Err(format!("{what} holds control characters"));
    }
    Ok(())
}

fn check_length(what: &str, name: &str, limits: &Limits) -> Result<(), String> {
    match exceeds(name.len(), limits.output_name_bytes) {
        true => Err(too_long(what, name.len(), limits.output_name_bytes)),
        false => Ok(()),
    }
}

impl Outputs {
    /// Stages one output, or says why not.
    pub(super) fn emit(
        &mut self,
        output: Emitted,
        owner: Option<usize>,
        topics: Option<&BTreeSet<String>>,
        limits: &Limits,
    ) -> Result<(), OutputRefusal> {
        output.check_names(limits).map_err(OutputRefusal::Invalid)?;
        if topics.is_some_and(|topics| !topics.contains(&output.topic)) {
            return Err(OutputRefusal::TopicNotAllowed);
        }
        if exceeds(self.staged.len() + 1, limits.outputs) {
            return Err(OutputRefusal::TooMany(limits.outputs));
        }
        let bytes = self.bytes + output.bytes();
        if exceeds(bytes, limits.output_bytes) {
            return Err(OutputRefusal::TooLarge(limits.output_bytes));
        }
        self.bytes = bytes;
        self.staged.push(output);
        self.owners.push(owner);
        Ok(())
    }

    /// Names the first one that does not belong to a key of which this is true, if there is one.
    pub(super) fn uncovered(&self, is_covered: impl Fn(Option<usize>) -> bool) -> Option<String> {
        let index = self.owners.iter().position(|owner| !is_covered(*owner))?;
        let topic = &self.staged.get(index)?.topic;
        let why = match self.owners.get(index)? {
            Some(_) => "its key was not committed",
            None => "no key was committed",
        };
        Some(format!("output {} to topic {topic}: {why}", index + 1))
    }

    pub(super) fn into_staged(self) -> Vec<Emitted> {
        self.staged
    }
}
