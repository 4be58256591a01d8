//! Published versions of the contract stay as they are, here and in whatever brings a copy.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use oncegate_dedup::hex;
use sha2::{Digest as _, Sha256};

/// A folder's files below it, by their names from there.
type Files = BTreeMap<String, Vec<u8>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

/// Over names and contents, each with its length, so that nothing can move from one into the other.
fn digest(files: &Files) -> String {
    let mut digest = Sha256::new();
    for (name, contents) in files {
        for bytes in [name.as_bytes(), contents] {
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        }
    }
    hex::encode(&digest.finalize())
}

/// The published versions, and what `frozen.txt` says of them: each a line, version and digest.
struct Published {
    folders: BTreeMap<String, Files>,
    frozen: BTreeMap<String, String>,
}

impl Published {
    fn read() -> Self {
        let plugin = root().join("wit/plugin");
        let text = fs::read_to_string(plugin.join("frozen.txt")).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.map(|line| line.split_once(' ').unwrap());
        let frozen = pairs.map(|(version, digest)| (version.to_owned(), digest.to_owned())).collect();
        let folders = fs::read_dir(&plugin).unwrap().map(|entry| entry.unwrap().path());
        let folders = folders.filter(|path| path.is_dir()).map(|path| {
            let version = path.file_name().unwrap().to_str().unwrap().to_owned();
            (version, files(&path))
        });
        Self { folders: folders.collect(), frozen }
    }

    /// What has been done to them, a line for each.
    fn changes(&self) -> Vec<String> {
        let versions: BTreeSet<_> = self.folders.keys().chain(self.frozen.keys()).collect();
        let change = |version: &&String| match (self.folders.get(*version), self.frozen.get(*version)) {
            (Some(files), Some(frozen)) if digest(files) == *frozen => None,
            (Some(_), Some(_)) => {
                Some("was changed; a published version is frozen: add a new folder".to_owned())
            }
            (None, _) => Some("was removed; a published version is frozen, handlers import it".to_owned()),
            (Some(files), None) => {
                let digest = digest(files);
                Some(format!(
                    "is not in wit/plugin/frozen.txt; once it is published, add: {version} {digest}"
                ))
            }
        };
        versions
            .iter()
            .filter_map(|version| change(version).map(|what| format!("wit/plugin/{version} {what}")))
            .collect()
    }
}

#[test]
fn a_published_version_is_as_it_was_published() {
    let none: [String; 0] = [];
    assert_eq!(Published::read().changes(), none);
}

#[test]
fn each_way_to_touch_a_published_version_is_found() {
    let touched = |touch: &dyn Fn(&mut Published)| {
        let mut published = Published::read();
        touch(&mut published);
        let changes = published.changes();
        assert_eq!(changes.len(), 1, "{changes:?}");
        changes[0].clone()
    };
    let frozen = "wit/plugin/0.1.0 was changed; a published version is frozen: add a new folder";
    let contents = touched(&|published| {
        published.folders.get_mut("0.1.0").unwrap().get_mut("log.wit").unwrap().push(b'\n');
    });
    assert_eq!(contents, frozen);
    let one_more = touched(&|published| {
        published.folders.get_mut("0.1.0").unwrap().insert("more.wit".to_owned(), Vec::new());
    });
    assert_eq!(one_more, frozen);
    let renamed = touched(&|published| {
        let files = published.folders.get_mut("0.1.0").unwrap();
        let contents = files.remove("log.wit").unwrap();
        files.insert("logs.wit".to_owned(), contents);
    });
    assert_eq!(renamed, frozen);
    let removed = touched(&|published| drop(published.folders.remove("0.1.0")));
    assert!(removed.starts_with("wit/plugin/0.1.0 was removed"), "{removed}");
    let unlisted = touched(&|published| drop(published.folders.insert("0.9.0".to_owned(), Files::new())));
    assert!(unlisted.starts_with("wit/plugin/0.9.0 is not in wit/plugin/frozen.txt"), "{unlisted}");
}

/// The folders of `guest-sdk` that hold text of the contract.
fn copies() -> Vec<PathBuf> {
    let mut copies = BTreeSet::new();
    let mut folders = vec![root().join("guest-sdk")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap_or_default();
            // What was built or installed there holds the packages of others.
            let is_made =
                ["target", "node_modules", "build", "dist"].contains(&name) || name.starts_with('.');
            if path.is_dir() && !is_made {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "wit")
                && fs::read_to_string(&path).unwrap().contains("package oncegate:plugin@")
            {
                copies.insert(next.clone());
            }
        }
    }
    copies.into_iter().collect()
}

/// Why a folder is no copy of a published version.
fn difference(copy: &Files, published: &Published) -> Option<String> {
    let text = copy.values().find_map(|contents| std::str::from_utf8(contents).ok());
    let version = text.and_then(|text| text.split("package oncegate:plugin@").nth(1)?.split(';').next());
    let Some(version) = version else { return Some("names no version".to_owned()) };
    match published.folders.get(version) {
        None => Some(format!("is of version {version}, which wit/plugin does not have")),
        Some(files) if files == copy => None,
        Some(_) => Some(format!("differs from wit/plugin/{version}: copy that folder, byte by byte")),
    }
}

#[test]
fn what_an_sdk_brings_is_what_was_published() {
    let published = Published::read();
    for copy in copies() {
        assert_eq!(difference(&files(&copy), &published), None, "{}", copy.display());
    }
}

#[test]
fn a_copy_that_differs_is_found() {
    let published = Published::read();
    let mut copy = published.folders["0.1.0"].clone();
    assert_eq!(difference(&copy, &published), None);
    copy.get_mut("world.wit").unwrap().push(b' ');
    let said = difference(&copy, &published).unwrap();
    assert_eq!(said, "differs from wit/plugin/0.1.0: copy that folder, byte by byte");
    copy = published.folders["0.1.0"].clone();
    copy.remove("log.wit");
    assert!(difference(&copy, &published).is_some());
}
