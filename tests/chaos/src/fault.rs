//! What was done to hosts and servers, as the evidence says it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::shape::Pipeline;

/// A point between two steps of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// The handler has asked for its key, and the store does not know yet.
    BeforeClaim,
    /// The store has given the key, and the host does not know yet.
    AfterClaim,
    /// The handler has run. Only where one step settles: elsewhere effect and commit follow.
    BeforeStep,
    /// The effect is out and its key not marked. Only where they are apart.
    AfterEffect,
    /// The key is marked and the delivery not acknowledged. Only where they are apart.
    AfterCommit,
    /// All is done.
    AfterAck,
}

impl Gate {
    /// Its name in the evidence.
    pub fn name(self) -> &'static str {
        match self {
            Gate::BeforeClaim => "before claim",
            Gate::AfterClaim => "after claim, before reply",
            Gate::BeforeStep => "before the one step",
            Gate::AfterEffect => "after effect, before commit",
            Gate::AfterCommit => "after commit, before ack",
            Gate::AfterAck => "after ack",
        }
    }

    /// The gates of a pipeline.
    pub fn of(pipeline: Pipeline) -> &'static [Gate] {
        use Gate::{AfterAck, AfterClaim, AfterCommit, AfterEffect, BeforeClaim, BeforeStep};
        match pipeline {
            Pipeline::Atomic => &[BeforeClaim, AfterClaim, BeforeStep, AfterAck],
            Pipeline::Ordered => &[BeforeClaim, AfterClaim, AfterEffect, AfterCommit, AfterAck],
        }
    }
}

/// One fault that struck.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    /// What it was.
    pub name: &'static str,
    /// Whom it struck; none if it struck a server.
    pub host: Option<u32>,
    /// At which gate of which pipeline, if it was at one.
    pub gate: Option<(Pipeline, Gate)>,
    /// What else is to be said of it.
    pub about: String,
}

impl Fault {
    /// A fault of a host.
    pub fn of(name: &'static str, host: u32) -> Self {
        Self { name, host: Some(host), ..Self::default() }
    }

    /// A fault of a server.
    pub fn of_server(name: &'static str, about: &str) -> Self {
        Self { name, about: about.to_owned(), ..Self::default() }
    }

    /// At this gate.
    pub fn at(self, pipeline: Pipeline, gate: Gate) -> Self {
        Self { gate: Some((pipeline, gate)), ..self }
    }

    /// With this to be said of it.
    pub fn about(self, about: &str) -> Self {
        Self { about: about.to_owned(), ..self }
    }
}

/// A fault, when it struck, and the effects that had been sent and were not known to be marked.
#[derive(Debug, Clone)]
pub struct Struck {
    /// When, by the wall clock.
    pub ms: u64,
    /// What.
    pub fault: Fault,
    /// Which effects and dead letters.
    pub unmarked: BTreeSet<String>,
    /// Which entries its host had that were to become dead letters.
    pub held: BTreeSet<String>,
}

impl Struck {
    /// A fault that struck nothing yet.
    pub fn new(ms: u64, fault: Fault) -> Self {
        Self { ms, fault, unmarked: BTreeSet::new(), held: BTreeSet::new() }
    }

    /// A line of the evidence.
    pub fn line(&self) -> Value {
        let Fault { name, host, gate, about } = &self.fault;
        // What is not marked is always the ordered pipeline's.
        let pipeline = match gate {
            Some((pipeline, _)) => Some(pipeline.name()),
            None => (!self.unmarked.is_empty()).then_some(Pipeline::Ordered.name()),
        };
        json!({
            "ms": self.ms, "fault": name, "host": host, "pipeline": pipeline,
            "gate": gate.map(|(_, gate)| gate.name()), "about": about, "unmarked": self.unmarked,
            "held": self.held,
        })
    }
}
