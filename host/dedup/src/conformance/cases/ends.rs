//! What an end does to its keys.

use super::*;
use crate::store::Forgotten;

pub const ALL: &[(&str, Case)] = &[
    ("row 5, rule 10: a commit after a take-over is refused and applies nothing", commit_after_takeover),
    ("row 6, rule 11: a commit after the lease, but before a take-over, counts", commit_after_lease),
    (
        "rule 11: a commit after a release counts as late, one by an attempt of before, too",
        commit_after_release,
    ),
    ("rule 11: a commit whose record is gone is refused, or counts as late if outputs are out", absent),
    ("row 7: a release after a take-over releases nothing", release_after_takeover),
    ("row 11, rule 9: a commit that is repeated succeeds and changes nothing", commit_again),
    ("rule 9: one lost fence, and nothing of the delivery is applied", all_or_nothing),
    ("rule 9: in a batch no delivery affects another", batch_of_deliveries),
    ("rule 9: a delivery without keys can be settled any number of times", no_keys),
    ("rule 11: what an operator forgot, no attempt of before commits", forgotten),
    ("rule 11: nor when an attempt of after has given the key up", forgotten_then_released),
    ("forgetting names a fence, or takes whatever there is", forget_by_fence),
    ("rule 14: a dead key keeps its reason and its delivery, and only its holder kills it", dead),
    ("the first error is kept until the key ends", first_error),
];

fn commit_after_takeover(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    bench.advance(LEASE_MS);
    let ben = first(bench, &claim(BEN));
    assert_eq!(settle(bench, ann.fence, commit(b"late")), LOST);
    assert_eq!(ask(bench, &claim(BEN)), ClaimOutcome::Owned(ben), "his claim is untouched");
    assert_eq!(settle(bench, ben.fence, commit(b"ben")), APPLIED);
    assert_eq!(settle(bench, ann.fence, commit(b"late")), LOST);
    assert_eq!(committed(bench, &claim(CAT)).receipt, Some(b"ben".to_vec()));
}

fn commit_after_lease(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    bench.advance(LEASE_MS + KEEP_MS - MINUTE_MS);
    assert_eq!(settle(bench, ann.fence, commit(b"r")), APPLIED);
    assert_near(bench, committed(bench, &claim(BEN)).left_ms, WINDOW_MS);
}

fn commit_after_release(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    bench.advance(LEASE_MS);
    let ben = first(bench, &claim(BEN));
    assert_eq!(settle(bench, ben.fence, release(true)), APPLIED);
    assert_eq!(settle(bench, ann.fence, commit(b"ann")), LATE);
    assert_eq!(settle(bench, ann.fence, commit(b"ann")), APPLIED, "repeated, there is nothing left to do");
    assert_eq!(settle(bench, ben.fence, commit(b"ben")), LOST);
    let entry = look(bench, &key(b"k")).expect("a record");
    let record = entry.record.expect("a readable one");
    assert_eq!(record.receipt, Some(b"ann".to_vec()));
    assert!(record.fence.sequence > ben.fence.sequence, "a sequence only rises");
}

fn absent(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    bench.advance(LEASE_MS + KEEP_MS);
    for action in [commit(b"r"), die()] {
        assert_eq!(settle(bench, ann.fence, action), LOST);
    }
    assert_eq!(settle(bench, ann.fence, release(true)), APPLIED, "there is nothing to release");
    assert!(look(bench, &key(b"k")).is_none(), "and nothing was written");
    assert_eq!(settle_all(bench, vec![end(ann.fence, commit(b"r"))], Absent::Accept), LATE);
    assert_eq!(committed(bench, &claim(BEN)).receipt, Some(b"r".to_vec()));
    bench.advance(WINDOW_MS);
    assert_eq!(first(bench, &claim(BEN)).fence.sequence, 1, "the window is over");
}

fn release_after_takeover(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    bench.advance(LEASE_MS);
    let ben = first(bench, &claim(BEN));
    for failed in [true, false] {
        assert_eq!(settle(bench, ann.fence, release(failed)), LOST);
    }
    in_flight(bench, &claim(CAT));
    assert_eq!(ask(bench, &claim(BEN)), ClaimOutcome::Owned(ben), "nothing was taken back either");
}

