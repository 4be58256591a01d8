//! Room in the folder: the oldest goes.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use super::entry::ENDING;
use super::folder::{Folder, Found};
use super::key::TEMPORARY;

/// After how long an unfinished file is one of a process that died.
const ABANDONED_S: i64 = 3600;

/// Removes the oldest entries until the others take at most so many bytes, and what was never finished. The entry
/// that is about to be replaced counts as gone.
pub(super) fn make(folder: &Folder, replaced: &str, most_bytes: u64) -> io::Result<()> {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let (unfinished, others): (Vec<Found>, Vec<Found>) =
        folder.list()?.into_iter().partition(|found| found.name.starts_with(TEMPORARY));
    for found in unfinished.iter().filter(|found| found.modified_s < now_s - ABANDONED_S) {
        folder.remove(&found.name)?;
    }
    let mut entries: Vec<Found> =
        others.into_iter().filter(|found| found.name.ends_with(ENDING) && found.name != replaced).collect();
    entries.sort_by_key(|found| std::cmp::Reverse(found.modified_s));
    let mut kept = 0u64;
    for found in entries {
        kept = kept.saturating_add(found.bytes);
        if kept > most_bytes {
            folder.remove(&found.name)?;
        }
    }
    Ok(())
}
