//! The tree on disk: fjall, tuned and kept on a short lead.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `records` | encoded key | envelope and record |
//! | `expiry` | deadline, owner, serial | the keys of records with this deadline |
//! | `meta` | `state`, or `note/` and a name | the store's own state; notes of the host |
//!
//! Memory tables are rotated here and not by the library, for three reasons. It asks its worker for a rotation
//! with every write to a table that is full, through a bounded channel that the worker itself fills too: a
//! writer that is fast enough blocks it for good. With a second worker the two pass messages to each other
//! while one compacts, which burns a core. And a writer that waits for room in there waits for ever if the
//! worker has died, while here it looks.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fjall::compaction::Leveled;
use fjall::{
    AbstractTree as _, Database, Error, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Slice,
};

use super::fault;
use super::{FileOptions, OpenError};
use crate::store::StoreError;

/// The library's format that this version reads and writes.
const FJALL_FORMAT: u8 = 3;

/// The library's journals, in bytes: the least that it takes. All of it may be read when a store is opened.
const JOURNAL_BYTES: u64 = 64 << 20;

/// Tables in the topmost level before they are merged into the next. Twice the library's default: a miss
/// looks at more filters, and each record is rewritten half as often.
const TOP_TABLES: u8 = 8;

/// Full memory tables that wait for the disk before writers wait for them. Below the library's own four,
/// where it would wait without looking whether anybody still works.
const WAITING_TABLES: usize = 3;

/// The tree.
pub(super) struct Engine {
    db: Database,
    records: Keyspace,
    expiry: Keyspace,
    meta: Keyspace,
    path: PathBuf,
    memtable_bytes: u64,
    failed: OnceLock<String>,
    syncs: AtomicU64,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("path", &self.path)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Makes an empty tree.
    pub fn make(store: &Path, path: &Path, options: &FileOptions) -> Result<(), OpenError> {
        Self::start(path, options).map(drop).map_err(|error| refused(store, path, error))
    }

    /// Opens a tree.
    pub fn open(store: &Path, path: &Path, options: &FileOptions) -> Result<Self, OpenError> {
        let format =
            std::fs::read(path.join("version")).map_err(OpenError::io(store, "read fjall's format"))?;
        match *format {
            [b'F', b'J', b'L', FJALL_FORMAT] => {}
            [b'F', b'J', b'L', found] if found > FJALL_FORMAT => {
                return Err(OpenError::NewerEngine { path: store.to_owned(), found, known: FJALL_FORMAT });
            }
            _ => return Err(OpenError::damaged(store, "fjall's format cannot be read")),
        }
        // The library asserts some of what it reads. A store that cannot be read is an error here like any.
        let engine = std::panic::catch_unwind(|| Self::start(path, options))
            .map_err(|_| OpenError::damaged(store, "fjall cannot read its files"))?
            .map_err(|error| refused(store, path, error))?;
        engine.rotate_full().map_err(|error| refused(store, path, error))?;
        Ok(engine)
    }

    fn start(path: &Path, options: &FileOptions) -> Result<Self, Error> {
        let db = Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(JOURNAL_BYTES)
            .worker_threads(1)
            .open()?;
        Ok(Self {
            records: db.keyspace("records", keyspace)?,
            expiry: db.keyspace("expiry", keyspace)?,
            meta: db.keyspace("meta", keyspace)?,
            db,
            path: path.to_owned(),
            memtable_bytes: options.memtable_bytes,
            failed: OnceLock::new(),
            syncs: AtomicU64::new(0),
        })
    }

    /// Why nothing may be written or believed any more, if so.
    pub fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// Refuses everything from now on, and gives the error that says so. The first reason stays.
    pub fn fail(&self, why: String) -> StoreError {
        StoreError::Unavailable(
            self.failed.get_or_init(|| format!("{why}; it has to be opened again")).clone(),
        )
    }