fn commit_again(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    assert_eq!(settle(bench, ann.fence, commit(b"1")), APPLIED);
    bench.advance(MINUTE_MS);
    assert_eq!(settle(bench, ann.fence, commit(b"2")), APPLIED);
    let commit_found = committed(bench, &claim(BEN));
    assert_eq!(commit_found.receipt, Some(b"1".to_vec()), "the first receipt wins");
    assert_near(bench, commit_found.left_ms, WINDOW_MS - MINUTE_MS);
    for action in [release(true), release(false), die()] {
        assert_eq!(settle(bench, ann.fence, action), LOST, "what is committed stays so");
    }
}

fn two(bench: &dyn Bench, attempt: u8) -> Vec<KeySettle> {
    [b"k".as_slice(), b"l"]
        .into_iter()
        .map(|name| {
            let granted = first(bench, &Claim { key: key(name), ..claim(attempt) });
            KeySettle { key: key(name), ..end(granted.fence, commit(b"r")) }
        })
        .collect()
}

fn all_or_nothing(bench: &mut dyn Bench) {
    let ends = two(bench, ANN);
    bench.advance(LEASE_MS);
    let ben = first(bench, &Claim { key: key(b"l"), ..claim(BEN) });
    assert_eq!(settle_all(bench, ends.clone(), Absent::Refuse), SettleOutcome::Lost { key: 1 });
    let record = look(bench, &key(b"k")).expect("a record").record.expect("a readable one");
    assert_eq!(record.state, crate::State::Claimed, "the key that it does hold is not committed");
    // Also in the other order, where the lost one comes first.
    let reversed = ends.iter().rev().cloned().collect();
    assert_eq!(settle_all(bench, reversed, Absent::Accept), LOST);
    assert_eq!(ask(bench, &Claim { key: key(b"l"), ..claim(BEN) }), ClaimOutcome::Owned(ben));
}

fn batch_of_deliveries(bench: &mut dyn Bench) {
    let good = two(bench, ANN);
    let other = Claim { key: key(b"m"), ..claim(BEN) };
    let fence = first(bench, &other).fence;
    let lost = Fence { sequence: fence.sequence + 1, ..fence };
    let of = |fence| KeySettle { key: key(b"m"), ..end(fence, commit(b"m")) };
    let settlement = |keys| Settlement { keys, absent: Absent::Refuse };
    let batch =
        [settlement(vec![of(lost)]), settlement(good), settlement(vec![]), settlement(vec![of(fence)])];
    let outcomes = block_on(bench.store().settle(&batch));
    assert_eq!(outcomes, [LOST, APPLIED, APPLIED, APPLIED]);
    assert_eq!(
        block_on(bench.store().settle(&batch)),
        [LOST, APPLIED, APPLIED, APPLIED].map(|outcome| match outcome {
            // The attempt alone identifies a commit's repetition, and here it is the same one.
            LOST => APPLIED,
            other => other,
        })
    );
    committed(bench, &claim(CAT));
}

fn no_keys(bench: &mut dyn Bench) {
    for absent in [Absent::Refuse, Absent::Accept] {
        for _ in 0..2 {
            assert_eq!(settle_all(bench, vec![], absent), APPLIED);
        }
    }
}

fn forget(bench: &dyn Bench, fence: Option<Fence>) -> Forgotten {
    block_on(bench.store().forget(&key(b"k"), fence, KEEP_MS)).expect("the store answers")
}

