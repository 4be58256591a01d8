//! What a run is made of, written down before it begins, so that it can be cut down when it fails.

use std::fmt;

/// What one run is made of. Only the order of what happens at one moment, and how long messages are under way, is
/// drawn while it runs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What was drawn from.
    pub seed: u64,
    /// Where source, store and sinks are.
    pub shape: Shape,
    /// What hosts work by.
    pub policy: Policy,
    /// How many hosts there are.
    pub hosts: usize,
    /// The different messages.
    pub bodies: Vec<Body>,
    /// What is published, and when.
    pub published: Vec<Publication>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// A world that does what none may do, to see that it is found.
    pub broken: Option<Broken>,
}

/// Where source, store and sinks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// On one server, settled in one step.
    Atomic,
    /// On three, settled in order.
    Ordered,
}

/// What hosts work by, in milliseconds where it is a time.
#[derive(Debug, Clone)]
pub struct Policy {
    pub lease_ms: u64,
    pub margin_ms: u64,
    pub handler_limit_ms: u64,
    pub takeover_ms: u64,
    pub keep_ms: u64,
    pub in_flight_wait_ms: u64,
    pub backoff_ms: (u64, u64),
    pub max_attempts: u32,
    pub host_deaths: u32,
    /// Outputs need no commit.
    pub free: bool,
    /// One key with another payload is another event.
    pub fingerprint: bool,
    /// There is a cache.
    pub l1: bool,
    /// Marks wait for a replica.
    pub replicated: bool,
    /// How far the replica is behind, at most.
    pub replica_lag_ms: u64,
    /// How long a store's call is asked again.
    pub patience_ms: u64,
    pub workers: usize,
    pub concurrency: usize,
    pub most_held: usize,
}

/// What a message says, and what its handler does with it.
#[derive(Debug, Clone)]
pub struct Body {
    /// The keys that it names, in this order.
    pub keys: Vec<u32>,
    /// How many outputs each key has, or the message without a key.
    pub outputs: u32,
    /// How its handler ends.
    pub end: BodyEnd,
    /// How long it works before, between and behind its keys, in milliseconds.
    pub work_ms: u64,
}

/// How a handler ends that has seen all of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// It commits what is new.
    Commits,
    /// It fails so often, whoever calls it, and then commits.
    Fails(u32),
    /// It never succeeds.
    AlwaysFails,
    /// It says that this can never work.
    Rejects,
}

/// A message that is handed to the broker.
#[derive(Debug, Clone)]
pub struct Publication {
    pub at_ms: u64,
    /// Which of the bodies.
    pub body: usize,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A host's process dies; another one takes its place later.
    Crash { host: usize, when: When, restart_ms: u64 },
    /// A host does nothing for a while.
    Pause { host: usize, when: When, ms: u64 },
    /// A host is told to stop; another one takes its place later.
    Stop { host: usize, at_ms: u64, restart_ms: u64 },
    /// A connection is lost, and with it a request (before it is served) or its reply. The host learns of it later.
    Cut { host: usize, line: Line, nth: u64, served: bool, learns_us: u64 },
    /// A server serves nothing for a while.
    Stall { server: usize, at_ms: u64, ms: u64 },
    /// A server's replica takes its place, without the last writes.
    Failover { server: usize, at_ms: u64, lag_ms: u64, down_ms: u64 },
    /// A server restarts with nothing; later an operator accepts that.
    Empty { server: usize, at_ms: u64, down_ms: u64, accepted_ms: u64 },
    /// An operator forgets a key; hosts hear of it later.
    Forget { at_ms: u64, key: u32 },
    /// The broker gives an entry away that somebody still handles.
    GiveAway { at_ms: u64, nth: u64 },
}

/// When something happens to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// When one of its tasks would go on for the so manieth time.
    Step(u64),
    /// When it passes a gate for the so manieth time.
    Gate(Gate, u64),
}

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// A claim is about to be sent.
    BeforeClaim,
    /// It was granted, and its reply is under way.
    AfterClaim,
    /// Outputs are out, and nothing is marked.
    AfterEffect,
    /// It is marked, and not acknowledged.
    AfterCommit,
    /// It is acknowledged, and its host does not know yet.
    AfterAck,
}

/// All gates.
pub const GATES: [Gate; 5] =
    [Gate::BeforeClaim, Gate::AfterClaim, Gate::AfterEffect, Gate::AfterCommit, Gate::AfterAck];

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Claims and settles, and what operators change.
    Store,
    /// Reading, keeping fresh, acknowledging.
    Source,
    /// Outputs and dead letters.
    Sink,
}

/// All lines.
pub const LINES: [Line; 3] = [Line::Store, Line::Source, Line::Sink];

