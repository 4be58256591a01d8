//! The storage library's errors as one line for people.

use std::path::Path;

use fjall::{Error, JournalRecoveryError, LsmError};

use crate::store::StoreError;

/// Free space below this, in bytes, is a full disk to a library that writes files of many megabytes.
const FULL_BELOW_BYTES: u64 = 1 << 20;

/// What went wrong. `path` is asked for its free space where the library does not say.
pub(super) fn line(error: &Error, path: &Path) -> String {
    match error {
        Error::Io(source) | Error::Storage(LsmError::Io(source)) => source.to_string(),
        Error::Poisoned => background(path),
        Error::Storage(LsmError::ChecksumMismatch { .. }) => "a block's checksum does not match".to_owned(),
        Error::JournalRecovery(JournalRecoveryError::ChecksumMismatch) => {
            "a checksum in the journal does not match".to_owned()
        }
        other => format!("{other:?}"),
    }
}

/// Why the store did not answer, without the words around it, which whoever passes it on adds again.
pub(super) fn reason(error: StoreError) -> String {
    match error {
        StoreError::Unavailable(why) => why,
        other => other.to_string(),
    }
}

/// The library writes in the background and keeps the reason of a failure to itself.
fn background(path: &Path) -> String {
    let free = rustix::fs::statvfs(path).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize));
    match free {
        Ok(free) if free < FULL_BELOW_BYTES => {
            "a write in the background failed: the disk is full".to_owned()
        }
        _ => "a write in the background failed".to_owned(),
    }
}