fn forgotten(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    assert_eq!(forget(bench, None), Forgotten::Done);
    for action in [commit(b"r"), release(true), die()] {
        assert_eq!(settle(bench, ann.fence, action), LOST);
    }
    let record = look(bench, &key(b"k")).expect("a record is left").record.expect("a readable one");
    assert!(record.forgotten && record.fence.sequence > ann.fence.sequence, "{record:?}");
    let ben = first(bench, &claim(BEN));
    assert_eq!((ben.attempts, ben.host_deaths), (1, 0), "its past is forgotten, too");
    assert!(ben.fence.sequence > record.fence.sequence);
    assert_eq!(settle(bench, ben.fence, commit(b"r")), APPLIED);
    assert_eq!(forget(bench, None), Forgotten::Done);
    assert_eq!(settle(bench, ben.fence, commit(b"r")), LOST, "a commit that is repeated late, as well");
    first(bench, &claim(CAT));
}

fn forgotten_then_released(bench: &mut dyn Bench) {
    // Otherwise Ann's outputs and Ben's next ones would both go out: her fences would hold, and then he claims again.
    let ann = first(bench, &claim(ANN));
    assert_eq!(
        block_on(bench.store().forget(&key(b"k"), None, KEEP_MS)).expect("an answer"),
        Forgotten::Done
    );
    let ben = first(bench, &claim(BEN));
    assert_eq!(settle(bench, ben.fence, release(true)), APPLIED);
    assert_eq!(settle(bench, ann.fence, commit(b"ann")), LOST);
    // Through a host's death, too; and its end is the end of it.
    first(bench, &claim(BEN));
    bench.advance(LEASE_MS);
    let cat = first(bench, &claim(CAT));
    assert_eq!(settle(bench, cat.fence, release(false)), APPLIED);
    assert_eq!(settle(bench, ann.fence, die()), LOST);
    let ben = first(bench, &claim(BEN));
    assert_eq!(settle(bench, ben.fence, commit(b"ben")), APPLIED);
    let record = look(bench, &key(b"k")).expect("a record").record.expect("a readable one");
    assert!(!record.forgotten, "{record:?}");
}

fn forget_by_fence(bench: &mut dyn Bench) {
    assert_eq!(forget(bench, None), Forgotten::Absent);
    let ann = first(bench, &claim(ANN));
    let other = Fence { sequence: ann.fence.sequence + 1, ..ann.fence };
    assert_eq!(forget(bench, Some(other)), Forgotten::Changed(ann.fence));
    assert_eq!(ask(bench, &claim(ANN)), ClaimOutcome::Owned(ann), "it was left alone");
    assert_eq!(forget(bench, Some(ann.fence)), Forgotten::Done);
    bench.advance(KEEP_MS);
    assert_eq!(forget(bench, None), Forgotten::Absent);
}

fn dead(bench: &mut dyn Bench) {
    let ann = first(bench, &claim(ANN));
    bench.advance(LEASE_MS);
    let ben = first(bench, &claim(BEN));
    assert_eq!(settle(bench, ann.fence, die()), LOST, "a death is fenced like a commit");
    assert_eq!(settle(bench, ben.fence, die()), APPLIED);
    assert_eq!(settle(bench, ben.fence, die()), APPLIED, "and can be repeated");
    assert_eq!(settle(bench, ben.fence, commit(b"r")), LOST);
    let met = ask(bench, &Claim { fingerprint: Some(print(2)), ..claim(CAT) });
    assert_eq!(met, ClaimOutcome::Dead { reason: "hopeless".to_owned(), origin: Some(Origin::of("s", "1")) });
    bench.advance(WINDOW_MS);
    first(bench, &claim(CAT));
}

fn first_error(bench: &mut dyn Bench) {
    let error = |error: &str| Action::Release { failed: true, error: error.to_owned(), keep_ms: KEEP_MS };
    let text = |bench: &dyn Bench| look(bench, &key(b"k")).expect("a record").record.expect("readable").text;
    for (attempt, given) in [(1, ""), (2, "größer als 5"), (3, "later")] {
        let granted = first(bench, &claim(attempt));
        assert_eq!(settle(bench, granted.fence, error(given)), APPLIED);
    }
    assert_eq!(text(bench), "größer als 5");
    let granted = first(bench, &claim(4));
    assert_eq!(text(bench), "größer als 5", "a claim keeps it");
    assert_eq!(settle(bench, granted.fence, commit(b"r")), APPLIED);
    assert_eq!(text(bench), "");
}
