//! Machine code that was compiled before. Whoever can write it runs code in this process: so it lies in a folder
//! that is this user's alone, and each entry has a code of authentication that is verified before it is loaded.

mod entry;
mod folder;
mod key;
mod room;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use self::entry::Entry;
use self::folder::Folder;
use self::key::Key;

/// A folder with compiled code. Several processes may share it.
///
/// Nothing in it is trusted for lying there: an entry that was cut, changed, renamed, linked or made by anybody else
/// is as if it were not there, and is replaced.
pub struct Cache {
    path: PathBuf,
    folder: Folder,
    key: Key,
    most_bytes: u64,
}

/// Why a folder is no place for compiled code.
#[derive(Debug, thiserror::Error)]
#[error("the folder {} cannot keep compiled plugins: {why}", path.display())]
pub struct CacheError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{} is a link", .0.display())]
    Link(PathBuf),
    #[error("{} is no folder", .0.display())]
    NoFolder(PathBuf),
    #[error("{} belongs to another user", .0.display())]
    Foreign(PathBuf),
    #[error("others may write in {}", .0.display())]
    Writable(PathBuf),
    #[error("others may enter it: chmod 700 it")]
    Open,
    #[error("the key in it is not this user's alone")]
    Key,
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
}

impl From<rustix::io::Errno> for Why {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

impl Cache {
    /// Opens the folder, made with mode 0700 if it is not there, for so many bytes of code. Refuses one that
    /// others could write in or swap for another: the folder itself may not be a link and has to be this
    /// user's, and nobody else but root may write in any folder above it.
    pub fn open(path: &Path, most_bytes: u64) -> Result<Self, CacheError> {
        let refused = |why| CacheError { path: path.to_owned(), why };
        let folder = Folder::open(path).map_err(refused)?;
        let key = Key::of(&folder).map_err(refused)?;
        Ok(Self { path: path.to_owned(), folder, key, most_bytes })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Code that this folder's key vouches for, of this component for these engines.
    pub(super) fn get(&self, of: &Subject, most_code: u64) -> Option<Vec<u8>> {
        let entry = Entry { folder: &self.folder, key: &self.key };
        entry.read(of, most_code)
    }

    /// Keeps code, and makes room for it. What would not leave room for anything else is not kept.
    pub(super) fn put(&self, of: &Subject, code: &[u8]) -> Result<(), String> {
        let entry = Entry { folder: &self.folder, key: &self.key };
        let written = entry.size(code);
        if written > self.most_bytes {
            return Ok(());
        }
        room::make(&self.folder, &of.name(), self.most_bytes - written)
            .and_then(|()| entry.write(of, code))
            .map_err(|error| format!("the cache {} cannot be written: {error}", self.path.display()))
    }
}

/// What an entry is of: a component, and what has to be the same for its code to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject {
    /// The component's SHA-256.
    pub(super) component: [u8; 32],
    /// The engine's compatibility, with the program that compiles for it.
    pub(super) compatibility: [u8; 32],
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("path", &self.path).field("most_bytes", &self.most_bytes).finish()
    }
}