/// What a world does that none may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The store settles without looking at fences.
    IgnoresFences,
    /// The store grants a claim that somebody else holds.
    GrantsTwice,
    /// The store says that a commit is done, and forgets it.
    ForgetsCommits,
    /// The broker counts what it hands out as acknowledged.
    AcknowledgesAtOnce,
    /// Caches believe what they knew before their store failed over.
    KeepsCaches,
    /// The broker lets anybody acknowledge.
    AcknowledgesForAnybody,
    /// What an operator forgot is told to no cache.
    TellsNoCache,
    /// Outputs are appended although the step refuses their delivery.
    AppendsInAnyCase,
}

/// All broken worlds.
pub const BROKEN: [Broken; 8] = [
    Broken::IgnoresFences,
    Broken::GrantsTwice,
    Broken::ForgetsCommits,
    Broken::AcknowledgesAtOnce,
    Broken::KeepsCaches,
    Broken::AcknowledgesForAnybody,
    Broken::TellsNoCache,
    Broken::AppendsInAnyCase,
];

impl Gate {
    /// Its place among [`GATES`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Gate::BeforeClaim => "before a claim",
            Gate::AfterClaim => "after a claim, before its reply",
            Gate::AfterEffect => "after an effect, before its commit",
            Gate::AfterCommit => "after a commit, before its acknowledgement",
            Gate::AfterAck => "after an acknowledgement",
        }
    }
}

impl Line {
    /// Its place among [`LINES`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Line::Store => "store",
            Line::Source => "source",
            Line::Sink => "sink",
        }
    }
}

impl Shape {
    /// Which server is at the end of a line.
    pub fn server(self, line: Line) -> usize {
        match self {
            Shape::Atomic => 0,
            Shape::Ordered => line.index(),
        }
    }

    /// How many servers there are.
    pub fn servers(self) -> usize {
        match self {
            Shape::Atomic => 1,
            Shape::Ordered => LINES.len(),
        }
    }
}

impl Fault {
    /// When the last of it is over, in milliseconds, as far as that is known beforehand.
    pub fn over_ms(&self) -> u64 {
        match *self {
            Fault::Crash { restart_ms, .. } => restart_ms,
            Fault::Pause { ms, .. } => ms,
            Fault::Cut { learns_us, .. } => learns_us / 1000,
            Fault::Stop { at_ms, restart_ms, .. } => at_ms + restart_ms,
            Fault::Stall { at_ms, ms, .. } => at_ms + ms,
            Fault::Failover { at_ms, down_ms, .. } => at_ms + down_ms,
            Fault::Empty { at_ms, down_ms, accepted_ms, .. } => at_ms + down_ms + accepted_ms,
            Fault::Forget { at_ms, .. } | Fault::GiveAway { at_ms, .. } => at_ms,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Step(nth) => write!(f, "at its step {nth}"),
            When::Gate(gate, nth) => write!(f, "{} (its {nth}. time there)", gate.word()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Crash { host, when, restart_ms } => {
                write!(f, "host {host} dies {when}, and starts again after {restart_ms} ms")
            }
            Fault::Pause { host, when, ms } => write!(f, "host {host} stands still {when} for {ms} ms"),
            Fault::Stop { host, at_ms, restart_ms } => {
                write!(f, "host {host} is stopped at {at_ms} ms, and started again {restart_ms} ms later")
            }
            Fault::Cut { host, line, nth, served, learns_us } => write!(
                f,
                "host {host} loses its connection to the {} with {} its request {nth}, and learns of it {learns_us} \
                 us later",
                line.word(),
                if *served { "the reply to" } else { "" },
            ),
            Fault::Stall { server, at_ms, ms } => {
                write!(f, "server {server} stalls at {at_ms} ms for {ms} ms")
            }
            Fault::Failover { server, at_ms, lag_ms, down_ms } => write!(
                f,
                "server {server} fails over at {at_ms} ms, without the writes of the last {lag_ms} ms, and is back \
                 after {down_ms} ms"
            ),
            Fault::Empty { server, at_ms, down_ms, accepted_ms } => write!(
                f,
                "server {server} restarts empty at {at_ms} ms, is back after {down_ms} ms, and accepted {accepted_ms} \
                 ms later"
            ),
            Fault::Forget { at_ms, key } => write!(f, "an operator forgets key k{key} at {at_ms} ms"),
            Fault::GiveAway { at_ms, nth } => {
                write!(f, "the broker gives the {nth}. pending entry away at {at_ms} ms")
            }
        }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(|key| format!("k{key}")).collect();
        let keys = if keys.is_empty() { "no key".to_owned() } else { keys.join(", ") };
        write!(f, "{keys}; {} outputs each; works {} ms; ", self.outputs, self.work_ms)?;
        match self.end {
            BodyEnd::Commits => f.write_str("commits"),
            BodyEnd::Fails(times) => write!(f, "fails {times} times, then commits"),
            BodyEnd::AlwaysFails => f.write_str("always fails"),
            BodyEnd::Rejects => f.write_str("rejects"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {:?} settle, {} hosts, {:?}", self.seed, self.shape, self.hosts, self.policy)?;
        for (number, message) in self.published.iter().enumerate() {
            writeln!(f, "  at {:>5} ms message m{number}: {}", message.at_ms, self.bodies[message.body])?;
        }
        self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}
