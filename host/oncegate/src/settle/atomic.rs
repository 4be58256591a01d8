//! Marks, outputs and acknowledgement in one step, where source, store and sinks are one place.
//!
//! The step settles a delivery: it looks whether the entry still is this host's and whether every fence holds, then
//! marks, appends and acknowledges. Repeated by the same attempt it finds what it has done. What one step cannot
//! hold, because its names lie in several slots of a cluster, is settled in order instead.

mod redis;

use std::sync::Arc;

use oncegate_dedup::store::SettleOutcome;
use oncegate_dedup::{Ending, Gate};

use super::{Ordered, Outcome, Settle, Settling, put_off_what_is_late};
use crate::exit::Failure;
use crate::pipeline::{Item, Patience, Plan, Stop};

pub use redis::RedisStep;

/// A place that holds source, marks and outputs, and changes all that belongs to a delivery at once.
pub trait OneStep: Send {
    /// Whether it can hold all of a delivery that is finished. Fails if no settle could take its outputs.
    fn fits(&self, item: &Item) -> Result<bool, Failure>;

    /// One try: an outcome for each, in order. Where it is not known whether the step was done, that is
    /// [`SettleOutcome::Unavailable`], and the same may be asked again.
    fn ask<'a>(&'a self, items: &'a [&'a Item]) -> Settling<'a, Result<Vec<Outcome>, Failure>>;
}

/// Settles by one step what it can hold.
pub struct Atomic {
    gate: Arc<Gate>,
    step: Box<dyn OneStep>,
    /// Takes what the step cannot hold, and what is not finished but made again.
    apart: Ordered,
    stop: Arc<Stop>,
}

impl std::fmt::Debug for Atomic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Atomic").field("gate", &self.gate).field("apart", &self.apart).finish_non_exhaustive()
    }
}

impl Atomic {
    /// `apart` has the same gate, sinks in the same place, and the same source to report to.
    pub fn new(gate: Arc<Gate>, step: Box<dyn OneStep>, apart: Ordered, stop: Arc<Stop>) -> Self {
        Self { gate, step, apart, stop }
    }

    /// Whether the step settles it. What is made again is only released, which is a matter of the store.
    fn is_joined(&self, item: &Item) -> Result<bool, Failure> {
        Ok(is_one_step(item) && self.step.fits(item)?)
    }

    /// Asks until there is an answer for each, or until a stop gives up: then it is as if this host had died. Whoever
    /// has the entries next finds out what became of them.
    async fn settle_joined(&self, items: &[&Item]) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = self.step.ask(items).await?;
        let mut patience = Patience::new(&self.stop, self.gate.clock().as_ref());
        loop {
            let why = outcomes.iter().find_map(|outcome| match outcome {
                Outcome::Settled(SettleOutcome::Unavailable(why)) => Some(why.clone()),
                _ => None,
            });
            let unanswered: Vec<usize> = outcomes
                .iter()
                .enumerate()
                .filter(|(_, outcome)| matches!(outcome, Outcome::Settled(SettleOutcome::Unavailable(_))))
                .map(|(index, _)| index)
                .collect();
            if unanswered.is_empty() || !patience.pause(&why.unwrap_or_default()).await {
                return Ok(outcomes);
            }
            let again: Vec<&Item> =
                unanswered.iter().filter_map(|index| items.get(*index).copied()).collect();
            for (index, outcome) in unanswered.into_iter().zip(self.step.ask(&again).await?) {
                if let Some(place) = outcomes.get_mut(index) {
                    *place = outcome;
                }
            }
        }
    }

    /// Marks, outputs and acknowledgements are lost together, if they are: replicas only decide what is cached.
    async fn replicate(&self, since: Option<u64>, group: &mut [&mut Item], joined: &[usize]) {
        let store = self.gate.store();
        if store.replicas() == 0 || store.replicated(since).await.is_err() {
            return;
        }
        for index in joined {
            if let Some(ending) = group.get_mut(*index).and_then(|item| item.ending.as_mut()) {
                ending.is_replicated();
            }
        }
    }

    async fn settle_group(&mut self, group: &mut [&mut Item]) -> Result<Vec<Outcome>, Failure> {
        put_off_what_is_late(group.iter_mut(), &self.gate);
        let (mut joined, mut apart) = (Vec::new(), Vec::new());
        for (index, item) in group.iter().enumerate() {
            if self.is_joined(item)? { &mut joined } else { &mut apart }.push(index);
        }
        let nobody = SettleOutcome::Unavailable("nobody settled it".to_owned());
        let mut outcomes = vec![Outcome::Settled(nobody); group.len()];
        let mut fill = |indexes: &[usize], found: Vec<Outcome>| {
            for (index, outcome) in indexes.iter().zip(found) {
                if let Some(place) = outcomes.get_mut(*index) {
                    *place = outcome;
                }
            }
        };
        if !joined.is_empty() {
            let items: Vec<&Item> =
                joined.iter().filter_map(|index| group.get(*index).map(|item| &**item)).collect();
            let since = self.gate.store().cache_epoch();
            fill(&joined, self.settle_joined(&items).await?);
            self.replicate(since, group, &joined).await;
            // What was handled without the store's word, while it was away, is marked now.
            self.gate.catch_up().await;
        }
        if !apart.is_empty() {
            let mut places = apart.iter().copied().peekable();
            let mut items: Vec<&mut Item> = group
                .iter_mut()
                .enumerate()
                .filter(|(index, _)| places.next_if_eq(index).is_some())
                .map(|(_, item)| &mut **item)
                .collect();
            fill(&apart, self.apart.settle_group(&mut items).await?);
        }
        Ok(outcomes)
    }
}

/// Whether a delivery's end is one step wherever all of its names are in one place: a trial run's marks, and those of
/// which the store is told later, are not part of it.
fn is_one_step(item: &Item) -> bool {
    let finished = matches!(item.plan, Plan::Finish(_)) && item.ticket.is_some();
    finished && item.ending.as_ref().is_none_or(Ending::is_all_in_its_settlement)
}

impl Settle for Atomic {
    fn settle<'a>(&'a mut self, group: &'a mut [&mut Item]) -> Settling<'a, Result<Vec<Outcome>, Failure>> {
        Box::pin(self.settle_group(group))
    }

    fn close(&mut self) -> Settling<'_, Result<(), Failure>> {
        self.apart.close()
    }
}
