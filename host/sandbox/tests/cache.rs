//! What was compiled once is found again, and what anybody else could have written is not.

#![cfg(test)]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::*;
use oncegate_sandbox::{Cache, Compiler, Component, Engine, Limits};
use tempfile::TempDir;

const ROOM: u64 = 64 << 20;

/// One start of a host: how many components it had to compile.
fn start(folder: &Path, room: u64, components: &[Vec<u8>]) -> u64 {
    let compiler = Compiler::in_this_process().with_cache(Cache::open(folder, room).unwrap());
    let engine = Engine::with_compiler(1, compiler).unwrap();
    for bytes in components {
        Component::load(&engine, bytes, &Limits::default()).unwrap();
    }
    assert_eq!(engine.compiler().take_notes(), Vec::<String>::new());
    engine.compiler().compilations()
}

fn honest() -> Vec<u8> {
    fixture("honest")
}

/// The honest component with a custom section, so that it is another one.
fn other(number: u8) -> Vec<u8> {
    let mut bytes = honest();
    bytes.extend([0, 3, 1, b'n', number]);
    bytes
}

fn cache() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    (folder, path)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    found.filter(|path| path.extension().is_some_and(|ending| ending == "code")).collect()
}

/// The only entry of a cache that knows the honest component.
fn entry(folder: &Path) -> PathBuf {
    let entries = entries(folder);
    assert_eq!(entries.len(), 1);
    entries[0].clone()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_second_start_does_not_compile() {
    let (_folder, path) = cache();
    let components = [honest(), other(1)];
    assert_eq!(start(&path, ROOM, &components), 2);
    assert_eq!(start(&path, ROOM, &components), 0);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o700);
    for file in fs::read_dir(&path).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    assert_eq!(fs::read_dir(&path).unwrap().count(), 3, "two entries and the key; nothing unfinished");
}

#[test]
fn an_entry_with_any_byte_changed_is_none_and_is_replaced() {
    let (_folder, path) = cache();
    start(&path, ROOM, &[honest()]);
    let entry = entry(&path);
    let good = fs::read(&entry).unwrap();
    // The code of authentication, the header of what it is of, code, data, the last byte.
    let places = [0, 31, 32, 36, 39, 40, 100, good.len() / 4, good.len() / 2, good.len() - 1];
    for at in places {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        fs::write(&entry, &flipped).unwrap();
        assert_eq!(start(&path, ROOM, &[honest()]), 1, "byte {at}");
        assert_eq!(fs::read(&entry).unwrap(), good, "the same code, compiled again");
    }
    for cut in [0, 10, 32, 33, good.len() - 1] {
        fs::write(&entry, &good[..cut]).unwrap();
        assert_eq!(start(&path, ROOM, &[honest()]), 1, "cut at {cut}");
    }
    fs::write(&entry, [&good[..], b"\0"].concat()).unwrap();
    assert_eq!(start(&path, ROOM, &[honest()]), 1, "a byte more");
    assert_eq!(start(&path, ROOM, &[honest()]), 0);
}

#[test]
fn an_entry_stands_for_its_own_component_only() {
    let (_folder, path) = cache();
    start(&path, ROOM, &[honest()]);
    let first = entry(&path);
    start(&path, ROOM, &[other(1)]);
    let second = entries(&path).into_iter().find(|path| *path != first).unwrap();
    fs::copy(&first, &second).unwrap();
    assert_eq!(start(&path, ROOM, &[other(1)]), 1, "under another component's name");
    let (_elsewhere, foreign) = cache();
    start(&foreign, ROOM, &[honest()]);
    fs::copy(entry(&foreign), &first).unwrap();
    assert_eq!(start(&path, ROOM, &[honest()]), 1, "of another key");
    fs::remove_file(path.join("key")).unwrap();
    assert_eq!(start(&path, ROOM, &[honest(), other(1)]), 2, "of a key that is gone");
    fs::write(path.join("key"), "short").unwrap();
    assert_eq!(start(&path, ROOM, &[honest()]), 1, "of a key that was torn");
    assert_eq!(start(&path, ROOM, &[honest()]), 0);
}

