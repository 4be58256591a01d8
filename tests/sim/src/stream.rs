//! A stream and the one group that reads it.

use std::collections::BTreeMap;

use oncegate_broker::Ticket;

use crate::counts::Met;
use crate::say;
use crate::world::World;

/// A process that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumer {
    pub host: usize,
    pub life: u64,
}

/// A stream and its group.
#[derive(Debug, Default, Clone)]
pub struct Stream {
    pub entries: Vec<Entry>,
    /// How many of them the group has read.
    pub read: usize,
    pub pending: BTreeMap<(u64, u64), Pending>,
}

/// An entry.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub id: (u64, u64),
    /// Which of the plan's messages it is.
    pub number: usize,
    pub body: usize,
}

/// An entry that was handed to somebody and is not acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    /// None: it was handed back.
    pub consumer: Option<Consumer>,
    pub count: u64,
    pub since_ms: u64,
}

/// Whose an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Ours,
    Other,
    Gone,
}

/// What a source was handed.
#[derive(Debug, Clone, Copy)]
pub struct HandedOut {
    pub entry: Entry,
    pub count: u64,
}

impl Stream {
    /// An entry by its id.
    pub fn entry(&self, id: (u64, u64)) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.id == id).copied()
    }

    /// Hands new entries to a consumer.
    pub fn read(&mut self, consumer: Consumer, most: usize, now_ms: u64) -> Vec<HandedOut> {
        let last = (self.read + most).min(self.entries.len());
        let entries = self.entries[self.read..last].to_vec();
        self.read = last;
        let hand = |entry: Entry| {
            let pending = Pending { consumer: Some(consumer), count: 1, since_ms: now_ms };
            self.pending.insert(entry.id, pending);
            HandedOut { entry, count: 1 }
        };
        entries.into_iter().map(hand).collect()
    }

    /// Takes what was left behind for so long, and what is this consumer's without its knowing. Says of each whether
    /// it was taken over.
    pub fn find(
        &mut self,
        consumer: Consumer,
        held: &[(u64, u64)],
        idle_ms: u64,
        most: usize,
        now_ms: u64,
    ) -> Vec<(HandedOut, bool)> {
        let mut found = Vec::new();
        let ids: Vec<(u64, u64)> = self.pending.keys().copied().collect();
        for id in ids {
            let Some(entry) = self.entry(id) else { continue };
            let Some(pending) = self.pending.get_mut(&id) else { continue };
            let left_behind = now_ms.saturating_sub(pending.since_ms) >= idle_ms;
            let own = pending.consumer == Some(consumer);
            if held.contains(&id) || !(own || left_behind) || found.len() >= most {
                continue;
            }
            // What is ours without our knowing was not handed out yet: its count stays.
            let count = if left_behind { pending.count + 1 } else { pending.count.max(1) };
            *pending = Pending { consumer: Some(consumer), count, since_ms: now_ms };
            found.push((HandedOut { entry, count }, left_behind));
        }
        found
    }

    /// Whose an entry is.
    pub fn whose(&self, consumer: Consumer, ticket: Ticket) -> Whose {
        match self.pending.get(&ticket.entry) {
            None => Whose::Gone,
            Some(pending) if pending.consumer == Some(consumer) && pending.count == ticket.count => {
                Whose::Ours
            }
            Some(_) => Whose::Other,
        }
    }

    /// Keeps an entry fresh that is this consumer's.
    pub fn keep(&mut self, consumer: Consumer, ticket: Ticket, now_ms: u64) -> Whose {
        let whose = self.whose(consumer, ticket);
        if whose == Whose::Ours
            && let Some(pending) = self.pending.get_mut(&ticket.entry)
        {
            pending.since_ms = now_ms;
        }
        whose
    }

    /// Gives an entry that is this consumer's to nobody: at once to be had, and not counted as handed over.
    pub fn hand_back(&mut self, consumer: Consumer, ticket: Ticket) {
        if self.whose(consumer, ticket) == Whose::Ours
            && let Some(pending) = self.pending.get_mut(&ticket.entry)
        {
            *pending = Pending { consumer: None, count: ticket.count - 1, since_ms: 0 };
        }
    }
}

impl World {
    /// Which server has the stream.
    pub fn broker(&self) -> usize {
        self.plan.shape.server(crate::plan::Line::Source)
    }

    /// A producer hands a message to the broker, when that takes it.
    pub fn publish(&mut self, number: usize, body: usize) {
        let broker = self.broker();
        let now_us = self.now_us();
        let server = &self.servers[broker];
        let ready_us = server.down_until_us.max(server.stalled_until_us);
        if now_us < ready_us {
            return self.after_us(ready_us - now_us, move |world| world.publish(number, body));
        }
        let id = (self.now_ms() + 1, number as u64);
        say!(self, "message m{number} is published");
        self.counts.met(Met::Published);
        self.servers[broker].data.stream.entries.push(Entry { id, number, body });
        self.serve_parked(broker);
    }

    /// The broker takes an entry from whoever has it.
    pub fn give_away(&mut self, nth: u64) {
        let broker = self.broker();
        let stream = &mut self.servers[broker].data.stream;
        let count = stream.pending.len() as u64;
        let Some((id, pending)) = stream.pending.iter_mut().nth((nth % count.max(1)) as usize) else {
            return;
        };
        (pending.consumer, pending.since_ms) = (None, 0);
        let id = *id;
        say!(self, "the broker gives {id:?} away");
        self.counts.met(Met::GivenAway);
    }
}
