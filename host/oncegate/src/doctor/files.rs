//! The embedded store: is there room?

use std::path::Path;

use super::Report;

/// How much of a disk has to be free, in percent.
const FREE_PERCENT: u64 = 10;

/// Checks a store in a folder, which a run may hold meanwhile.
pub fn check(path: &Path, report: &mut Report) {
    if !path.exists() {
        return report.info("there is no store yet: the first run makes one");
    }
    match size(path) {
        Ok(bytes) => report.ok(format!("it takes {:.1} MiB on disk", bytes as f64 / f64::from(1 << 20))),
        Err(error) => {
            return report.fail(
                format!("it cannot be read: {error}"),
                "give this user the right to read and write it",
            );
        }
    }
    match rustix::fs::statvfs(path) {
        Ok(disk) => {
            let percent = disk.f_bavail.saturating_mul(100).checked_div(disk.f_blocks).unwrap_or(0);
            let free = disk.f_bavail.saturating_mul(disk.f_frsize) as f64 / f64::from(1 << 30);
            match percent < FREE_PERCENT {
                true => report.warn(
                    format!("{percent} % of its disk are free ({free:.1} GiB)"),
                    "make room: a store that cannot write refuses everything until it is opened again",
                ),
                false => report.ok(format!("{percent} % of its disk are free ({free:.1} GiB)")),
            }
        }
        Err(error) => report.unchecked("the disk's free space is", &error.to_string()),
    }
}

/// The bytes of all files in a folder.
fn size(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path())?,
            Ok(found) => found.len(),
            // A running store removes files of its own.
            Err(_) => 0,
        };
    }
    Ok(bytes)
}
