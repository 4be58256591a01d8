//! What is not ours, not of this version, or not as it was written.

use std::fs;

use super::*;
use crate::Unreadable;

fn refusal(path: &Path) -> String {
    FileStore::open(path, ManualClock::at(1), small()).unwrap_err().to_string()
}

#[test]
fn a_store_in_use_names_its_process_and_is_free_when_that_is_gone() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let in_use =
        format!("the store at {} is in use by process {}", folder.path().display(), std::process::id());
    assert_eq!(refusal(folder.path()), in_use);
    drop(store);
    open(folder.path(), &clock);
}

#[test]
fn what_is_no_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(refusal(&file).ends_with("is not a store: it is a file, and a store is a directory"));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    assert!(refusal(folder.path()).ends_with("is not a store: it holds file, and no file FORMAT"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let refused = refusal(&folder.path().join("no").join("such"));
    assert!(refused.contains("failed to make its directory: No such file"), "{refused}");
}

#[test]
fn a_newer_layout_is_refused_by_name() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    drop(open(folder.path(), &clock));
    fs::write(folder.path().join("FORMAT"), "oncegate store\nlayout 2\nand more\n").unwrap();
    let expected = format!(
        "the store at {} has layout 2, this oncegate knows 1: use the newer one",
        folder.path().display()
    );
    assert_eq!(refusal(folder.path()), expected);
    fs::write(folder.path().join("FORMAT"), "something else").unwrap();
    assert!(refusal(folder.path()).contains("FORMAT is not a store's"));
}

#[test]
fn a_newer_format_of_the_library_is_refused_by_its_name() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    drop(open(folder.path(), &clock));
    let version = folder.path().join("engine").join("version");
    fs::write(&version, b"FJL\x04").unwrap();
    assert!(
        refusal(folder.path())
            .ends_with("has fjall format 4, this oncegate's fjall knows 3: use the newer one")
    );
    fs::write(&version, b"junk").unwrap();
    assert!(refusal(folder.path()).ends_with("is damaged: fjall's format cannot be read"));
}

#[test]
fn a_store_that_lost_its_tree_is_not_begun_anew() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    drop(open(folder.path(), &clock));
    fs::rename(folder.path().join("engine"), folder.path().join("elsewhere")).unwrap();
    assert!(refusal(folder.path()).ends_with("is damaged: its folder `engine` is missing"));
}

#[test]
fn a_creation_cut_short_is_begun_again() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    fs::create_dir_all(folder.path().join("engine.new").join("keyspaces")).unwrap();
    fs::write(folder.path().join("engine.new").join("0.jnl"), "half").unwrap();
    fs::write(folder.path().join("LOCK"), "").unwrap();
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    settle(&store, &[commit("k", granted.fence)]);
    drop(store);
    // Cut short just before the last step.
    fs::rename(folder.path().join("engine"), folder.path().join("engine.new")).unwrap();
    assert!(is_committed(&open(folder.path(), &clock), "k"));
}

#[test]
fn damaged_tables_are_an_error_and_no_panic() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    for i in 0..40 {
        let names: Vec<_> = (0..50).map(|j| format!("{i}-{j}")).collect();
        let group: Vec<_> = names.iter().map(|name| commit(name, first(claim(&store, name)).fence)).collect();
        settle(&store, &group);
    }
    drop(store);
    let mut damaged = 0;
    for folder in ["0", "1", "2", "3"].map(|id| folder.path().join("engine").join("keyspaces").join(id)) {
        let Ok(tables) = fs::read_dir(folder.join("tables")) else { continue };
        for table in tables {
            fs::write(table.unwrap().path(), "not a table").unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    let refused = refusal(folder.path());
    assert!(refused.contains("is damaged: "), "{refused}");
}

#[test]
fn records_of_a_newer_version_and_corrupt_ones_are_named_and_never_overwritten() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let fence = Fence { sequence: 1, attempt: SystemClock.attempt_id() };
    let planted =
        [(&b"\x02new"[..], Unreadable::Newer { found: 2 }), (b"", Unreadable::Corrupt("it is empty"))];
    for (bytes, unreadable) in planted {
        store.plant(&key("k"), bytes.to_vec(), 1_000);
        assert_eq!(claim(&store, "k"), ClaimOutcome::Unreadable(unreadable.clone()));
        assert_eq!(store.entry(&key("k")).unwrap().unwrap().record, Err(unreadable.clone()));
        let prepared = store.prepare(&[commit("k", fence)]);
        assert_eq!(prepared.outcomes(), [SettleOutcome::Unreadable(unreadable)]);
        prepared.commit(&[]).unwrap();
        assert!(now(store.forget(&key("k"), None, 1)).is_err());
        let stored = store.engine.record(key("k").encoded()).unwrap().unwrap();
        assert!(stored.ends_with(bytes) && stored.len() == 20 + bytes.len());
    }
    clock.pass(1_000);
    first(claim(&store, "k"));
}
