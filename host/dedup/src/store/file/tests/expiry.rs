//! Records leave when their time is over.

use super::*;

const GROUP: u64 = 128;
const GROUPS_PER_WINDOW: u64 = 40;
const STEP_MS: u64 = 100;

/// Runs `windows` windows' worth of keys through a store and says after each what it holds: records and bytes.
fn run(
    store: &FileStore,
    clock: &ManualClock,
    windows: u64,
    name: impl Fn(u64) -> String,
) -> Vec<(usize, u64)> {
    let action = Action::Commit { receipt: Some(vec![7; 24]), window_ms: GROUPS_PER_WINDOW * STEP_MS };
    let group = |first_key: u64| {
        let names: Vec<_> = (first_key..first_key + GROUP).map(&name).collect();
        let settlements: Vec<_> = names
            .iter()
            .map(|name| settlement(name, first(claim(store, name)).fence, action.clone()))
            .collect();
        settle(store, &settlements);
        clock.pass(STEP_MS);
    };
    let window = |window: u64| {
        let groups = window * GROUPS_PER_WINDOW..(window + 1) * GROUPS_PER_WINDOW;
        groups.for_each(|number| group(number * GROUP));
        (store.engine.records_from(&[], Vec::new()).count(), store.figures().tree_bytes)
    };
    (0..windows).map(window).collect()
}

fn levels_off(name: impl Fn(u64) -> String) {
    let (folder, clock) = (folder_in_memory(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let held = run(&store, &clock, 12, name);
    let in_window = (GROUP * GROUPS_PER_WINDOW) as usize;
    for (records, _) in &held {
        assert!(*records <= in_window + 4 * GROUP as usize, "{held:?}");
    }
    let largest = |held: &[(usize, u64)]| held.iter().map(|(_, bytes)| *bytes).max().unwrap();
    // Without a sweep, the second half would take at least twice what the first takes.
    assert!(largest(&held[6..]) < largest(&held[..6]) * 3 / 2, "{held:?}");
    // And the index goes with the records.
    clock.pass(GROUPS_PER_WINDOW * STEP_MS);
    for _ in 0..200 {
        store.put_note(b"n", b"v").unwrap();
    }
    assert_eq!(store.engine.records_from(&[], Vec::new()).count(), 0);
    assert_eq!(store.engine.pages_from(Vec::new()).count(), 0);
}

#[test]
fn the_size_levels_off_with_keys_in_no_order() {
    levels_off(|i| format!("{:016x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
}

#[test]
fn the_size_levels_off_with_keys_in_the_order_of_time() {
    // Rising keys never touch the tables of earlier ones again: nothing but the sweep gets at those.
    levels_off(|i| format!("{i:016}"));
}

#[test]
fn a_group_sweeps_a_bounded_number_of_records() {
    let (folder, clock) = (folder_in_memory(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    run(&store, &clock, 1, |i| i.to_string());
    let count = || store.engine.records_from(&[], Vec::new()).count();
    let before = count();
    clock.pass(WINDOW_MS);
    store.put_note(b"n", b"v").unwrap();
    // A page more than the bound at most.
    assert!((64..64 + 512).contains(&(before - count())), "{}", before - count());
}

#[test]
fn a_record_written_again_outlives_its_first_deadline() {
    let (folder, clock) = (folder_in_memory(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    settle(&store, &[release("k", granted.fence)]);
    clock.pass(KEEP_MS - 1);
    let granted = first(claim(&store, "k"));
    settle(&store, &[commit("k", granted.fence)]);
    clock.pass(WINDOW_MS - 1);
    store.put_note(b"n", b"v").unwrap();
    assert!(is_committed(&store, "k"));
    clock.pass(1);
    store.put_note(b"n", b"v").unwrap();
    assert_eq!(store.engine.record(key("k").encoded()).unwrap(), None);
}

#[test]
fn a_swept_commit_does_not_bring_its_claim_back_after_a_kill() {
    let (folder, clock) = (folder_in_memory(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    settle(&store, &[settlement("k", granted.fence, Action::Commit { receipt: None, window_ms: 5 })]);
    clock.pass(5);
    store.put_note(b"n", b"v").unwrap();
    assert_eq!(store.engine.record(key("k").encoded()).unwrap(), None);
    drop(store);
    assert_eq!(first(claim(&open(folder.path(), &clock), "k")).host_deaths, 0);
}

#[test]
fn a_lapsed_claim_hides_the_older_record_for_good() {
    let (folder, clock) = (folder_in_memory(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    settle(&store, &[release("k", granted.fence)]);
    first(store.claim_one(&Claim { lease_ms: 10, keep_ms: 10, ..claim_of("k") }));
    clock.pass(20);
    let fresh = |store: &FileStore| assert_eq!(store.entry(&key("k")).unwrap(), None);
    fresh(&store);
    store.checkpoint(&mut store.turn()).unwrap();
    fresh(&store);
    drop(store);
    fresh(&open(folder.path(), &clock));
}
