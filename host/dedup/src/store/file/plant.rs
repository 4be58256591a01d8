//! A hook for tests of what the store does with records that are not its own.

use super::FileStore;
use super::envelope::Envelope;
use super::expiry::Pages;
use super::hold::Holds;
use crate::Key;

impl FileStore {
    /// Puts bytes where a record would be.
    ///
    /// # Panics
    ///
    /// If the store has failed.
    #[expect(clippy::expect_used, reason = "for tests only, which are to stop here")]
    pub fn plant(&self, key: &Key, bytes: Vec<u8>, life_ms: u64) {
        let (mut turn, now_ms) = (self.turn(), self.clock.now_ms());
        let mut holds = Holds::none(self);
        holds.take(key, now_ms).expect("the store can be read");
        let until_ms = now_ms.saturating_add(life_ms);
        let mut batch = self.engine.batch(2);
        batch.put_record(key.encoded(), Envelope { until_ms, stamp: self.stamp() }.seal(&bytes));
        let mut pages = Pages::default();
        pages.add(until_ms, key.encoded());
        pages.put(&mut batch, self.owner, &mut turn);
        self.write(&mut turn, batch, now_ms).expect("the store can be written");
        self.live.shard(key).claims.remove(key);
    }
}
