//! What a producer has sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::event::{Event, Kind};

/// When it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// While faults struck.
    Storm,
    /// After the last one.
    Calm,
    /// At the end, one by one.
    Tail,
}

impl Phase {
    /// Its name in the evidence.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Storm => "storm",
            Phase::Calm => "calm",
            Phase::Tail => "tail",
        }
    }
}

/// A message.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What it says.
    pub event: Event,
    /// When.
    pub phase: Phase,
}

impl Sent {
    /// A line of the evidence, for the entry that it became.
    pub fn line(&self, entry: &str) -> Value {
        let event = &self.event;
        let mut line = json!({
            "pipeline": event.pipeline.name(), "entry": entry, "event": event.name,
            "expect": event.expected(entry), "dead": event.kind == Kind::Rejected,
            "mismatch": event.kind == Kind::Mismatch, "phase": self.phase.name(),
        });
        if !event.dies() {
            line["payload"] = json!(event.text());
        }
        line
    }
}

#[derive(Debug, Default)]
struct Book {
    /// Each message by its number, which it bears, and the entry that it became, once that is known.
    sent: HashMap<u64, (Sent, Option<String>)>,
    accepted: usize,
}

/// The ledger, which whoever has one writes into.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A message is about to be sent. Gives its number.
    pub fn sends(&self, sent: Sent) -> u64 {
        let mut book = self.book();
        let number = book.sent.len() as u64;
        book.sent.insert(number, (sent, None));
        number
    }

    /// The server has said which entry it became.
    pub fn accepted(&self, number: u64, entry: &str) {
        let mut book = self.book();
        book.accepted += 1;
        if let Some((_, known)) = book.sent.get_mut(&number) {
            *known = Some(entry.to_owned());
        }
    }

    /// A message was found at this entry: whether it was accepted was not known before, or it is known to be there.
    /// False if nobody sent it, or if it was known to be elsewhere: then it is there twice.
    pub fn found(&self, number: u64, entry: &str) -> bool {
        let mut book = self.book();
        match book.sent.get_mut(&number) {
            Some((_, Some(known))) => known == entry,
            Some((_, unknown)) => {
                *unknown = Some(entry.to_owned());
                true
            }
            None => false,
        }
    }

    /// How many messages are known to be accepted.
    pub fn count(&self) -> usize {
        self.book().accepted
    }

    /// All messages of which it is known which entry they became, with that.
    pub fn all(&self) -> Vec<(Sent, String)> {
        let book = self.book();
        let mut all: Vec<(&u64, &(Sent, Option<String>))> = book.sent.iter().collect();
        all.sort_by_key(|(number, _)| **number);
        all.into_iter().filter_map(|(_, (sent, entry))| Some((sent.clone(), entry.clone()?))).collect()
    }
}
