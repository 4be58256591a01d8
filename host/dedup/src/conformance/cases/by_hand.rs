//! What an operator changes.

use std::sync::{Arc, Mutex};

use super::*;
use crate::State;
use crate::store::{Forgotten, Invalidate, Marked, Requeued};

pub const ALL: &[(&str, Case)] = &[
    ("rule 14: a requeue clears the record that died, and no other", requeue),
    ("rule 14: a requeue that is repeated never clears a good commit", requeue_again),
    ("rule 14: a death that came late is requeued by its dead letter's fence", requeue_late),
    ("an operator's commit holds against every attempt of before", commit_by_hand),
    ("an operator's commit touches no commit, and only the record that was named", commit_by_fence),
    ("rule 19: caches hear of every key that an operator changes, after the change", caches_hear),
];

fn requeued(bench: &dyn Bench, fence: Fence) -> Requeued {
    block_on(bench.store().requeue(&key(b"k"), fence, KEEP_MS)).expect("the store answers")
}

fn marked(bench: &dyn Bench, expected: Option<Fence>) -> Marked {
    block_on(bench.store().commit_for(&key(b"k"), expected, WINDOW_MS)).expect("the store answers")
}

fn kept(bench: &dyn Bench, fence: Fence, state: State) {
    let before = look(bench, &key(b"k")).expect("a record").record;
    match requeued(bench, fence) {
        Requeued::Kept { state: found, .. } => assert_eq!(found, state),
        other => panic!("the record should be kept, and the requeue is {other:?}"),
    }
    assert_eq!(look(bench, &key(b"k")).expect("a record").record, before);
}

fn requeue(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    assert_eq!(requeued(bench, Fence { attempt: id(CAT), ..ann.fence }), kept_as(State::Claimed, ann.fence));
    kept(bench, ann.fence, State::Claimed);
    assert_eq!(settle(bench, ann.fence, release(true)), APPLIED);
    kept(bench, ann.fence, State::Released);
    let ben = first(bench, &claim(BEN));
    assert_eq!(settle(bench, ben.fence, die()), APPLIED);
    kept(bench, ann.fence, State::Dead);
    assert_eq!(requeued(bench, ben.fence), Requeued::Done);
    let cat = first(bench, &Claim { fingerprint: Some(print(2)), ..claim(CAT) });
    assert_eq!((cat.attempts, cat.host_deaths), (1, 0), "its attempts begin anew");
    assert!(cat.fence.sequence > ben.fence.sequence);
    assert_eq!(settle(bench, ben.fence, commit(b"late")), LOST, "nor does an old attempt commit it");
}

fn kept_as(state: State, fence: Fence) -> Requeued {
    Requeued::Kept { state, fence }
}

fn requeue_again(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    assert_eq!(settle(bench, ann.fence, die()), APPLIED);
    for _ in 0..2 {
        assert_eq!(requeued(bench, ann.fence), Requeued::Done);
    }
    let ben = first(bench, &claim(BEN));
    kept(bench, ann.fence, State::Claimed);
    assert_eq!(settle(bench, ben.fence, commit(b"good")), APPLIED);
    kept(bench, ann.fence, State::Committed);
    assert_eq!(committed(bench, &claim(CAT)).receipt, Some(b"good".to_vec()));
    bench.advance(WINDOW_MS);
    assert_eq!(requeued(bench, ann.fence), Requeued::Absent);
}

fn requeue_late(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    bench.advance(LEASE_MS);
    let ben = first(bench, &claim(BEN));
    assert_eq!(settle(bench, ben.fence, release(true)), APPLIED);
    assert_eq!(settle(bench, ann.fence, die()), LATE);
    assert_eq!(requeued(bench, ann.fence), Requeued::Done);
    first(bench, &claim(CAT));
}

