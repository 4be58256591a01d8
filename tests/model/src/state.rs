//! One moment of the world: the store's records, the source, the sink, the workers and their hosts.
//!
//! What is called a ghost is in no real process: it is remembered so that the [invariants](crate::invariants) can be
//! told.

use crate::config::{Budget, Config, KEYS, MESSAGES, WORKERS};
use crate::mutation::Mutation;
use crate::record::{NOBODY, Record, Stage};

/// One moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// What the server holds.
    pub server: Server,
    /// What its replica holds, while it does not follow.
    pub replica: Option<Server>,
    /// What is the case besides.
    pub around: Around,
    /// Who handles deliveries.
    pub workers: [Worker; WORKERS],
    /// In which processes.
    pub hosts: [Host; WORKERS],
}

/// The store, and, where settles are atomic, the source and the sink with it: what a failover can undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Server {
    /// What the store holds for each key.
    pub records: [Option<Record>; KEYS],
    /// The source.
    pub broker: Broker,
    /// The sink.
    pub sink: Sink,
}

impl Server {
    /// One that holds nothing.
    pub const fn nowhere() -> Self {
        let broker = Broker {
            entries: [Entry::Acked; MESSAGES],
            letters: [0; MESSAGES],
            requeueing: [false; MESSAGES],
            lives: [0; MESSAGES],
        };
        let sink = Sink {
            effects: [0; KEYS],
            done: [0; KEYS],
            excused: [false; KEYS],
            excused_letter: [false; MESSAGES],
        };
        Self { records: [None; KEYS], broker, sink }
    }
}

/// The source's entries, one a message, and what was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Broker {
    /// Whose each entry is.
    pub entries: [Entry; MESSAGES],
    /// How many dead letters each message has.
    pub letters: [u8; MESSAGES],
    /// The letter is being delivered again: its keys are cleared, the entry is not yet there.
    pub requeueing: [bool; MESSAGES],
    /// How often it was delivered again so: that makes another delivery of it, with another origin.
    pub lives: [u8; MESSAGES],
}

/// Whose an entry is. The delivery count needs no number: whoever got the entry before has lost it when it is handed
/// out once more, and the same worker never gets it twice without having let it go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Nobody's: it was never delivered, or whoever had it is gone.
    Waiting,
    /// Pending for this worker's present delivery.
    Held(u8),
    /// Acknowledged.
    Acked,
}

/// What happened to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sink {
    /// Effects of each key since its last legitimate beginning: the end of a window, or an operator's word.
    pub effects: [u8; KEYS],
    /// Payloads that have had their effect, as bits.
    pub done: [u8; KEYS],
    /// Ghost: a fault lay between an effect of this key and its commit.
    pub excused: [bool; KEYS],
    /// Ghost: a fault befell somebody who was giving up this message.
    pub excused_letter: [bool; MESSAGES],
}

/// What is the case besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Around {
    /// The epoch is new: keys that are absent are answered as in flight.
    pub quarantine: bool,
    /// The store has no sentinel, and answers nobody until an operator has written one.
    pub refused: bool,
    /// Ghost: an operator has changed something that the replica does not know.
    pub word: bool,
    /// What may still happen that need not.
    pub left: Budget,
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Host {
    /// Its cache: the fingerprint of each key that it knows as committed, or zero.
    pub l1: [u8; KEYS],
    /// An invalidation of this key is on its way to it.
    pub told: [bool; KEYS],
    /// It stands still.
    pub paused: bool,
}

/// Somebody who handles one delivery at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Worker {
    /// Where it is.
    pub at: At,
    /// Which message it handles.
    pub message: u8,
    /// In which of that one's lives.
    pub life: u8,
    /// How the delivery is to end.
    pub plan: Plan,
    /// What `seen` said of each key.
    pub told: [Told; KEYS],
    /// The sequence of each key's fence.
    pub seq: [u8; KEYS],
    /// Ghost: this claim is of an earlier epoch, or from before an operator's change.
    pub old: [bool; KEYS],
    /// Ghost: somebody else has committed this key since it was claimed.
    pub overtaken: [bool; KEYS],
    /// The most attempts that a claim of its came with.
    pub attempts: u8,
    /// By its own timer its lease is over.
    pub late: bool,
    /// By the store's clock a lease of its is over, while it stood still.
    pub overslept: bool,
    /// It runs alone in its host.
    pub alone: bool,
    /// What its reply says may not be true any more: an invalidation came, a window ended.
    pub dirty: bool,
    /// Its settle may have been carried out already.
    pub sent: bool,
}

/// Where a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// It has nothing to do.
    Idle,
    /// Its handler runs, and asks for this key of its message next, if there is one.
    Run(u8),
    /// It has looked at this key and found it free. Only where a claim takes two steps.
    Looked(u8),
    /// The store has answered that this key is committed; the reply is on its way.
    Answered(u8),
    /// About to release its claims.
    Release,
    /// About to settle: in one step, or, where that takes several, with its fences first. Its own clock has been looked
    /// at.
    Settle,
    /// Settled; the reply is on its way.
    Confirm,
    /// About to put its outputs out.
    Output,
    /// About to mark its keys.
    Mark,
    /// About to wait for the replicas, or for the store's reply.
    Wait,
    /// About to acknowledge.
    Ack,
}

/// How a delivery is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plan {
    /// Apply what was staged, and acknowledge.
    Apply,
    /// Release, and make it again; no attempt is used up.
    Defer,
    /// Release, and make it again; an attempt is used up.
    Fail,
    /// Dead-letter it, mark its keys dead, acknowledge.
    Die,
    /// It died before, and its letter is written: acknowledge.
    DiedBefore,
}

