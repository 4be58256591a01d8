//! Who holds a file's lock.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

/// The process that holds the lock of `file`, where the system says so. It is for a message only: the
/// answer may be out of date, and is missing where the holder lives in another container.
pub(super) fn find(file: &File) -> Option<u32> {
    let metadata = file.metadata().ok()?;
    holder(&fs::read_to_string("/proc/locks").ok()?, metadata.dev(), metadata.ino())
}

/// Reads lines like `1: FLOCK  ADVISORY  WRITE 2634 fe:00:5308516 0 EOF`.
fn holder(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let on_device = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    let same_inode = format!(":{inode}");
    let held = locks.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let is_lock = fields.next() == Some("FLOCK");
        let (pid, file) = (fields.nth(2)?, fields.next()?);
        // 0 stands for a process outside of this container.
        let pid = pid.parse().ok().filter(|pid| *pid != 0)?;
        (is_lock && file.ends_with(&same_inode)).then_some((pid, file))
    });
    let held = held.collect::<Vec<_>>();
    // Some file systems show another device here than in the file's metadata; one match is then enough.
    let exact = held.iter().find(|(_, file)| *file == on_device);
    exact.or(if held.len() == 1 { held.first() } else { None }).map(|(pid, _)| *pid)
}

fn major(device: u64) -> u64 {
    ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff)
}

fn minor(device: u64) -> u64 {
    (device & 0xff) | ((device >> 12) & !0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "1: FLOCK  ADVISORY  WRITE 11 fe:00:77 0 EOF\n\
                         1: -> FLOCK  ADVISORY  WRITE 12 fe:00:77 0 EOF\n\
                         2: POSIX  ADVISORY  WRITE 13 fe:00:78 0 EOF\n\
                         3: FLOCK  ADVISORY  WRITE 14 fe:01:77 0 EOF\n\
                         4: FLOCK  ADVISORY  WRITE 0 fe:00:79 0 EOF\n\
                         5: FLOCK  ADVISORY  WRITE 15 00:2a:80 0 EOF\n\
                         nonsense\n";

    #[test]
    fn the_holder_is_found_by_device_and_inode() {
        assert_eq!(holder(LOCKS, 0xfe00, 77), Some(11));
        assert_eq!(holder(LOCKS, 0xfe01, 77), Some(14));
        assert_eq!(holder(LOCKS, 0xfe00, 80), Some(15));
    }

    #[test]
    fn an_unknown_holder_is_not_guessed() {
        assert_eq!(holder(LOCKS, 0xaa00, 77), None);
        assert_eq!(holder(LOCKS, 0xfe00, 78), None);
        assert_eq!(holder(LOCKS, 0xfe00, 79), None);
        assert_eq!(holder("", 0xfe00, 77), None);
    }
}
