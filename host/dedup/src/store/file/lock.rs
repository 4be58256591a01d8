//! The exclusive lock on a store. The kernel lets it go with its process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::OpenError;

/// Held as long as the store is open.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that this one is just starting has a copy of the file for a moment,
        // and the lock would stay with it. If this fails, closing still follows.
        self.file.unlock().unwrap_or_default();
    }
}

impl Lock {
    /// Takes the lock in `file` on the store at `store`, and writes down who holds it.
    pub fn take(store: &Path, file: &Path) -> Result<Self, OpenError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(file)
            .map_err(OpenError::io(store, "open its lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { path: store.to_owned(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(OpenError::io(store, "lock it")(source)),
        }
        sign(&mut file).map_err(OpenError::io(store, "write its lock file"))?;
        Ok(Self { file })
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    // A pid has at most seven digits; whatever else is there is not read.
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}
