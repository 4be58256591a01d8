//! What a namespace takes in this store.

use super::FileStore;
use super::envelope::Envelope;
use crate::store::{Added, StoreError, Usage};
use crate::{Key, Namespace};

impl FileStore {
    /// The first call for a namespace reads all of its records: after a crash, what the tree holds is what counts.
    pub(super) fn account_of(&self, namespace: &Namespace, added: &[Added]) -> Result<Usage, StoreError> {
        self.alive()?;
        let now_ms = self.clock.now_ms();
        let found = || {
            let prefix = Key::prefix(namespace);
            let mut found = Vec::new();
            for pair in self.engine.records_from(&prefix, prefix.clone()) {
                let (key, bytes) = pair?;
                if let Some((envelope, record)) = Envelope::open(&bytes)
                    && envelope.until_ms > now_ms
                {
                    found.push((envelope.until_ms, (key.len() + record.len()) as u64));
                }
            }
            Ok(found)
        };
        self.ledger.account(namespace, added, now_ms, found)
    }
}