#[test]
fn an_entry_that_is_not_a_file_of_this_user_s_alone_is_none() {
    let (folder, path) = cache();
    start(&path, ROOM, &[honest()]);
    let entry = entry(&path);
    let aside = folder.path().join("aside");
    fs::rename(&entry, &aside).unwrap();
    symlink(&aside, &entry).unwrap();
    assert_eq!(start(&path, ROOM, &[honest()]), 1, "a link to what is right");
    assert!(!fs::symlink_metadata(&entry).unwrap().is_symlink(), "it was replaced");
    fs::set_permissions(&entry, Permissions::from_mode(0o660)).unwrap();
    assert_eq!(start(&path, ROOM, &[honest()]), 1, "others may write it");
    fs::remove_file(&entry).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &entry, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(start(&path, ROOM, &[honest()]), 1, "a pipe that nobody writes to");
    if is_root() {
        chown(&entry, Some(12345), None).unwrap();
        assert_eq!(start(&path, ROOM, &[honest()]), 1, "of another user");
    }
    assert_eq!(start(&path, ROOM, &[honest()]), 0);
}

#[test]
fn a_folder_that_others_could_change_is_refused() {
    let (folder, path) = cache();
    let refused = |path: &Path| {
        let error = Cache::open(path, ROOM).unwrap_err().to_string();
        error
            .strip_prefix(&format!("the folder {} cannot keep compiled plugins: ", path.display()))
            .unwrap()
            .to_owned()
    };
    start(&path, ROOM, &[honest()]);
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(refused(&path), "others may enter it: chmod 700 it");
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert_eq!(refused(&link), format!("{} is a link", link.display()));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(refused(&file), format!("{} is no folder", real(&file).display()));
    let above = folder.path().join("above");
    fs::create_dir(&above).unwrap();
    fs::set_permissions(&above, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(refused(&above.join("cache")), format!("others may write in {}", real(&above).display()));
    // Sticky, as /tmp: others may write, and exchange nothing.
    fs::set_permissions(&above, Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(start(&above.join("deep/cache"), ROOM, &[honest()]), 1);
    if is_root() {
        chown(&path, Some(12345), None).unwrap();
        assert_eq!(refused(&path), format!("{} belongs to another user", real(&path).display()));
        assert_eq!(
            refused(&path.join("below")),
            format!("{} belongs to another user", real(&path).display())
        );
    }
    assert_eq!(refused(Path::new("/proc/none")), "No such file or directory (os error 2)");
}

fn real(path: &Path) -> PathBuf {
    path.parent().unwrap().canonicalize().unwrap().join(path.file_name().unwrap())
}

#[test]
fn several_hosts_may_begin_at_once() {
    let (_folder, path) = cache();
    let components = [honest(), other(1), other(2)];
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| start(&path, ROOM, &components));
        }
    });
    assert_eq!(start(&path, ROOM, &components), 0, "one key, and all entries are of it");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 4);
}

#[test]
fn the_oldest_goes_when_there_is_no_room() {
    let (_folder, path) = cache();
    start(&path, ROOM, &[honest()]);
    let size = fs::metadata(entry(&path)).unwrap().len();
    let (two, age) = (size * 5 / 2, |path: &Path, hours: u64| {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(3600 * hours);
        fs::File::options().append(true).open(path).unwrap().set_modified(then).unwrap();
    });
    age(&entry(&path), 3);
    let first = entry(&path);
    start(&path, two, &[other(1)]);
    let second = entries(&path).into_iter().find(|path| *path != first).unwrap();
    age(&second, 2);
    // Used, so that it is young again.
    assert_eq!(start(&path, two, &[honest()]), 0);
    let abandoned = path.join("new-0");
    fs::write(&abandoned, "").unwrap();
    age(&abandoned, 2);
    start(&path, two, &[other(2)]);
    assert_eq!(entries(&path).len(), 2);
    assert!(first.exists() && !second.exists() && !abandoned.exists());
    start(&path, size / 2, &[other(3)]);
    assert_eq!(entries(&path).len(), 2, "what has no room is not kept, and costs no other its place");
}

/// Needs the right to mount; where there is none, nothing is shown.
#[test]
fn a_full_disk_costs_the_cache_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount").args(arguments).arg(folder.path()).output();
        done.is_ok_and(|output| output.status.success())
    };
    if !is_root() || !mount(&["-t", "tmpfs", "-o", "size=16k,mode=700", "none"]) {
        println!("not shown: nothing can be mounted here");
        return;
    }
    let cache = Cache::open(folder.path(), ROOM).unwrap();
    let engine = Engine::with_compiler(1, Compiler::in_this_process().with_cache(cache)).unwrap();
    Component::load(&engine, &honest(), &Limits::default()).unwrap();
    let notes = engine.compiler().take_notes();
    let left = fs::read_dir(folder.path()).unwrap().count();
    drop(engine);
    assert!(Command::new("umount").arg(folder.path()).status().unwrap().success());
    assert_eq!(notes.len(), 1);
    assert!(notes[0].ends_with("cannot be written: No space left on device (os error 28)"), "{notes:?}");
    assert_eq!(left, 1, "the key, and nothing unfinished");
}
