//! Replacing a claim log that has grown long: what is still claimed moves into the tree.

use super::FileStore;
use super::claim_log::ClaimLog;
use super::envelope::Envelope;
use super::expiry::Pages;
use super::turn::Turn;
use crate::Key;
use crate::store::StoreError;

impl FileStore {
    /// Begins a new claim log, writes the unsettled claims of the old one to the tree, and removes it. Claims
    /// go on all the while; a kill in between finds both logs.
    pub(super) fn checkpoint(&self, turn: &mut Turn) -> Result<(), StoreError> {
        let old = self.new_log(turn)?;
        let (base, now_ms) = (self.log().base(), self.clock.now_ms());
        let mut batch = self.engine.batch(64);
        let (mut pages, mut moved) = (Pages::default(), Vec::new());
        for shard in self.live.shards() {
            for (key, claim) in shard.claims.iter().filter(|(_, claim)| claim.number < base.number) {
                moved.push(key.clone());
                if claim.until_ms > now_ms {
                    let envelope = Envelope { until_ms: claim.until_ms, stamp: base };
                    batch.put_record(key.encoded(), envelope.seal(&claim.record.encode()));
                    pages.add(claim.until_ms, key.encoded());
                } else {
                    // The claim took the place of whatever the tree has, and that may live longer.
                    batch.remove_record(key.encoded());
                }
            }
        }
        pages.put(&mut batch, self.owner, turn);
        self.write(turn, batch, now_ms)?;
        self.forget_live(&moved, base.number);
        std::fs::remove_file(old.path()).map_err(|error| self.engine.fail(error.to_string()))
    }

    /// Puts a new log in place of the old one. Every claim with a number below its base is in the old one.
    fn new_log(&self, turn: &Turn) -> Result<ClaimLog, StoreError> {
        let mut log = self.log();
        let new = ClaimLog::create(&self.path, self.stamp(), turn.group)
            .map_err(|error| self.engine.fail(error.to_string()))?;
        Ok(std::mem::replace(&mut *log, new))
    }

    /// Forgets claims that are in the tree now, unless they have changed hands since.
    fn forget_live(&self, keys: &[Key], base: u64) {
        for key in keys {
            let mut shard = self.live.shard(key);
            if shard.claims.get(key).is_some_and(|claim| claim.number < base) {
                shard.claims.remove(key);
            }
        }
    }
}
