//! What a handler makes happen, staged until somebody decides whether it does.

use oncegate_dedup::text::shown;

use crate::handler::Settings;
use crate::limits::Limits;
use crate::message::Header;

/// Headers whose names begin with this, in whatever case, are the host's.
const RESERVED: &str = "oncegate-";
/// How much of a topic that is not allowed is shown, in bytes.
const SHOWN_TOPIC_BYTES: usize = 100;

/// One output. Its topic is allowed, its names are neither empty nor longer than the limits, hold no control
/// characters and are not reserved; its values and payload are any bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedOutput {
    /// The topic.
    pub topic: String,
    /// The message key.
    pub key: Option<String>,
    /// The headers in order; names may repeat.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The payload.
    pub payload: Vec<u8>,
    /// The key that was most recently answered `new` when this was emitted, as
    /// [`Attempt::last_new`](oncegate_dedup::Attempt::last_new) gave it. None: no key was.
    pub under: Option<usize>,
    /// Which of that key's outputs this is, or which of those without a key, counted from 0. With it, each
    /// repetition of the delivery gives the same output the same id.
    pub index: u32,
}

/// The outputs of one invocation. Nothing is allocated while there are none.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    staged: Vec<StagedOutput>,
    bytes: usize,
    /// The first topic that was not allowed, fit to be shown.
    pub(crate) refused_topic: Option<String>,
}

/// Why an output is not staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    TopicNotAllowed,
    Invalid(String),
    /// The limit.
    TooMany(u32),
    /// The limit in bytes.
    TooLarge(u32),
}

/// An output as the guest gave it.
pub(crate) struct Emitted {
    pub(crate) topic: String,
    pub(crate) key: Option<String>,
    pub(crate) headers: Vec<Header>,
    pub(crate) payload: Vec<u8>,
}

impl Emitted {
    /// What it counts for.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|header| header.name.len() + header.value.len());
        let names = self.topic.len() + self.key.as_ref().map_or(0, String::len);
        names + self.payload.len() + headers.sum::<usize>()
    }

    fn check_names(&self, limits: &Limits) -> Result<(), Refusal> {
        check_name("topic", &self.topic, limits)?;
        if let Some(key) = &self.key {
            // The producer's own affair otherwise: brokers take an empty one, or one with any characters.
            check_length("key", key, limits)?;
        }
        if self.headers.len() > limits.output_headers {
            let (found, limit) = (self.headers.len(), limits.output_headers);
            return Err(Refusal::Invalid(format!("{found} headers, and {limit} are allowed")));
        }
        for header in &self.headers {
            check_name("header name", &header.name, limits)?;
            let start = header.name.as_bytes().get(..RESERVED.len());
            if start.is_some_and(|start| start.eq_ignore_ascii_case(RESERVED.as_bytes())) {
                return Err(Refusal::Invalid(
                    "header names that begin with oncegate- are the host's".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

impl Outputs {
    /// Stages one output, or says why not.
    pub(crate) fn emit(
        &mut self,
        emitted: Emitted,
        under: Option<usize>,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let limits = &settings.limits;
        emitted.check_names(limits)?;
        if !settings.topics.allow(&emitted.topic) {
            self.refused_topic.get_or_insert_with(|| shown(emitted.topic.as_bytes(), SHOWN_TOPIC_BYTES));
            return Err(Refusal::TopicNotAllowed);
        }
        if self.staged.len() >= limits.outputs as usize {
            return Err(Refusal::TooMany(limits.outputs));
        }
        let bytes = self.bytes.saturating_add(emitted.bytes());
        if bytes > limits.output_bytes {
            return Err(Refusal::TooLarge(u32::try_from(limits.output_bytes).unwrap_or(u32::MAX)));
        }
        self.bytes = bytes;
        let index = self.next_index(under);
        let Emitted { topic, key, headers, payload } = emitted;
        let headers = headers.into_iter().map(|Header { name, value }| (name, value)).collect();
        self.staged.push(StagedOutput { topic, key, headers, payload, under, index });
        Ok(())
    }

    fn next_index(&self, under: Option<usize>) -> u32 {
        let last = self.staged.iter().rev().find(|output| output.under == under);
        last.map_or(0, |output| output.index + 1)
    }

    pub(crate) fn staged(self) -> Vec<StagedOutput> {
        self.staged
    }
}

fn check_name(what: &str, name: &str, limits: &Limits) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::Invalid(format!("the {what} is empty")));
    }
    check_length(what, name, limits)?;
    if name.chars().any(char::is_control) {
        return Err(Refusal::Invalid(format!("the {what} holds control characters")));
    }
    Ok(())
}

fn check_length(what: &str, name: &str, limits: &Limits) -> Result<(), Refusal> {
    let (found, limit) = (name.len(), limits.output_name_bytes);
    match found <= limit {
        true => Ok(()),
        false => Err(Refusal::Invalid(format!("the {what} has {found} bytes, and {limit} are allowed"))),
    }
}
