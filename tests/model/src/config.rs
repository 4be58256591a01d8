//! What is searched: how many of everything, how deliveries are settled, and how much may go wrong.

use crate::mutation::{Lacking, Mutation};

/// The most workers that a state has room for.
pub const WORKERS: usize = 3;
/// The most keys.
pub const KEYS: usize = 2;
/// The most messages.
pub const MESSAGES: usize = 2;

/// A small world, to be searched through.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// What it is called.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The host of each worker. Workers of one host share its cache and its table of keys under way, and die together.
    pub hosts: &'static [u8],
    /// What the source delivers.
    pub messages: &'static [Message],
    /// How deliveries are settled.
    pub settle: Settle,
    /// How much may happen that need not.
    pub budget: Budget,
    /// Which faults may happen.
    pub faults: &'static [Fault],
    /// How often a handler may fail before its delivery is dead.
    pub max_attempts: u8,
    /// After how many host deaths a key is a suspect; none: deaths are not counted.
    pub host_deaths: Option<u8>,
    /// What the protocol lacks.
    pub lacking: Lacking,
}

/// A message.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// The keys that its handler asks for, in this order. For each that is new it has one output.
    pub keys: &'static [usize],
    /// Its payload's fingerprint.
    pub print: u8,
    /// Its handler takes its host down, each time.
    pub poison: bool,
}

impl Message {
    /// One with these keys.
    pub const fn new(keys: &'static [usize]) -> Self {
        Self { keys, print: 1, poison: false }
    }

    /// Where its effects show at the sink: at its keys; without any, it has one effect, at the last place.
    pub fn places(&self) -> &'static [usize] {
        if self.keys.is_empty() { &[KEYS - 1] } else { self.keys }
    }
}

/// How a delivery is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// Marks, outputs and acknowledgement in one step, on one server.
    Atomic,
    /// Fences, outputs, marks, replicas, acknowledgement, one after the other; source and sink elsewhere.
    Ordered {
        /// Whether marks wait for the replicas.
        replicated: bool,
    },
}

/// How often each may happen in one history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Faults of any kind.
    pub faults: u8,
    /// A handler asks for a retry.
    pub fails: u8,
    /// A handler rejects its message.
    pub rejects: u8,
    /// A keep or a window ends.
    pub ages: u8,
    /// An operator forgets or requeues.
    pub operator: u8,
    /// All of these that are no faults together.
    pub chances: u8,
}

impl Budget {
    /// Something happened that is no fault and need not have been.
    pub fn takes(&mut self, one: impl FnOnce(&mut Self) -> &mut u8) {
        *one(self) -= 1;
        self.chances = self.chances.saturating_sub(1);
        if self.chances == 0 {
            *self = Self { faults: self.faults, ..Self::NONE };
        }
    }

    /// Nothing happens.
    pub const NONE: Budget =
        Budget { faults: 0, fails: 0, rejects: 0, ages: 0, operator: 0, chances: u8::MAX };
}

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A host dies.
    Crash,
    /// A host stops for as long as it may be.
    Pause,
    /// A reply is lost after its request was carried out.
    LostReply,
    /// The source delivers once more what somebody handles.
    Redelivery,
    /// A handler, or a settle, takes as long as its lease less the margin.
    Slow,
    /// The server's replica stops to follow, and may take its place.
    Failover,
    /// The store restarts with nothing in it.
    Empty,
}

impl Config {
    /// Whether this kind of fault is among what may go wrong.
    pub fn may(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether the protocol lacks this.
    pub fn lacks(&self, mutation: Mutation) -> bool {
        self.lacking.has(mutation)
    }

    /// Whether effects happen in the store's own transaction.
    pub fn is_atomic(&self) -> bool {
        self.settle == Settle::Atomic
    }

    /// Whether marks wait for the replicas.
    pub fn is_replicated(&self) -> bool {
        self.settle == Settle::Ordered { replicated: true }
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.hosts.len()
    }

    /// The workers of a host.
    pub fn workers_of(&self, host: usize) -> impl Iterator<Item = usize> {
        self.hosts
            .iter()
            .enumerate()
            .filter(move |(_, of)| usize::from(**of) == host)
            .map(|(worker, _)| worker)
    }

    /// The host of a worker.
    pub fn host_of(&self, worker: usize) -> usize {
        self.hosts.get(worker).map_or(0, |host| usize::from(*host))
    }

    /// How many hosts there are.
    pub fn host_count(&self) -> usize {
        self.hosts.iter().max().map_or(0, |host| usize::from(*host) + 1)
    }

    /// After how many host deaths a key is a suspect.
    pub fn suspect_after(&self) -> u8 {
        self.host_deaths.unwrap_or(u8::MAX)
    }

    /// Without this rule.
    pub fn without(mut self, mutation: Mutation) -> Self {
        self.lacking = Lacking(Some(mutation));
        self
    }
}
