//! What is left of an attempt when it has ended: what to ask of the store, and whom to tell of it.

use crate::Gate;
use crate::inflight::Leader;
use crate::store::{Absent, Action, Claim, KeySettle, Settlement};

/// An attempt that has ended and is to be settled. It keeps other attempts of this process from its keys until
/// it is confirmed or dropped.
#[derive(Debug)]
pub struct Ending {
    pub(crate) settlement: Settlement,
    pub(crate) leaders: Vec<Leader>,
    pub(crate) unknown: Vec<Claim>,
    pub(crate) acts_until_ms: Option<u64>,
    pub(crate) ended_ms: u64,
}

impl Ending {
    /// What to ask of the store.
    pub fn settlement(&self) -> &Settlement {
        &self.settlement
    }

    /// Takes what is to be asked out, to be given back by [`Ending::restore`]: for a settle that joins many, without
    /// a copy of each.
    pub fn take_settlement(&mut self) -> Settlement {
        std::mem::replace(&mut self.settlement, Settlement { keys: Vec::new(), absent: Absent::Refuse })
    }

    /// Gives back what was taken.
    pub fn restore(&mut self, settlement: Settlement) {
        self.settlement = settlement;
    }

    /// Whether there is nothing to ask of the store: the attempt holds no claim.
    pub fn is_empty(&self) -> bool {
        self.settlement.keys.is_empty() && self.unknown.is_empty()
    }

    /// Until when outputs may be begun, see [`Attempt::acts_until_ms`](crate::Attempt::acts_until_ms).
    pub fn acts_until_ms(&self) -> Option<u64> {
        self.acts_until_ms
    }

    /// Outputs are out already: a mark is accepted even if its record is gone by now.
    pub fn outputs_are_out(&mut self) {
        self.settlement.absent = Absent::Accept;
    }

    /// Turns what would have been applied into a release that uses up no attempt: the settle came too late.
    pub fn defer(&mut self, gate: &Gate) {
        for settled in &mut self.settlement.keys {
            let keep_ms = gate.policy.keep_ms;
            settled.action = Action::Release { failed: false, error: String::new(), keep_ms };
        }
    }

    /// Keys that were found by asking again come behind the others and have no leader.
    pub(crate) fn into_parts(self) -> (Vec<KeySettle>, Vec<Leader>) {
        (self.settlement.keys, self.leaders)
    }
}
