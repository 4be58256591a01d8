//! The claim log: replaced when it is long, read back after a kill, and what is wrong with it found.

use std::io::Write as _;

use super::*;

#[test]
fn a_claim_that_outlives_its_log_is_kept() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let old = first(claim(&store, "old"));
    for i in 0..1_000 {
        let name = format!("k{i}");
        settle(&store, &[commit(&name, first(claim(&store, &name)).fence)]);
    }
    let figures = store.figures();
    assert!(figures.claim_log_bytes < 40 << 10 && figures.live_claims == 0, "{figures:?}");
    assert!(matches!(claim(&store, "old"), ClaimOutcome::InFlight { .. }));
    // It is still this process' claim, and can be settled.
    settle(&store, &[commit("old", old.fence)]);
    drop(store);
    assert!(is_committed(&open(folder.path(), &clock), "old"));
}

#[test]
fn claims_without_any_settle_do_not_grow_without_bound() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    for i in 0..2_000 {
        now(store.claim(&[claim_of(&format!("k{i}"))]));
    }
    let figures = store.figures();
    assert!(figures.claim_log_bytes < 200 << 10, "{figures:?}");
    drop(store);
    let store = open(folder.path(), &clock);
    assert!((0..2_000).all(|i| first(claim(&store, &format!("k{i}"))).host_deaths == 1));
}

#[test]
fn a_line_cut_short_is_the_end_of_its_log() {
    for tail in [&b"\0\0\0\x50half a line"[..], &[0; 4096], &[0, 0]] {
        let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
        let store = open(folder.path(), &clock);
        first(claim(&store, "k"));
        let log = store.log().path().to_owned();
        drop(store);
        std::fs::OpenOptions::new().append(true).open(log).unwrap().write_all(tail).unwrap();
        assert_eq!(first(claim(&open(folder.path(), &clock), "k")).host_deaths, 1);
    }
}

#[test]
fn a_flipped_bit_inside_a_log_is_found_and_nothing_is_changed() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    first(claim(&store, "a"));
    first(claim(&store, "b"));
    let log = store.log().path().to_owned();
    drop(store);
    let bytes = std::fs::read(&log).unwrap();
    let mut flipped = bytes.clone();
    flipped[70] ^= 1;
    std::fs::write(&log, &flipped).unwrap();
    for _ in 0..2 {
        let error = FileStore::open(folder.path(), clock.clone(), small()).unwrap_err().to_string();
        assert!(error.ends_with("cannot be read at byte 36"), "{error}");
    }
    std::fs::write(&log, &bytes).unwrap();
    let store = open(folder.path(), &clock);
    assert!(["a", "b"].iter().all(|name| first(claim(&store, name)).host_deaths == 1));
}

#[test]
fn a_tree_that_lost_its_last_groups_is_found() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let granted: Vec<_> = ["a", "b"].iter().map(|name| (name, first(claim(&store, name)))).collect();
    for (name, granted) in granted {
        settle(&store, &[commit(name, granted.fence)]);
    }
    drop(store);
    // The library's journal, with its last batch made unreadable: the library cuts it off and says nothing.
    let journal = folder.path().join("engine").join("0.jnl");
    let mut bytes = std::fs::read(&journal).unwrap();
    let at = bytes.windows(12).rposition(|window| window == b"receipt of b").unwrap();
    let start = bytes[..at].iter().rposition(|byte| *byte == 3).unwrap();
    bytes[start] = 0xee;
    bytes.truncate(at);
    std::fs::write(&journal, &bytes).unwrap();
    let error = FileStore::open(folder.path(), clock.clone(), small()).unwrap_err().to_string();
    assert!(error.contains("is damaged: it ends with group"), "{error}");
}
