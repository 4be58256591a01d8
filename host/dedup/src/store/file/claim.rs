//! Claiming a key.

use std::sync::atomic::Ordering;

use super::FileStore;
use super::claim_log::ClaimLine;
use super::fault;
use super::live::LiveClaim;
use crate::store::{Claim, ClaimOutcome, StoreError};
use crate::transition::{self, Write};

/// What a claim is told of a key whose settle is under way, in milliseconds: about as long as a settle takes.
const HELD_MS: u64 = 5;

/// How many times its usual length the claim log may reach while nothing is settled.
const LONGEST_LOG: u64 = 4;

impl FileStore {
    /// Claims one key: from the look to the write nobody else gets at it.
    pub(super) fn claim_one(&self, claim: &Claim) -> ClaimOutcome {
        match self.try_claim(claim) {
            Ok(outcome) => outcome,
            Err(error) => ClaimOutcome::Unavailable(fault::reason(error)),
        }
    }

    fn try_claim(&self, claim: &Claim) -> Result<ClaimOutcome, StoreError> {
        self.alive()?;
        let now_ms = self.clock.now_ms();
        let mut shard = self.live.shard(&claim.key);
        let held = match self.find(&shard, &claim.key, now_ms)?.map(|found| found.held(now_ms)).transpose() {
            Ok(held) => held,
            Err(unreadable) => return Ok(ClaimOutcome::Unreadable(unreadable)),
        };
        let (outcome, write) = transition::claim(held.as_ref(), claim);
        let Some(write) = write else { return Ok(outcome) };
        if shard.held.contains(&claim.key) {
            return Ok(ClaimOutcome::InFlight { left_ms: HELD_MS });
        }
        let live = self.log_claim(claim, write, now_ms)?;
        shard.claims.insert(claim.key.clone(), live);
        Ok(outcome)
    }

    fn log_claim(&self, claim: &Claim, write: Write, now_ms: u64) -> Result<LiveClaim, StoreError> {
        let until_ms = now_ms.saturating_add(write.life_ms);
        let mut log = self.log();
        // Looked at under the log's lock: nothing is appended behind a line that failed.
        self.alive()?;
        let number = self.next_claim.fetch_add(1, Ordering::SeqCst);
        let record = write.record;
        let line = ClaimLine { number, at_ms: now_ms, until_ms, key: &claim.key, record: &record };
        let mut written = log.claim(&line);
        if claim.alone {
            written = written.and_then(|()| log.sync());
            self.engine.synced();
        }
        written.map_err(|error| self.engine.fail(error.to_string()))?;
        Ok(LiveClaim { number, until_ms, record })
    }

    /// Replaces the claim log if it has grown far too long, because nothing is ever settled.
    pub(super) fn shorten_log(&self) {
        if self.log().bytes() < self.options.claim_log_bytes.saturating_mul(LONGEST_LOG) {
            return;
        }
        // If somebody settles, the log is being looked after.
        if let Ok(mut turn) = self.turn.try_lock() {
            // A failure is kept by the store, and met by the next claim.
            self.checkpoint(&mut turn).unwrap_or_default();
        }
    }
}
