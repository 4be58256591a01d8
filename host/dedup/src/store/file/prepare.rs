//! Settling in two steps, with room for the host's outputs in between.

use std::collections::HashMap;
use std::fmt;
use std::sync::MutexGuard;

use super::FileStore;
use super::fault;
use super::hold::Holds;
use super::notes::Note;
use super::turn::Turn;
use crate::store::{SettleOutcome, Settlement, StoreError};
use crate::transition::{self, Held, Write};
use crate::{Key, Unreadable};

/// Records to be written, one for each key.
pub(super) type Writes = HashMap<Key, Write>;

/// Settlements that are decided and not applied. Until this is committed or dropped, no claim takes over one
/// of their keys, so outputs that are written in between belong to whoever settles.
///
/// It holds the store's turn: other settles, forgets and notes wait. The thread that has it must not call any
/// of these before it is gone; it would wait for itself.
#[must_use = "dropped, it settles nothing"]
pub struct Prepared<'a> {
    outcomes: Vec<SettleOutcome>,
    writes: Writes,
    // Let go in this order: the keys, then the turn.
    holds: Holds<'a>,
    turn: MutexGuard<'a, Turn>,
    store: &'a FileStore,
}

impl fmt::Debug for Prepared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("outcomes", &self.outcomes).finish_non_exhaustive()
    }
}

impl FileStore {
    /// Decides settlements, the later ones as if the earlier ones were applied, and holds their keys. Waits
    /// for its turn; nothing is written.
    pub fn prepare(&self, settlements: &[Settlement]) -> Prepared<'_> {
        self.prepare_in(self.turn(), settlements)
    }

    pub(super) fn prepare_in<'a>(
        &'a self,
        turn: MutexGuard<'a, Turn>,
        settlements: &[Settlement],
    ) -> Prepared<'a> {
        let mut holds = Holds::none(self);
        let mut writes = Writes::with_capacity(settlements.len());
        let now_ms = self.clock.now_ms();
        let decide = |settlement: &Settlement| {
            let known = |writes: &Writes, key: &Key| match writes.get(key) {
                Some(write) => Ok(Ok(Some(held(write)))),
                None => Ok(holds.take(key, now_ms)?.map(|found| found.held(now_ms)).transpose()),
            };
            self.decide(settlement, &mut writes, known)
        };
        let outcomes = settlements.iter().map(decide).collect();
        Prepared { outcomes, writes, holds, turn, store: self }
    }

    /// Says how settlements would end, each by itself; holds and writes nothing.
    pub(super) fn look(&self, settlements: &[Settlement]) -> Vec<SettleOutcome> {
        let now_ms = self.clock.now_ms();
        let known = |_: &Writes, key: &Key| {
            let shard = self.live.shard(key);
            Ok(self.find(&shard, key, now_ms)?.map(|found| found.held(now_ms)).transpose())
        };
        settlements.iter().map(|settlement| self.decide(settlement, &mut Writes::new(), known)).collect()
    }

    fn decide(
        &self,
        settlement: &Settlement,
        writes: &mut Writes,
        mut known: impl FnMut(&Writes, &Key) -> Result<Result<Option<Held>, Unreadable>, StoreError>,
    ) -> SettleOutcome {
        if let Some(why) = self.engine.failure() {
            return SettleOutcome::Unavailable(why.to_owned());
        }
        let mut unavailable = None;
        let (outcome, decided) = transition::settle_all(settlement, |key| {
            known(writes, key).unwrap_or_else(|error| {
                unavailable = Some(fault::reason(error));
                // Only to end the decision, which is not used.
                Err(Unreadable::OtherType)
            })
        });
        if let Some(why) = unavailable {
            return SettleOutcome::Unavailable(why);
        }
        writes.extend(decided.into_iter().map(|(key, write)| (key.clone(), write)));
        outcome
    }
}

/// A record that is decided on, as a later settlement of the same group meets it.
fn held(write: &Write) -> Held {
    Held { record: write.record.clone(), left_ms: write.life_ms, void: false }
}

impl Prepared<'_> {
    /// How each settlement ends if this is committed, in the order in which they were given.
    pub fn outcomes(&self) -> &[SettleOutcome] {
        &self.outcomes
    }

    /// Applies the settlements that are [`SettleOutcome::Applied`] and writes the notes, all of it in one
    /// write that is on the disk when this returns. After an error it is unknown whether it is: the store
    /// refuses everything until it is opened again.
    pub fn commit(self, notes: &[Note]) -> Result<(), StoreError> {
        self.finish(notes).map(drop)
    }

    /// Commits, and gives the outcomes back.
    pub(super) fn finish(self, notes: &[Note]) -> Result<Vec<SettleOutcome>, StoreError> {
        let Self { outcomes, writes, holds, mut turn, store } = self;
        store.apply(&mut turn, holds, &writes, notes)?;
        Ok(outcomes)
    }
}
