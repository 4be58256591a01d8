//! Why a store cannot be opened.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store cannot be opened. Nothing was changed that an open with the cause removed would miss.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open. Nothing but that process' end frees it, and that always does.
    #[error("the store at {} is in use by {}", path.display(), holder(*pid))]
    InUse {
        /// The store.
        path: PathBuf,
        /// The process, if it has written down its id yet.
        pid: Option<u32>,
    },
    /// What is there is no store; it was left alone.
    #[error("{} is not a store: {why}", path.display())]
    NotAStore {
        /// What was named.
        path: PathBuf,
        /// What is there.
        why: String,
    },
    /// A newer version wrote it.
    #[error("the store at {} has layout {found}, this oncegate knows {known}: use the newer one", path.display())]
    NewerLayout {
        /// The store.
        path: PathBuf,
        /// Its layout.
        found: u64,
        /// The layout that this version reads and writes.
        known: u64,
    },
    /// The storage library of a newer version wrote it.
    #[error(
        "the store at {} has fjall format {found}, this oncegate's fjall knows {known}: use the newer one",
        path.display()
    )]
    NewerEngine {
        /// The store.
        path: PathBuf,
        /// The library's format there.
        found: u8,
        /// The library's format here.
        known: u8,
    },
    /// Its files are not as they were written.
    #[error("the store at {} is damaged: {what}", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Its first write failed.
    #[error("the store at {} cannot be written: {why}", path.display())]
    Unwritable {
        /// The store.
        path: PathBuf,
        /// What went wrong.
        why: String,
    },
    /// The operating system refused something.
    #[error("the store at {}: failed to {doing}: {source}", path.display())]
    Io {
        /// The store.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The refusal.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl OpenError {
    /// For `map_err`: an I/O error, and what was being done.
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }

    /// Files that are not as they were written.
    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}