/// What `seen` said of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    /// Nothing yet.
    Unasked,
    /// The key is ours.
    New,
    /// It has had its effect, or is dead: in either case not ours, and settled.
    Other,
}

impl Worker {
    /// One that has nothing to do.
    pub const IDLE: Worker = Worker {
        at: At::Idle,
        message: 0,
        life: 0,
        plan: Plan::Apply,
        told: [Told::Unasked; KEYS],
        seq: [0; KEYS],
        old: [false; KEYS],
        overtaken: [false; KEYS],
        attempts: 0,
        late: false,
        overslept: false,
        alone: false,
        dirty: false,
        sent: false,
    };

    /// One that begins a delivery.
    pub fn begins(message: u8, life: u8, alone: bool) -> Self {
        Self { at: At::Run(0), message, life, alone, ..Self::IDLE }
    }

    /// The origin of its delivery, as a dead record bears it.
    pub fn origin(&self) -> u8 {
        self.message + self.life * MESSAGES as u8
    }

    /// Whether its dead letter may be out.
    pub fn has_given_up(&self) -> bool {
        self.plan == Plan::Die && matches!(self.at, At::Confirm | At::Mark | At::Wait | At::Ack)
    }

    /// Whether it handles this message.
    pub fn handles(&self, message: usize) -> bool {
        self.at != At::Idle && usize::from(self.message) == message
    }

    /// Whether it was told that this key is its own.
    pub fn has(&self, key: usize) -> bool {
        self.told[key] == Told::New
    }

    /// The keys that it was told are its own.
    pub fn keys(&self) -> impl Iterator<Item = usize> {
        let worker = *self;
        (0..KEYS).filter(move |&key| worker.has(key))
    }

    /// Whether its handler may act, or what it settles may still take effect.
    pub fn acts(&self) -> bool {
        match self.at {
            At::Run(_) | At::Looked(_) | At::Answered(_) => true,
            At::Settle | At::Output | At::Mark => !self.sent,
            At::Idle | At::Release | At::Confirm | At::Wait | At::Ack => false,
        }
    }
}

impl State {
    /// The beginning: every message waits, and nothing is known of any key.
    pub fn first(config: &Config) -> Self {
        let mut server = Server::nowhere();
        let entries = server.broker.entries.iter_mut().zip(config.messages);
        entries.for_each(|(entry, _)| *entry = Entry::Waiting);
        Self {
            server,
            replica: None,
            around: Around { quarantine: false, refused: false, word: false, left: config.budget },
            workers: [Worker::IDLE; WORKERS],
            hosts: [Host::default(); WORKERS],
        }
    }

    /// Whether there is nothing left to do: every message is done, nobody is at anything, and no key is claimed.
    pub fn is_settled(&self) -> bool {
        let broker = &self.server.broker;
        let claimed = |record: &Option<Record>| {
            record.is_some_and(|record| record.stage == Stage::Claimed { lapsed: false })
        };
        broker.entries.iter().all(|entry| *entry == Entry::Acked)
            && !broker.requeueing.contains(&true)
            && self.workers.iter().all(|worker| worker.at == At::Idle)
            && !self.server.records.iter().any(claimed)
            && !self.around.refused
    }

    /// Whether a worker's process runs.
    pub fn is_awake(&self, config: &Config, worker: usize) -> bool {
        !self.hosts[config.host_of(worker)].paused
    }

    /// The id of a worker's present attempt. Drawn anew for each, so that the worker's number is as good.
    pub fn attempt(&self, config: &Config, worker: usize) -> u8 {
        if config.lacks(Mutation::Rule1) {
            return MESSAGE_IDS + self.workers[worker].message;
        }
        worker as u8 + 1
    }

    /// The worker whose present attempt has this id.
    pub fn worker_of(&self, config: &Config, attempt: u8) -> Option<usize> {
        let has =
            |&worker: &usize| self.workers[worker].at != At::Idle && self.attempt(config, worker) == attempt;
        (0..config.workers()).find(has)
    }

    /// An attempt is over: nobody will ask under its id again, unless a dead letter bears it.
    pub fn end_attempt(&mut self, config: &Config, worker: usize, letter: bool) {
        if config.lacks(Mutation::Rule1) {
            return;
        }
        let id = self.attempt(config, worker);
        let name = if letter { letter_id(self.workers[worker].message) } else { NOBODY };
        let held = self.server.records.iter_mut().chain(self.replica.iter_mut().flat_map(|s| &mut s.records));
        held.flatten().filter(|record| record.by == id).for_each(|record| record.by = name);
    }

    /// The worker lets its delivery go.
    pub fn drop_delivery(&mut self, config: &Config, worker: usize, letter: bool) {
        self.end_attempt(config, worker, letter);
        self.workers[worker] = Worker::IDLE;
    }

    /// The delivery is made again, by a new attempt; unless it is somebody else's by now.
    pub fn again(&mut self, config: &Config, worker: usize) {
        let Worker { message, life, alone, .. } = self.workers[worker];
        self.end_attempt(config, worker, false);
        self.workers[worker] = match self.server.broker.entries[usize::from(message)] {
            Entry::Held(by) if usize::from(by) == worker => Worker::begins(message, life, alone),
            _ => Worker::IDLE,
        };
    }

    /// Whether the entry is pending for this worker's present delivery.
    pub fn holds_entry(&self, worker: usize) -> bool {
        let message = usize::from(self.workers[worker].message);
        self.server.broker.entries[message] == Entry::Held(worker as u8)
    }
}

/// The id that a dead letter bears, after its attempt is over.
pub fn letter_id(message: u8) -> u8 {
    WORKERS as u8 + 1 + message
}

/// Where ids begin that are derived from a message.
const MESSAGE_IDS: u8 = 10;
