//! What is left of an attempt when it has ended: what to ask of the store, and whom to tell of it.

use crate::inflight::Leader;
use crate::l1::Ticket;
use crate::store::{Absent, Action, Claim, KeySettle, Settlement};
use crate::{Gate, Mark};

/// An attempt that has ended and is to be settled. It keeps other attempts of this process from its keys until
/// it is confirmed or dropped.
#[derive(Debug)]
pub struct Ending {
    /// What the delivery's end hangs on.
    pub(crate) settlement: Settlement,
    /// What a trial run has to ask: nothing hangs on it.
    pub(crate) aside: Option<Aside>,
    pub(crate) leaders: Vec<Leader>,
    pub(crate) unknown: Vec<Unknown>,
    /// What it was told is settled already.
    relied_on: Vec<Mark>,
    pub(crate) times: Times,
    pub(crate) replicated: bool,
    /// It went on without the store.
    unguarded: bool,
}

/// What a trial run asks of the store.
#[derive(Debug)]
pub(crate) struct Aside {
    pub settlement: Settlement,
    pub applied: bool,
}

/// A claim of which it is not known whether it was made, and what becomes of its key if it was, or can be now.
#[derive(Debug)]
pub(crate) struct Unknown {
    pub claim: Claim,
    pub action: Action,
}

/// When an attempt ended, and until when it might have acted.
#[derive(Debug)]
pub(crate) struct Times {
    pub acts_until_ms: Option<u64>,
    pub ended_ms: u64,
    /// Taken before anything was asked.
    pub ticket: Option<Ticket>,
}

impl Ending {
    pub(crate) fn new(
        settlement: Settlement,
        leaders: Vec<Leader>,
        unknown: Vec<Unknown>,
        relied_on: Vec<Mark>,
        shadow: bool,
        times: Times,
    ) -> Self {
        let nothing = Settlement { keys: Vec::new(), absent: Absent::Refuse };
        let (settlement, aside) = match shadow {
            true => (nothing, Some(Aside { settlement, applied: false })),
            false => (settlement, None),
        };
        Self { settlement, aside, leaders, unknown, relied_on, times, replicated: false, unguarded: false }
    }

    /// What to ask of the store. In a trial run nothing, whatever it claimed.
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
        let aside = self.aside.as_ref().is_none_or(|aside| aside.settlement.keys.is_empty());
        self.settlement.keys.is_empty() && self.unknown.is_empty() && aside
    }

    /// The marks of others on which the delivery's acknowledgement hangs.
    pub fn relied_on(&self) -> &[Mark] {
        &self.relied_on
    }

    /// Whether this was a trial run: its outputs go out whatever the store says. What it claimed is settled by
    /// [`Gate::try_settle`], which then answers that all is well in any case.
    pub fn is_shadow(&self) -> bool {
        self.aside.is_some()
    }

    /// Whether all that is to be asked of the store stands in its settlement. Otherwise only [`Gate::try_settle`] asks
    /// for all of it.
    pub fn is_all_in_its_settlement(&self) -> bool {
        self.aside.is_none() && self.unknown.is_empty()
    }

    /// Until when outputs may be begun, see [`Attempt::acts_until_ms`](crate::Attempt::acts_until_ms).
    pub fn acts_until_ms(&self) -> Option<u64> {
        self.times.acts_until_ms
    }

    /// Outputs are out already: a mark is accepted even if its record is gone by now.
    pub fn outputs_are_out(&mut self) {
        self.settlement.absent = Absent::Accept;
    }

    /// Goes on although the store does not answer for its claims, where the policy is an
    /// [outage that is open](crate::Outage::Open): nothing of the delivery hangs on the store any more, and what was to
    /// become of its keys becomes of them when the store answers again.
    pub fn unguard(&mut self, gate: &Gate) {
        let policy = &gate.policy;
        for KeySettle { key, fence, fingerprint, action } in std::mem::take(&mut self.settlement.keys) {
            let claim = Claim {
                key,
                // The same attempt finds its own claim, if that still is there.
                attempt: fence.attempt,
                fingerprint,
                lease_ms: policy.lease_ms,
                keep_ms: policy.keep_ms,
                suspect_after: policy.host_deaths,
                alone: false,
            };
            self.unknown.push(Unknown { claim, action });
        }
        self.unguarded = true;
    }

    /// Whether it went on without the store.
    pub fn is_unguarded(&self) -> bool {
        self.unguarded
    }

    /// So many replicas as the store asks for hold what was settled. Without this, a store that asks for replicas
    /// has nothing of it cached.
    pub fn is_replicated(&mut self) {
        self.replicated = true;
    }

    /// Turns what would have been applied into a release that uses up no attempt: the settle came too late.
    pub fn defer(&mut self, gate: &Gate) {
        let release =
            || Action::Release { failed: false, error: String::new(), keep_ms: gate.policy.keep_ms };
        let aside = self.aside.iter_mut().flat_map(|aside| &mut aside.settlement.keys);
        for settled in self.settlement.keys.iter_mut().chain(aside) {
            settled.action = release();
        }
        // Nothing of it has happened, so there is nothing to mark either.
        for unknown in &mut self.unknown {
            unknown.action = release();
        }
    }

    /// Where keys are settled.
    pub(crate) fn keys_mut(&mut self) -> &mut Vec<KeySettle> {
        match &mut self.aside {
            Some(aside) => &mut aside.settlement.keys,
            None => &mut self.settlement.keys,
        }
    }

    /// Keys that were found by asking again come behind the others and have no leader.
    pub(crate) fn into_parts(self) -> (Vec<KeySettle>, Vec<Leader>) {
        let settlement = self.aside.map_or(self.settlement, |aside| aside.settlement);
        (settlement.keys, self.leaders)
    }
}
