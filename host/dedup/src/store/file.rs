//! Records in a directory: the embedded store, `file:PATH`, which needs no server and forgets nothing.
//!
//! Settled keys live in an LSM tree (fjall). Claims do not: most of them end within milliseconds, and a tree
//! would write, sort and compact each of them for nothing. A claim is a line in an append-only *claim log*
//! and an entry in memory; it reaches the tree only with its settle, or when it outlives its log.
//!
//! | what | where | when it is safe from a killed process | from a power cut |
//! |---|---|---|---|
//! | a claim | claim log | before it is answered | a moment later |
//! | a claim that runs alone | claim log | before it is answered | before it is answered |
//! | a settle, a forget, a note | tree | before it is answered | before it is answered |
//!
//! Each process that opens the store is a new *owner*. Claims bear their owner, so whatever an earlier owner
//! left is known to be void at once; its lease need not be waited for.
//!
//! A write that fails leaves unknown what is on the disk. From then on the store refuses everything; opening
//! it again reads what is really there.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::account::Ledger;
use super::{StoreError, Watchers};
use claim_log::ClaimLog;
use clock::StoreClock;
use engine::Engine;
use live::Live;
use lock::Lock;
use settling::Queue;
use stamp::Stamp;
use turn::Turn;

mod account;
mod apply;
mod check;
mod checkpoint;
mod claim;
mod claim_log;
mod clock;
mod engine;
mod envelope;
mod error;
mod expiry;
mod fault;
mod figures;
pub mod fuzzing;
mod hold;
mod home;
mod live;
mod load;
mod lock;
mod notes;
mod open;
mod operator;
#[cfg(any(test, feature = "conformance"))]
mod plant;
mod prepare;
mod replay;
mod service;
mod settling;
mod stamp;
mod state;
#[cfg(test)]
mod tests;
mod turn;

pub use error::OpenError;
pub use figures::Figures;
pub use open::FileOptions;
pub use prepare::Prepared;

/// The embedded store.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    clock: StoreClock,
    engine: Engine,
    /// Claims of this process that are not settled.
    live: Live,
    /// Written to by every claim, replaced by a checkpoint.
    log: Mutex<ClaimLog>,
    /// Counts the opens of the store; greater than that of every claim that an earlier process left.
    owner: u32,
    /// The number of the next claim of this owner.
    next_claim: AtomicU64,
    /// Whoever changes settled records holds this, from the decision to the disk.
    turn: Mutex<Turn>,
    /// Whoever comes next holds this while it waits for the turn.
    next_turn: Mutex<()>,
    queue: Queue,
    watchers: Watchers,
    ledger: Ledger,
    options: FileOptions,
    /// Dropped last, so that nobody opens the files before they are closed here.
    _lock: Lock,
}

impl FileStore {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why the store refuses everything, if it does: a write failed, and what is on the disk is known only
    /// when it is opened again.
    pub fn failure(&self) -> Option<String> {
        self.engine.failure().map(str::to_owned)
    }

    /// The stamp of what is written now: later than every claim made before, not later than the next one.
    fn stamp(&self) -> Stamp {
        Stamp { owner: self.owner, number: self.next_claim.load(Ordering::SeqCst) }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        // Whoever gives the turn back and wants it again at once stands behind who waits: a mutex alone would give it
        // to the one that is awake, and a pipeline that settles without pause would keep another from ever settling.
        let _next = self.next_turn.lock().unwrap_or_else(PoisonError::into_inner);
        // A panic under this lock leaves at worst a group that was written and not yet removed from memory,
        // where its claims then stay in flight until they lapse.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> Result<(), StoreError> {
        match self.engine.failure() {
            None => Ok(()),
            Some(why) => Err(StoreError::Unavailable(why.to_owned())),
        }
    }
}
