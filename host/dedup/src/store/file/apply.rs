//! One group of changes to settled records, in one synced write.

use std::sync::{MutexGuard, PoisonError};

use super::claim_log::ClaimLog;
use super::engine::Batch;
use super::envelope::Envelope;
use super::expiry::Pages;
use super::hold::Holds;
use super::notes::{self, Note};
use super::prepare::Writes;
use super::state::State;
use super::turn::Turn;
use super::{FileStore, fault};
use crate::store::StoreError;

impl FileStore {
    /// Writes records, all of whose keys are held, and notes; sweeps a little; and is durable when it returns.
    /// After an error nothing is known of it, and the store has failed.
    pub(super) fn apply(
        &self,
        turn: &mut Turn,
        holds: Holds<'_>,
        writes: &Writes,
        notes: &[Note],
    ) -> Result<(), StoreError> {
        self.alive()?;
        if writes.is_empty() && notes.is_empty() {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let mut batch = self.engine.batch(writes.len() + notes.len() + 8);
        // A sweep that cannot read has lost its place as well.
        self.sweep(turn, &mut batch, writes, now_ms)
            .map_err(|error| self.engine.fail(fault::reason(error)))?;
        let (mut pages, stamp) = (Pages::default(), self.stamp());
        // In the order of the tree, where one search then warms the caches for the next.
        let mut sorted: Vec<_> = writes.iter().collect();
        sorted.sort_unstable_by_key(|(key, _)| *key);
        for (key, write) in sorted {
            let until_ms = now_ms.saturating_add(write.life_ms);
            let envelope = Envelope { until_ms, stamp };
            batch.put_record(key.encoded(), envelope.seal(&write.record.encode()));
            pages.add(until_ms, key.encoded());
        }
        pages.put(&mut batch, self.owner, turn);
        for (name, value) in notes {
            batch.put_meta(&notes::stored_name(name), value);
        }
        self.write(turn, batch, now_ms)?;
        holds.settled(writes);
        // It is done; if this fails, only what comes later is refused.
        self.confirm(turn).unwrap_or_default();
        Ok(())
    }

    /// Writes a batch together with the store's state.
    pub(super) fn write(&self, turn: &mut Turn, mut batch: Batch<'_>, now_ms: u64) -> Result<(), StoreError> {
        turn.group += 1;
        let log_base = self.log().base();
        let state = State { owner: self.owner, now_ms, group: turn.group, log_base };
        batch.put_meta(State::NAME, &state.encode());
        batch.commit()
    }

    /// Notes in the claim log that the group is on the disk, and replaces a log that has grown long.
    fn confirm(&self, turn: &mut Turn) -> Result<(), StoreError> {
        let mut log = self.log();
        log.group(turn.group).map_err(|error| self.engine.fail(error.to_string()))?;
        let is_long = log.bytes() >= self.options.claim_log_bytes;
        drop(log);
        if is_long { self.checkpoint(turn) } else { Ok(()) }
    }

    /// The claim log, locked. Locked after a shard, never before one.
    pub(super) fn log(&self) -> MutexGuard<'_, ClaimLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
