//! Time on the store's clock.

use super::*;

#[test]
fn a_wall_clock_set_back_between_two_opens_gives_no_window_back() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(5_000_000));
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    settle(&store, &[commit("k", granted.fence)]);
    clock.pass(1_000);
    // Only a claim knows of the second that has passed, and it is in the log alone.
    first(claim(&store, "other"));
    drop(store);
    clock.wall_ms.store(10, Ordering::SeqCst);

    let store = open(folder.path(), &clock);
    let left_ms = |store: &FileStore| store.entry(&key("k")).unwrap().unwrap().left_ms;
    assert_eq!(left_ms(&store), WINDOW_MS - 1_000);
    // It does not stand still either.
    clock.pass(WINDOW_MS - 1_001);
    assert_eq!(left_ms(&store), 1);
    clock.pass(1);
    assert_eq!(store.entry(&key("k")).unwrap(), None);
}

#[test]
fn a_wall_clock_moved_during_a_run_moves_no_deadline() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(5_000_000));
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    for wall_ms in [0, u64::MAX] {
        clock.wall_ms.store(wall_ms, Ordering::SeqCst);
        assert!(matches!(claim(&store, "k"), ClaimOutcome::InFlight { left_ms: LEASE_MS }));
    }
    clock.now_ms.fetch_add(LEASE_MS - 1, Ordering::SeqCst);
    assert!(matches!(claim(&store, "k"), ClaimOutcome::InFlight { left_ms: 1 }));
    clock.now_ms.fetch_add(1, Ordering::SeqCst);
    let next = first(claim(&store, "k"));
    assert_eq!(next.host_deaths, 1);
    assert_eq!(store.prepare(&[commit("k", granted.fence)]).outcomes(), [SettleOutcome::Lost { key: 0 }]);
}

#[test]
fn a_machine_that_was_off_lets_windows_run_out() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(5_000_000));
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    settle(&store, &[commit("k", granted.fence)]);
    drop(store);
    clock.now_ms.store(3, Ordering::SeqCst);
    clock.wall_ms.fetch_add(WINDOW_MS, Ordering::SeqCst);
    assert!(!is_committed(&open(folder.path(), &clock), "k"));
}
