//! Opening a store: becoming its owner, and taking over what earlier owners left.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::claim_log::ClaimLog;
use super::clock::StoreClock;
use super::engine::{Batch, Engine};
use super::envelope::Envelope;
use super::expiry::Pages;
use super::home::Home;
use super::live::Live;
use super::replay::{self, Replayed};
use super::settling::Queue;
use super::stamp::Stamp;
use super::state::State;
use super::turn::Turn;
use super::{FileStore, OpenError, fault};
use crate::Clock;
use crate::store::StoreError;

/// How much memory and disk a store takes. The defaults are for a million keys on a small machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOptions {
    /// Blocks of the tree that are kept in memory, in bytes (8 MiB).
    pub cache_bytes: u64,
    /// Settled records that are collected in memory before they are sorted to the disk, in bytes (16 MiB).
    /// Up to four times as much is in memory while the disk is slow.
    pub memtable_bytes: u64,
    /// How long the claim log gets before it is replaced, in bytes (8 MiB).
    pub claim_log_bytes: u64,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { cache_bytes: 8 << 20, memtable_bytes: 16 << 20, claim_log_bytes: 8 << 20 }
    }
}

impl FileStore {
    /// Opens the store in the directory `path`, which is made if there is nothing. The claims that earlier
    /// processes left are void from here on.
    ///
    /// The clock counts deadlines from the later of its wall time and the last time that the store knows of.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, options: FileOptions) -> Result<Arc<Self>, OpenError> {
        let (home, lock) = Home::enter(path, |engine| Engine::make(path, engine, &options))?;
        let engine = Engine::open(path, &home.engine(), &options)?;
        let state = read_state(path, &engine)?;
        let replayed = replay::read(path, state.log_base)?;
        if replayed.group > state.group {
            let (last, known) = (state.group, replayed.group);
            let what = format!("it ends with group {last}, and group {known} was on the disk");
            return Err(OpenError::damaged(path, what));
        }
        let clock = StoreClock::start(clock, state.now_ms.max(replayed.last_ms));
        let owner = state
            .owner
            .checked_add(1)
            .ok_or_else(|| OpenError::damaged(path, "its owner count is used up"))?;
        let base = Stamp { owner, number: 0 };
        let log =
            ClaimLog::create(path, base, state.group).map_err(OpenError::io(path, "make a claim log"))?;
        let state = State { owner, now_ms: clock.now_ms(), group: state.group, log_base: base };
        let mut turn = Turn::new(state.group);
        take_over(&engine, &replayed, &state, &mut turn).map_err(|error| unwritten(path, error))?;
        for old in replayed.files.iter().filter(|old| *old != log.path()) {
            std::fs::remove_file(old).map_err(OpenError::io(path, "remove a claim log"))?;
        }
        Ok(Arc::new(Self {
            path: PathBuf::from(path),
            clock,
            engine,
            live: Live::new(),
            log: Mutex::new(log),
            owner,
            next_claim: AtomicU64::new(0),
            next_turn: Mutex::new(()),
            turn: Mutex::new(turn),
            queue: Queue::default(),
            watchers: crate::store::Watchers::default(),
            ledger: super::Ledger::default(),
            options,
            _lock: lock,
        }))
    }
}

fn read_state(path: &Path, engine: &Engine) -> Result<State, OpenError> {
    let bytes = engine.meta(State::NAME).map_err(|error| OpenError::damaged(path, fault::reason(error)))?;
    bytes.map_or(Ok(State::NEW), |bytes| {
        State::decode(&bytes).ok_or_else(|| OpenError::damaged(path, "its state cannot be read"))
    })
}

/// Writes the claims that were left to the tree, as claims of an earlier owner, and the new state. Done in
/// part, or done again, it comes to the same.
fn take_over(engine: &Engine, left: &Replayed, state: &State, turn: &mut Turn) -> Result<(), StoreError> {
    let mut batch = engine.batch(left.claims.len() + 2);
    let mut pages = Pages::default();
    for (key, claim) in &left.claims {
        let stored = engine.record(key)?;
        let stored = stored.as_ref().and_then(|bytes| Envelope::open(bytes));
        if stored.is_none_or(|(envelope, _)| envelope.stamp <= claim.stamp) {
            put_left(&mut batch, &mut pages, key, claim, state);
        }
    }
    pages.put(&mut batch, state.owner, turn);
    batch.put_meta(State::NAME, &state.encode());
    batch.commit()
}

fn put_left(
    batch: &mut Batch<'_>,
    pages: &mut Pages,
    key: &[u8],
    claim: &replay::LoggedClaim,
    state: &State,
) {
    if claim.until_ms <= state.now_ms {
        // The claim took the place of whatever the tree has, and that may live longer.
        batch.remove_record(key);
        return;
    }
    let envelope = Envelope { until_ms: claim.until_ms, stamp: Stamp::before_owner(state.owner) };
    batch.put_record(key, envelope.seal(&claim.record));
    pages.add(claim.until_ms, key);
}

fn unwritten(path: &Path, error: StoreError) -> OpenError {
    OpenError::Unwritable { path: path.to_owned(), why: fault::reason(error) }
}
