//! What became of the messages, for people and for programs.

pub mod json;
pub mod text;

use super::case::Case;
use super::delivery::{Delivery, is_dead};
use super::judge::{Fault, FaultKind};

/// What became of one message.
#[derive(Debug)]
pub struct Report<'a> {
    /// The message.
    pub case: &'a Case,
    /// Its deliveries, in order.
    pub deliveries: &'a [Delivery],
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl Report<'_> {
    /// What is no fault and should be known all the same.
    pub fn notes(&self) -> Vec<String> {
        let calls = || self.deliveries.iter().flat_map(|delivery| &delivery.calls);
        let mut notes = Vec::new();
        if calls().any(|call| call.key_is_id) {
            notes.push(
                "its key equals the message's id, which changes when a producer sends the same event again; a key \
                 should come from the event itself"
                    .to_owned(),
            );
        }
        if let Some(topic) = calls().find_map(|call| call.refused_topic.as_ref()) {
            notes.push(format!(
                "the handler is refused the topic {topic}: --topics lists what it may emit to"
            ));
        }
        notes
    }
}

/// What became of all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages.
    pub messages: u64,
    /// Those with which something is wrong.
    pub failed: u64,
    /// Their deliveries.
    pub deliveries: u64,
    /// Those whose host died.
    pub crashes: u64,
    /// Outputs that were applied.
    pub outputs: u64,
    /// Commits that were.
    pub commits: u64,
    /// Deliveries that were given up.
    pub dead_letters: u64,
    /// How many messages have a fault of each kind.
    pub faults: [u64; FaultKind::ALL.len()],
}

impl Counts {
    /// One more message.
    pub fn add(&mut self, report: &Report<'_>) {
        let deliveries = report.deliveries;
        let count = |is_one: &dyn Fn(&Delivery) -> bool| {
            deliveries.iter().filter(|delivery| is_one(delivery)).count() as u64
        };
        self.messages += 1;
        self.failed += u64::from(!report.faults.is_empty());
        self.deliveries += deliveries.len() as u64;
        self.crashes += count(&|delivery| delivery.crash.is_some());
        self.outputs += deliveries.iter().map(|delivery| delivery.outputs.len() as u64).sum::<u64>();
        self.commits += deliveries.iter().map(|delivery| delivery.commits.len() as u64).sum::<u64>();
        self.dead_letters += count(&|delivery| delivery.end.is_some_and(is_dead));
        for (kind, count) in FaultKind::ALL.into_iter().zip(&mut self.faults) {
            *count += u64::from(report.faults.iter().any(|fault| fault.kind == kind));
        }
    }
}

/// What else there is to say of a test.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Which store it had.
    pub store: String,
    /// Where its keys were.
    pub namespace: String,
    /// The seed of its order, if that was shuffled.
    pub seed: Option<u64>,
    /// How long it took.
    pub took: std::time::Duration,
}
