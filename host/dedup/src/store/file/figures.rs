//! What the store has done so far, in figures.

use super::FileStore;

/// Figures of an open store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Forced writes to the disk since it was opened, without those that the library makes in the background.
    pub syncs: u64,
    /// Groups of settled records since it was made.
    pub groups: u64,
    /// Claims of this process that are not settled and not in the tree.
    pub live_claims: usize,
    /// The length of the claim log, in bytes.
    pub claim_log_bytes: u64,
    /// What the tree's tables take on the disk, in bytes; its journals, up to 64 MiB and a little, come on top.
    pub tree_bytes: u64,
}

impl FileStore {
    /// The figures of now. Waits for its turn, like a settle.
    pub fn figures(&self) -> Figures {
        Figures {
            syncs: self.engine.syncs(),
            groups: self.turn().group,
            live_claims: self.live.shards().map(|shard| shard.claims.len()).sum(),
            claim_log_bytes: self.log().bytes(),
            tree_bytes: self.engine.disk_bytes(),
        }
    }
}
