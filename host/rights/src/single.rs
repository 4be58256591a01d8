//! Whether a process has one thread.

use std::fs;

use crate::error::RightsError;

/// Fails if there is a second thread: what is dropped holds for the calling one and for those that it begins.
pub(crate) fn check() -> Result<(), RightsError> {
    // Where it cannot be told, the caller's word has to do.
    match fs::read_dir("/proc/self/task").map_or(1, Iterator::count) {
        0 | 1 => Ok(()),
        threads => Err(RightsError::Threads(threads)),
    }
}
