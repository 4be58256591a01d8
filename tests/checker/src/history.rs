//! What the evidence says of one pipeline, found by what it is about.

use std::collections::{BTreeMap, BTreeSet};

use crate::entry_id::EntryId;
use crate::evidence::{Ack, DeadLetter, Effect, Evidence, Pipeline, Sent};

/// One pipeline's part of the evidence.
#[derive(Debug)]
pub struct History<'a> {
    /// All of it.
    pub evidence: &'a Evidence,
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// What its source holds.
    pub ledger: BTreeMap<EntryId, &'a Sent>,
    /// What was sent to servers that a failover replaced, and is no longer in the source.
    pub forgotten: BTreeMap<EntryId, &'a Sent>,
    /// The copies of each effect, in the order of the sink.
    pub effects: BTreeMap<&'a str, Vec<&'a Effect>>,
    /// The dead letters of each entry, in their order.
    pub dead: BTreeMap<EntryId, Vec<&'a DeadLetter>>,
    /// The acknowledgements of each entry, in time.
    pub acks: BTreeMap<EntryId, Vec<&'a Ack>>,
    /// When faults struck that each effect, or dead letter, may have come again by.
    unmarked: BTreeMap<&'a str, Vec<u64>>,
    /// When faults struck hosts that had been handed these entries.
    held: BTreeMap<&'a str, Vec<u64>>,
}

/// A copy of an effect or of a dead letter.
#[derive(Debug, Clone, Copy)]
pub struct Copy {
    /// When it was written.
    pub at: EntryId,
    /// Whether its delivery held no claim, and so had no fence that it could lose.
    pub unclaimed: bool,
}

impl<'a> History<'a> {
    /// Of this pipeline.
    pub fn of(evidence: &'a Evidence, pipeline: &'a Pipeline) -> Self {
        let ours = |name: &str| name == pipeline.name;
        let mut history = Self {
            evidence,
            pipeline,
            ledger: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            effects: BTreeMap::new(),
            dead: BTreeMap::new(),
            acks: BTreeMap::new(),
            unmarked: BTreeMap::new(),
            held: BTreeMap::new(),
        };
        for sent in evidence.ledger.iter().filter(|sent| ours(&sent.pipeline)) {
            history.ledger.insert(sent.entry, sent);
        }
        for sent in evidence.sent.iter().filter(|sent| ours(&sent.pipeline)) {
            if !history.ledger.contains_key(&sent.entry) {
                history.forgotten.insert(sent.entry, sent);
            }
        }
        for effect in evidence.effects.iter().filter(|effect| ours(&effect.pipeline)) {
            history.effects.entry(&effect.id).or_default().push(effect);
        }
        for letter in evidence.dead.iter().filter(|letter| ours(&letter.pipeline)) {
            history.dead.entry(letter.entry).or_default().push(letter);
        }
        for ack in evidence.acks.iter().filter(|ack| ours(&ack.pipeline)) {
            history.acks.entry(ack.entry).or_default().push(ack);
        }
        // A fault at one pipeline's gate kills a process that works for all.
        for fault in &evidence.faults {
            for id in &fault.unmarked {
                history.unmarked.entry(id).or_default().push(fault.ms);
            }
            for entry in &fault.held {
                history.held.entry(entry).or_default().push(fault.ms);
            }
        }
        history.in_order()
    }

    fn in_order(mut self) -> Self {
        self.effects.values_mut().for_each(|copies| copies.sort_by_key(|effect| effect.at));
        self.dead.values_mut().for_each(|copies| copies.sort_by_key(|letter| letter.at));
        self.acks.values_mut().for_each(|acks| acks.sort_by_key(|ack| ack.ms));
        self
    }

    /// What was ever sent, whether the source still has it or not.
    pub fn ever_sent(&self) -> impl Iterator<Item = &'a Sent> {
        self.ledger.values().chain(self.forgotten.values()).copied()
    }

    /// The effects that some of these entries must have, with what each may carry. Empty: anything.
    pub fn wanted(entries: &BTreeMap<EntryId, &'a Sent>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for sent in entries.values().filter(|sent| !sent.condemned()) {
            for id in &sent.expect {
                wanted.entry(id).or_default().extend(sent.payload.as_deref());
            }
        }
        wanted
    }

    /// The entries that must be dead letters and are none.
    pub fn not_dead(&self) -> Vec<&'a Sent> {
        let condemned = self.ledger.values().filter(|sent| sent.condemned());
        condemned.filter(|sent| !self.dead.contains_key(&sent.entry)).copied().collect()
    }

    /// Whether faults explain that these copies were written.
    ///
    /// The first copy needs no explanation. Each further one needs a fault of its own that struck while the thing was
    /// out and its mark was not known to be: the next attempt cannot know of the copy. Where a server that stood still
    /// is asked several times, each time without an answer is a lost reply, and a fault of its own. A copy without a
    /// claim is also explained by a fault that struck a host which had been handed the entry: nothing tells that host
    /// that others went on. A fault that struck long after a copy was written is not what it was written for.
    pub fn explained(&self, id: &str, copies: impl Iterator<Item = Copy>) -> bool {
        let bound = self.evidence.run.settle_bound_ms;
        let in_time = |faults: &BTreeMap<&str, Vec<u64>>, copy: Copy| {
            let faults = faults.get(id).map_or(&[][..], Vec::as_slice);
            faults.iter().filter(|&&ms| ms <= copy.at.ms.saturating_add(bound)).count()
        };
        let mut unclaimed = 0;
        copies.enumerate().all(|(before, copy)| {
            unclaimed += usize::from(copy.unclaimed);
            in_time(&self.unmarked, copy) + in_time(&self.held, copy).min(unclaimed) >= before
        })
    }
}
