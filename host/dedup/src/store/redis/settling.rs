//! Settlements whose keys may lie in several slots of a cluster.
//!
//! Within one slot a settlement is one atomic step. Over several, no step can hold it: all of its fences are checked
//! first, then each slot's marks are written. What is written apart may be interrupted; repeated by the same attempt it
//! is completed, and a re-run by another one meets what is marked as duplicates.

use std::collections::{BTreeMap, HashSet};

use oncegate_redis::Script;

use super::{RedisStore, scatter, script, wire};
use crate::Key;
use crate::store::{Absent, KeySettle, SettleOutcome, Settlement};

/// The most keys that one delivery may settle: a script of so many takes Redis some 0.1 s, in which it does
/// nothing else.
const MOST_SETTLED_KEYS: usize = 20_000;

const APPLIED: SettleOutcome = SettleOutcome::Applied { late: 0 };

/// The keys of a settlement that lie in one slot.
#[derive(Debug)]
pub struct Piece<'a> {
    slot: u16,
    /// With their places in the settlement.
    keys: Vec<(usize, &'a KeySettle)>,
    /// The settlement's.
    pub absent: Absent,
}

impl<'a> Piece<'a> {
    /// What becomes of its keys.
    pub fn ends(&self) -> impl ExactSizeIterator<Item = &'a KeySettle> + '_ {
        self.keys.iter().map(|(_, end)| *end)
    }

    /// Its outcome as one of the whole settlement.
    fn widened(&self, outcome: SettleOutcome) -> SettleOutcome {
        match outcome {
            SettleOutcome::Lost { key } => {
                SettleOutcome::Lost { key: self.keys.get(key).map_or(key, |(index, _)| *index) }
            }
            outcome => outcome,
        }
    }
}

impl RedisStore {
    /// Whether the settlement is one atomic step: all of its keys lie in one slot, as they always do where there is no
    /// cluster, or a hash tag.
    pub fn one_slot(&self, settlement: &Settlement) -> bool {
        let mut slots = settlement.keys.iter().map(|end| self.slot(&end.key));
        slots.next().is_none_or(|first| slots.all(|slot| slot == first))
    }

    /// Says how each would end, by itself.
    pub(super) async fn check_all(&self, settlements: &[Settlement]) -> Vec<SettleOutcome> {
        let pieces: Vec<_> = settlements.iter().map(|settlement| self.pieces(settlement)).collect();
        self.ask_pieces(&script::CHECK, pieces.iter().collect()).await
    }

    /// Settles each, the later ones as if the earlier ones were done.
    pub(super) async fn settle_all(&self, settlements: &[Settlement]) -> Vec<SettleOutcome> {
        let pieces: Vec<_> = settlements.iter().map(|settlement| self.pieces(settlement)).collect();
        let mut outcomes = Vec::with_capacity(settlements.len());
        for run in runs(&pieces) {
            outcomes.extend(self.settle_run(run).await);
        }
        outcomes
    }

