//! Whether files have changed, and have come to rest.
//!
//! Looked at by name, now and then: so a file that is renamed into place, a link that is turned to another file, and one that
//! is written over are all seen alike, on every file system.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::config::Config;

/// Files that belong together: a plugin, and its signature if it has one.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    /// As they were when they were read last.
    read: Stamp,
    /// As they were at the last look.
    looked: Stamp,
}

/// What tells one state of the files from another. None for a file that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Vec<Option<[i128; 4]>>);

impl Watch {
    /// The files of a pipeline's plugin, which is about to be read.
    pub fn of(config: &Config) -> Self {
        let signature = config.trust.signed.as_ref().map(|signed| signed.signature.clone());
        Self::new([config.plugin.clone()].into_iter().chain(signature).collect())
    }

    /// These files, which are about to be read.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let stamp = stamp(&paths);
        Self { paths, read: stamp.clone(), looked: stamp }
    }

    /// Looks. True if the files are others than were read last, and the same as at the last look.
    pub fn has_changed(&mut self) -> bool {
        let now = stamp(&self.paths);
        let is_stable = now == self.looked;
        self.looked = now;
        is_stable && self.looked != self.read
    }

    /// The files are about to be read as they are now.
    pub fn begin(&self) -> Stamp {
        stamp(&self.paths)
    }

    /// They were read as they were then. False if they have changed since.
    pub fn end(&mut self, begun: Stamp) -> bool {
        let is_stable = stamp(&self.paths) == begun;
        if is_stable {
            self.read = begun;
        }
        is_stable
    }
}

fn stamp(paths: &[PathBuf]) -> Stamp {
    let of = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        let changed_ns = i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec());
        Some([meta.dev().into(), meta.ino().into(), meta.size().into(), changed_ns])
    };
    Stamp(paths.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_it_has_come_to_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        std::fs::write(&path, "one").unwrap();
        let mut watch = Watch::new(vec![path.clone()]);
        assert!(!watch.has_changed());
        std::fs::write(&path, "one, two").unwrap();
        assert!(!watch.has_changed(), "it may still be growing");
        std::fs::write(&path, "one, two, three").unwrap();
        assert!(!watch.has_changed(), "it is");
        assert!(watch.has_changed());
        let begun = watch.begin();
        assert!(watch.end(begun) && !watch.has_changed());
        // Written while it was read.
        std::fs::write(&path, "four").unwrap();
        let begun = watch.begin();
        std::fs::write(&path, "four, five").unwrap();
        assert!(!watch.end(begun));
        assert!(!watch.has_changed());
        assert!(watch.has_changed());
    }

    #[test]
    fn renames_links_and_absence_are_changes() {
        let folder = tempfile::tempdir().unwrap();
        let name = |name: &str| folder.path().join(name);
        std::fs::write(name("one"), "1").unwrap();
        std::fs::write(name("two"), "2").unwrap();
        std::os::unix::fs::symlink(name("one"), name("link")).unwrap();
        let mut watch = Watch::new(vec![name("link")]);
        let mut settle = |what: &str| {
            watch.has_changed();
            assert!(watch.has_changed(), "{what}");
            let begun = watch.begin();
            assert!(watch.end(begun) && !watch.has_changed(), "{what}");
        };
        std::os::unix::fs::symlink(name("two"), name("new")).unwrap();
        std::fs::rename(name("new"), name("link")).unwrap();
        settle("a link that is turned");
        std::fs::write(name("three"), "3").unwrap();
        std::fs::rename(name("three"), name("two")).unwrap();
        settle("a rename behind it");
        std::fs::remove_file(name("two")).unwrap();
        settle("gone");
    }
}
