//! A disk of one server's own, which can be full.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// How large it is while it is not full.
const SIZE: &str = "4g";

/// Room is given in pages.
const PAGE: u64 = 4096;

/// How often to try to leave so little room.
const TRIES: u64 = 20;

/// A file system in memory, gone when dropped.
#[derive(Debug)]
pub struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Mounts one. The error says why that is not possible, as for whoever is not root.
    pub fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        call("mount", &["-t", "tmpfs", "-o", &format!("size={SIZE}"), "oncegate-chaos"], folder.path())?;
        Ok(Self { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves it so many bytes more than are used.
    pub fn leave(&self, bytes: u64) -> Result<(), String> {
        let mut done = Ok(());
        // What is written meanwhile may not fit.
        for more in 0..TRIES {
            let size = used(self.folder.path()) + bytes + more * PAGE;
            done = call("mount", &["-o", &format!("remount,size={size}")], self.folder.path());
            if done.is_ok() {
                break;
            }
        }
        done
    }

    /// Gives it all its room again.
    pub fn free(&self) -> Result<(), String> {
        call("mount", &["-o", &format!("remount,size={SIZE}")], self.folder.path())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still has files there keeps them to its end.
        let _ = call("umount", &["--lazy"], self.folder.path());
    }
}

fn call(program: &str, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let output = Command::new(program).args(arguments).arg(folder).output();
    let output = output.map_err(|error| format!("{program} cannot be called: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', " "))
}

/// Bytes of the files in a folder.
fn used(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => used(&entry.path()),
        Ok(about) => about.len().next_multiple_of(PAGE),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_and_free_again() {
        // Only root may mount.
        let Ok(disk) = Disk::mount() else { return };
        let write = |name: &str| std::fs::write(disk.path().join(name), vec![1; 64 * 1024]);
        write("a").unwrap();
        disk.leave(16 * 1024).unwrap();
        write("b").unwrap_err();
        disk.free().unwrap();
        write("b").unwrap();
    }
}