    /// Settles some at once, none of which depends on another.
    async fn settle_run(&self, run: &[Vec<Piece<'_>>]) -> Vec<SettleOutcome> {
        let is_split = |pieces: &&Vec<Piece<'_>>| pieces.len() > 1;
        let split: Vec<_> = run.iter().filter(is_split).collect();
        if split.is_empty() {
            return self.ask_pieces(&script::SETTLE, run.iter().collect()).await;
        }
        let mut checked = self.ask_pieces(&script::CHECK, split).await.into_iter();
        let checked: Vec<_> =
            run.iter().map(|pieces| if pieces.len() > 1 { checked.next() } else { None }).collect();
        let good = |checked: &Option<SettleOutcome>| {
            checked.as_ref().is_none_or(|outcome| matches!(outcome, SettleOutcome::Applied { .. }))
        };
        let chosen = run.iter().zip(&checked).filter(|(_, checked)| good(checked)).map(|(pieces, _)| pieces);
        let mut settled = self.ask_pieces(&script::SETTLE, chosen.collect()).await.into_iter();
        let unanswered = || SettleOutcome::Unavailable(self.unavailable("no answer"));
        let outcome = |checked: Option<SettleOutcome>| match checked {
            Some(refused) if !good(&Some(refused.clone())) => refused,
            _ => settled.next().unwrap_or_else(unanswered),
        };
        checked.into_iter().map(outcome).collect()
    }

    fn pieces<'a>(&self, settlement: &'a Settlement) -> Vec<Piece<'a>> {
        let mut slots: BTreeMap<u16, Vec<(usize, &KeySettle)>> = BTreeMap::new();
        for (index, end) in settlement.keys.iter().enumerate() {
            slots.entry(self.slot(&end.key)).or_default().push((index, end));
        }
        let absent = settlement.absent;
        slots.into_iter().map(|(slot, keys)| Piece { slot, keys, absent }).collect()
    }

    /// Asks for the pieces of each settlement at once, and joins their outcomes.
    async fn ask_pieces(&self, script: &Script, settlements: Vec<&Vec<Piece<'_>>>) -> Vec<SettleOutcome> {
        let too_many = |pieces: &[Piece<'_>]| {
            pieces.iter().map(|piece| piece.keys.len()).sum::<usize>() > MOST_SETTLED_KEYS
        };
        let asked: Vec<&Piece<'_>> =
            settlements.iter().filter(|pieces| !too_many(pieces)).flat_map(|pieces| pieces.iter()).collect();
        let slot = |piece: &&Piece<'_>| piece.slot;
        let weight = |piece: &&Piece<'_>| piece.keys.len();
        let part = |pieces: &[&&Piece<'_>]| wire::settlements(&self.names, script, pieces);
        let mut answers =
            scatter::send(self.server(), &asked, slot, weight, part).answers().await.into_iter();
        let mut outcome = |piece: &Piece<'_>| match answers.next() {
            Some(Ok(value)) => piece.widened(wire::settled(value)),
            Some(Err(why)) => SettleOutcome::Unavailable(self.unavailable(&why)),
            None => SettleOutcome::Unavailable(self.unavailable("no answer")),
        };
        let mut outcomes = Vec::with_capacity(settlements.len());
        for pieces in settlements {
            outcomes.push(if too_many(pieces) {
                let why = format!("a delivery has more than {MOST_SETTLED_KEYS} keys");
                SettleOutcome::Unavailable(self.unavailable(&why))
            } else {
                pieces.iter().map(&mut outcome).fold(APPLIED, joined)
            });
        }
        outcomes
    }
}

/// The outcome of two pieces of one settlement.
fn joined(one: SettleOutcome, other: SettleOutcome) -> SettleOutcome {
    use SettleOutcome::{Applied, Lost, Unavailable, Unreadable};
    match (one, other) {
        (Applied { late: one }, Applied { late: other }) => Applied { late: one.saturating_add(other) },
        // Nothing can be said of the whole.
        (away @ Unavailable(_), _) | (_, away @ Unavailable(_)) => away,
        (unreadable @ Unreadable(_), _) | (_, unreadable @ Unreadable(_)) => unreadable,
        (Lost { key: one }, Lost { key: other }) => Lost { key: one.min(other) },
        (lost @ Lost { .. }, Applied { .. }) | (Applied { .. }, lost @ Lost { .. }) => lost,
    }
}

/// Runs of settlements that can be settled at once. Those of one slot are done in their order there; one of several
/// slots must not share a key with another one of its run.
fn runs<'r, 'a>(settlements: &'r [Vec<Piece<'a>>]) -> Vec<&'r [Vec<Piece<'a>>]> {
    let is_split = |pieces: &[Piece<'_>]| pieces.len() > 1;
    if !settlements.iter().any(|pieces| is_split(pieces)) {
        return vec![settlements];
    }
    let (mut runs, mut begin) = (Vec::new(), 0);
    let (mut touched, mut touched_by_split): (HashSet<&Key>, HashSet<&Key>) = Default::default();
    for (index, pieces) in settlements.iter().enumerate() {
        let keys = || pieces.iter().flat_map(Piece::ends).map(|end| &end.key);
        let others = if is_split(pieces) { &touched } else { &touched_by_split };
        if keys().any(|key| others.contains(key)) {
            runs.extend(settlements.get(begin..index));
            begin = index;
            touched.clear();
            touched_by_split.clear();
        }
        touched.extend(keys());
        if is_split(pieces) {
            touched_by_split.extend(keys());
        }
    }
    runs.extend(settlements.get(begin..));
    runs
}
