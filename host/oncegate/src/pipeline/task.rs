//! A delivery on its way through the pipeline.

use oncegate_broker::Ticket;
use oncegate_dedup::store::{Absent, Settlement};
use oncegate_dedup::{Ending, Origin};
use oncegate_sandbox::{Header, Message};

use super::quarantine::Probe;
use crate::summary::End;

/// A delivery and what this process knows of its earlier ones.
#[derive(Debug)]
pub struct Task {
    /// What is delivered; its attempt number says for how manieth time, from 1.
    pub message: Message,
    /// What its end is reported to its source with.
    pub ticket: Option<Ticket>,
    /// How often the handler failed on it.
    pub failures: u32,
    /// How often it was put off in a row.
    pub deferrals: u32,
    /// It has to run alone: too many hosts died over its key.
    pub alone: bool,
    /// How it ends decides over a quarantine.
    pub(crate) probe: Option<Probe>,
    /// Which version of the handler has it.
    pub(crate) version: u64,
}

impl Task {
    /// A first delivery.
    pub fn new(message: oncegate_broker::Message) -> Self {
        let oncegate_broker::Message { id, topic, key, headers, payload, published_ms, ticket } = message;
        let headers = headers.into_iter().map(|header| Header { name: header.name, value: header.value });
        let headers = headers.collect();
        // Earlier deliveries were other hosts', or this one's in an earlier life.
        let before = ticket.map_or(0, |ticket| ticket.count.saturating_sub(1));
        let attempt = u32::try_from(before).unwrap_or(u32::MAX);
        let message = Message { id, topic, key, headers, payload, attempt, published_ms };
        Self { message, ticket, failures: 0, deferrals: 0, alone: false, probe: None, version: 0 }
    }

    /// Which delivery this is, whoever has it. A stream's entries are told apart by their place: what a producer calls
    /// them may be the same for several.
    pub fn origin(&self, source: &str) -> Origin {
        match self.ticket {
            Some(ticket) => Origin::of(source, &ticket.entry_id()),
            None => Origin::of(source, &self.message.id),
        }
    }

    /// Whether other hosts had it so often that it may be what they died of.
    pub fn was_handed_over_more_often_than(&self, host_deaths: u32) -> bool {
        self.ticket.is_some_and(|ticket| ticket.count.saturating_sub(1) > u64::from(host_deaths))
    }

    /// About what it takes in memory while it waits, in bytes.
    pub fn bytes(&self) -> u64 {
        let Message { id, topic, key, headers, payload, .. } = &self.message;
        let headers = headers.iter().map(|header| header.name.len() + header.value.len());
        weight(size_of::<Self>(), [id, topic, key.as_deref().unwrap_or_default()], headers, payload)
    }
}

/// What becomes of a delivery once it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It is done, and acknowledged.
    Finish(End),
    /// It is made again.
    Redeliver {
        /// Because the handler failed; otherwise it was put off.
        failed: bool,
        /// For at most how long it is to wait, in milliseconds, if somebody said so.
        within_ms: Option<u64>,
    },
}

/// Bytes that are written for a delivery and weigh as much as a key.
const WEIGHED_BYTES: usize = 4 << 10;

/// A delivery to be settled.
#[derive(Debug)]
pub struct Item {
    /// The delivery; none if it was not a message.
    pub task: Option<Box<Task>>,
    /// What its end is reported to its source with.
    pub ticket: Option<Ticket>,
    /// What its attempt holds; none if there was no attempt.
    pub ending: Option<Ending>,
    /// What becomes of it if the settle is applied.
    pub plan: Plan,
    /// Its outputs, as their sink takes them.
    pub output: Vec<u8>,
    /// How many outputs these are.
    pub outputs: u64,
    /// Its dead letter, as its sink takes it, or nothing.
    pub dead_letter: Vec<u8>,
}

impl Item {
    /// Whether its settle writes something.
    pub fn writes(&self) -> bool {
        !self.output.is_empty() || !self.dead_letter.is_empty()
    }

    /// How much of a group it fills: what its settle costs beside that of a delivery with one key and little to write.
    pub fn weight(&self) -> usize {
        let keys = self.ending.as_ref().map_or(0, |ending| ending.settlement().keys.len());
        keys.max(1) + (self.output.len() + self.dead_letter.len()) / WEIGHED_BYTES
    }

    /// Takes out what to ask of the store, to be given back with [`Item::restore`].
    pub fn take_settlement(&mut self) -> Settlement {
        let settlement = self.ending.as_mut().map(Ending::take_settlement);
        settlement.unwrap_or(Settlement { keys: Vec::new(), absent: Absent::Refuse })
    }

    /// Gives back what was asked.
    pub fn restore(&mut self, settlement: Settlement) {
        if let Some(ending) = &mut self.ending {
            ending.restore(settlement);
        }
    }

    /// Puts it off instead: nothing of it is applied, no attempt is used up.
    pub fn put_off(&mut self, gate: &oncegate_dedup::Gate) {
        self.output.clear();
        self.dead_letter.clear();
        self.outputs = 0;
        self.plan = Plan::Redeliver { failed: false, within_ms: None };
        if let Some(ending) = &mut self.ending {
            ending.defer(gate);
        }
    }
}

/// About what a message takes in memory while it waits, in bytes.
pub(crate) fn bytes(message: &oncegate_broker::Message) -> u64 {
    let oncegate_broker::Message { id, topic, key, headers, payload, .. } = message;
    let headers = headers.iter().map(|header| header.name.len() + header.value.len());
    let texts = [id, topic, key.as_deref().unwrap_or_default()];
    weight(size_of::<oncegate_broker::Message>(), texts, headers, payload)
}

/// What has so many bytes of its own, and these parts.
fn weight(own: usize, texts: [&str; 3], headers: impl Iterator<Item = usize>, payload: &[u8]) -> u64 {
    let texts: usize = texts.into_iter().map(str::len).sum();
    // A header is two allocations and their places in a list.
    let headers: usize = headers.map(|bytes| bytes + 48).sum();
    (own + texts + headers + payload.len()) as u64
}