    /// Forced writes to the disk since the store was opened.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Counts a forced write that was made beside the tree.
    pub fn synced(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    /// The bytes that the tree takes on the disk.
    pub fn disk_bytes(&self) -> u64 {
        [&self.records, &self.expiry, &self.meta].iter().map(|keyspace| keyspace.disk_space()).sum()
    }

    /// A record with its envelope.
    pub fn record(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        self.records.get(key).map_err(|error| self.unread(&error))
    }

    /// A value of `meta`.
    pub fn meta(&self, name: &[u8]) -> Result<Option<Slice>, StoreError> {
        self.meta.get(name).map_err(|error| self.unread(&error))
    }

    /// The records from `first` on that begin with `prefix`, in the order of their keys.
    pub fn records_from(&self, prefix: &[u8], first: Vec<u8>) -> impl Iterator<Item = Pair> {
        let prefix = prefix.to_vec();
        self.pairs(self.records.range(first..))
            .take_while(move |pair| pair.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix)))
    }

    /// The pages of the expiry index from `first` on.
    pub fn pages_from(&self, first: Vec<u8>) -> impl Iterator<Item = Pair> {
        self.pairs(self.expiry.range(first..))
    }

    fn pairs(&self, iter: fjall::Iter) -> impl Iterator<Item = Pair> {
        iter.map(|guard| guard.into_inner().map_err(|error| self.unread(&error)))
    }

    /// A read that failed damages nothing: the next one may succeed.
    fn unread(&self, error: &Error) -> StoreError {
        StoreError::Unavailable(fault::line(error, &self.path))
    }

    /// An empty batch.
    pub fn batch(&self, capacity: usize) -> Batch<'_> {
        let inner = OwnedWriteBatch::with_capacity(self.db.clone(), capacity);
        Batch { engine: self, inner: inner.durability(Some(PersistMode::SyncData)) }
    }

    /// Seals memory tables that are full, and waits if too many of them wait for the disk already.
    fn rotate_full(&self) -> Result<(), Error> {
        let limits = [
            (&self.records, self.memtable_bytes),
            (&self.expiry, self.memtable_bytes / 4),
            (&self.meta, self.memtable_bytes / 16),
        ];
        for (keyspace, limit) in limits {
            if keyspace.tree.active_memtable().size() <= limit {
                continue;
            }
            while keyspace.sealed_memtable_count() >= WAITING_TABLES {
                // Asks for nothing, but says whether the worker has died.
                self.db.persist(PersistMode::Buffer)?;
                std::thread::sleep(Duration::from_millis(1));
            }
            keyspace.rotate_memtable()?;
        }
        Ok(())
    }
}

fn keyspace() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        // Never by the library, see above.
        .max_memtable_size(u64::MAX)
        .compaction_strategy(Arc::new(Leveled::default().with_l0_threshold(TOP_TABLES)))
}

fn refused(store: &Path, path: &Path, error: Error) -> OpenError {
    match error {
        Error::Io(source) => OpenError::io(store, "open its tree")(source),
        other => OpenError::damaged(store, fault::line(&other, path)),
    }
}

/// A key and its value, as read.
pub(super) type Pair = Result<(Slice, Slice), StoreError>;

/// Writes that reach the disk together or not at all.
pub(super) struct Batch<'a> {
    engine: &'a Engine,
    inner: OwnedWriteBatch,
}

impl Batch<'_> {
    /// Puts a record in its envelope.
    pub fn put_record(&mut self, key: &[u8], bytes: Vec<u8>) {
        self.inner.insert(&self.engine.records, key, bytes);
    }

    /// Removes a record.
    pub fn remove_record(&mut self, key: &[u8]) {
        self.inner.remove(&self.engine.records, key);
    }

    /// Puts a page of the expiry index.
    pub fn put_page(&mut self, key: &[u8], bytes: Vec<u8>) {
        self.inner.insert(&self.engine.expiry, key, bytes);
    }

    /// Removes a page of the expiry index.
    pub fn remove_page(&mut self, key: &[u8]) {
        self.inner.remove(&self.engine.expiry, key);
    }

    /// Puts a value of `meta`.
    pub fn put_meta(&mut self, name: &[u8], value: &[u8]) {
        self.inner.insert(&self.engine.meta, name, value);
    }

    /// Writes everything to the disk. After an error the store has failed.
    pub fn commit(self) -> Result<(), StoreError> {
        let Self { engine, inner } = self;
        let written = inner.commit().and_then(|()| {
            engine.synced();
            engine.rotate_full()
        });
        written.map_err(|error| engine.fail(fault::line(&error, &engine.path)))
    }
}