fn commit_by_hand(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    assert_eq!(marked(bench, Some(ann.fence)), Marked::Done);
    let found = committed(bench, &claim(BEN));
    assert_eq!((found.receipt, found.fingerprint), (None, Some(print(1))));
    assert_near(bench, found.left_ms, WINDOW_MS);
    for action in [commit(b"late"), release(true), die()] {
        assert_eq!(settle(bench, ann.fence, action), LOST);
    }
    let sequence = look(bench, &key(b"k")).expect("a record").record.expect("readable").fence.sequence;
    assert!(sequence > ann.fence.sequence);
    // Another payload is a mismatch as after any commit.
    let other = ask(bench, &Claim { fingerprint: Some(print(2)), ..claim(BEN) });
    assert_eq!(other, ClaimOutcome::Mismatch { stored: print(1) });
    bench.advance(WINDOW_MS);
    // Of a key that nobody ever named, too.
    assert_eq!(marked(bench, None), Marked::Done);
    committed(bench, &claim(BEN));
}

fn commit_by_fence(bench: &mut dyn Bench) {
    let nobodys = Fence { sequence: 7, attempt: id(CAT) };
    assert_eq!(marked(bench, Some(nobodys)), Marked::Absent);
    assert!(look(bench, &key(b"k")).is_none());
    let ann = first(bench, &claim(ANN));
    assert_eq!(marked(bench, Some(nobodys)), Marked::Changed(ann.fence));
    assert_eq!(ask(bench, &claim(ANN)), ClaimOutcome::Owned(ann), "her claim is untouched");
    assert_eq!(settle(bench, ann.fence, commit(b"ann")), APPLIED);
    for expected in [None, Some(ann.fence), Some(nobodys)] {
        assert_eq!(marked(bench, expected), Marked::Committed(ann.fence));
    }
    assert_eq!(committed(bench, &claim(BEN)).receipt, Some(b"ann".to_vec()));
    // Repeated because its reply was lost, it is done.
    assert_eq!(
        block_on(bench.store().forget(&key(b"k"), None, KEEP_MS)).expect("an answer"),
        Forgotten::Done
    );
    let ben = first(bench, &claim(BEN));
    for _ in 0..2 {
        assert_eq!(marked(bench, Some(ben.fence)), Marked::Done);
    }
}

/// Writes down what it hears.
#[derive(Debug, Default)]
struct Ear(Mutex<Vec<Key>>);

impl Invalidate for Ear {
    fn invalidate(&self, key: &Key) {
        self.0.lock().expect("an ear").push(key.clone());
    }
}

fn caches_hear(bench: &mut dyn Bench) {
    let ear = Arc::new(Ear::default());
    let cache: Arc<dyn Invalidate> = Arc::clone(&ear) as _;
    bench.store().watch(Arc::downgrade(&cache));
    let heard = || ear.0.lock().expect("an ear").clone();
    let hears = |name: &[u8]| {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !heard().contains(&key(name)) && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        // Perhaps more than once, but never of a key that nobody changed.
        assert!(heard().contains(&key(name)) && !heard().contains(&key(b"k")), "{:?}", heard());
    };
    let held = |name: &[u8]| first(bench, &Claim { key: key(name), ..claim(ANN) }).fence;
    let ends = |name: &[u8], action| {
        let settled = KeySettle { key: key(name), ..end(held(name), action) };
        assert_eq!(settle_all(bench, vec![settled.clone()], Absent::Refuse), APPLIED);
        settled.fence
    };
    let store = bench.store();
    let fence = ends(b"k", commit(b"r"));
    let other = Some(Fence { sequence: 9, ..fence });
    let changed = block_on(store.forget(&key(b"k"), other, KEEP_MS)).expect("an answer");
    assert_eq!(changed, Forgotten::Changed(fence));
    ends(b"f", commit(b"r"));
    assert_eq!(block_on(store.forget(&key(b"f"), None, KEEP_MS)).expect("an answer"), Forgotten::Done);
    hears(b"f");
    let fence = ends(b"r", die());
    assert_eq!(block_on(store.requeue(&key(b"r"), fence, KEEP_MS)).expect("an answer"), Requeued::Done);
    hears(b"r");
    held(b"c");
    assert_eq!(block_on(store.commit_for(&key(b"c"), None, WINDOW_MS)).expect("an answer"), Marked::Done);
    hears(b"c");
    drop(cache);
}
