//! Between the decision of a settle and its commit.

use super::*;

#[test]
fn no_claim_takes_a_key_over_while_its_settle_is_under_way() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let lapsed = first(claim(&store, "lapsed"));
    let given_up = first(claim(&store, "given up"));
    settle(&store, &[release("given up", given_up.fence)]);
    clock.pass(LEASE_MS + 1);

    let settlements = [commit("lapsed", lapsed.fence), commit("given up", given_up.fence)];
    let prepared = store.prepare(&settlements);
    for name in ["lapsed", "given up"] {
        // Without the hold both are free to be claimed.
        assert!(matches!(claim(&store, name), ClaimOutcome::InFlight { left_ms: 1..=100 }));
    }
    assert!(matches!(claim(&store, "another"), ClaimOutcome::First(_)));
    prepared.commit(&[]).unwrap();
    assert!(is_committed(&store, "lapsed") && is_committed(&store, "given up"));
}

#[test]
fn a_settle_that_is_dropped_lets_its_keys_go_and_has_done_nothing() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    clock.pass(LEASE_MS + 1);
    drop(store.prepare(&[commit("k", granted.fence)]));
    assert_eq!(first(claim(&store, "k")).host_deaths, 1);
    assert_eq!(store.prepare(&[commit("k", granted.fence)]).outcomes(), [SettleOutcome::Lost { key: 0 }]);
}

#[test]
fn settlements_of_one_group_see_each_other_and_each_is_all_or_nothing() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let (a, b) = (first(claim(&store, "a")), first(claim(&store, "b")));
    let stranger = Fence { sequence: 1, attempt: SystemClock.attempt_id() };
    let mut both = commit("b", b.fence);
    both.keys.extend(commit("a", stranger).keys);
    let group = [commit("a", a.fence), commit("a", a.fence), commit("a", stranger), both];
    let prepared = store.prepare(&group);
    let lost = |key| SettleOutcome::Lost { key };
    assert_eq!(prepared.outcomes(), [applied(), applied(), lost(0), lost(1)]);
    prepared.commit(&[]).unwrap();
    assert!(is_committed(&store, "a"));
    // Nothing of the last one was applied.
    assert!(matches!(claim(&store, "b"), ClaimOutcome::InFlight { .. }));
}

#[test]
fn notes_are_written_with_the_settles_and_without() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    assert_eq!(store.note(b"out").unwrap(), None);
    store.put_note(b"out", b"12").unwrap();
    let granted = first(claim(&store, "k"));
    let prepared = store.prepare(&[commit("k", granted.fence)]);
    prepared.commit(&[(b"out".to_vec(), b"34".to_vec()), (b"state".to_vec(), b"mine".to_vec())]).unwrap();
    drop(store);
    let store = open(folder.path(), &clock);
    assert_eq!(store.note(b"out").unwrap().as_deref(), Some(&b"34"[..]));
    assert_eq!(store.note(b"state").unwrap().as_deref(), Some(&b"mine"[..]));
    assert!(is_committed(&store, "k"));
}

#[test]
fn who_settles_without_pause_keeps_nobody_from_settling() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &ManualClock::at(1_000));
    let order = Mutex::new(Vec::new());
    let turn = store.prepare(&[]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _turn = store.prepare(&[]);
            order.lock().unwrap().push("who waited");
        });
        // Until it stands next in line.
        let begun = std::time::Instant::now();
        while store.next_turn.try_lock().is_ok() {
            assert!(begun.elapsed().as_secs() < 60, "nobody stands in line");
            std::thread::yield_now();
        }
        drop(turn);
        let _turn = store.prepare(&[]);
        order.lock().unwrap().push("who had it before");
    });
    assert_eq!(*order.lock().unwrap(), ["who waited", "who had it before"]);
}
