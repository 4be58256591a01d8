//! What the gate adds to a store: the cache, claims under way in one process, and the verdict.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use common::{Fault, bench, bench_with, duplicate};
use futures_util::future::{FutureExt as _, join_all};
use oncegate_dedup::store::{SettleOutcome, Store as _};
use oncegate_dedup::{
    Death, Deferral, DuplicateBy, Fingerprint, Gate, HandlerEnd, Key, L1Limits, Origin, Refusal, SeenError,
    Sighting, Verdict,
};

#[tokio::test]
async fn the_cache_knows_committed_keys_and_no_others() {
    // Row 13: neither an absent nor a claimed nor a released key is remembered.
    let bench = bench();
    let mut first = bench.attempt();
    assert_eq!(first.seen(b"k").await, Ok(Sighting::New));
    assert!(matches!(bench.settle(first, HandlerEnd::Failed("x".into())).await, Verdict::Fail(_)));
    bench.commit(b"k").await;
    assert_eq!(bench.store.claims(), 2, "the released key was asked for again");

    let mut later = bench.attempt();
    assert_eq!(later.seen(b"k").await, duplicate());
    assert_eq!(later.duplicate_by(), Some(DuplicateBy::L1));
    assert_eq!(bench.store.claims(), 2, "the committed key was not");
}

#[tokio::test]
async fn an_attempt_tells_what_its_keys_were_and_what_it_staged() {
    let bench = bench();
    bench.commit(b"old").await;
    let mut attempt = bench.attempt();
    attempt.seen(b"new").await.unwrap();
    attempt.seen(b"old").await.unwrap();
    attempt.seen(b"left").await.unwrap();
    attempt.commit(b"new", Some(b"r".to_vec())).unwrap();
    // Asked again it is a duplicate of itself; what it was told first stays.
    assert_eq!(attempt.seen(b"new").await, Ok(Sighting::Duplicate(Some(b"r".to_vec()))));
    let asked: Vec<_> = attempt.asked().map(|asked| (asked.key.clone(), asked.told, asked.commit)).collect();
    let new = (bench.key(b"new"), Ok(Sighting::New), Some(Some(&b"r"[..])));
    let left = (bench.key(b"left"), Ok(Sighting::New), None);
    assert_eq!(asked, [new, (bench.key(b"old"), duplicate(), None), left]);
}

#[tokio::test]
async fn the_cache_never_outlives_the_window_and_reading_does_not_prolong_it() {
    // Row 14.
    let bench = bench_with(|policy| policy.window_ms = 100_000, L1Limits::default());
    bench.commit(b"k").await;
    for _ in 0..3 {
        bench.advance(33_333);
        assert_eq!(bench.attempt().seen(b"k").await, duplicate());
    }
    assert_eq!(bench.store.claims(), 1);
    bench.advance(1);
    assert_eq!(bench.attempt().seen(b"k").await, Ok(Sighting::New));
}

#[tokio::test]
async fn the_cache_believes_what_the_store_said_is_left_and_no_longer_than_its_bound() {
    let staleness_ms = 10_000;
    let bench =
        bench_with(|policy| policy.window_ms = 100_000, L1Limits { staleness_ms, ..L1Limits::default() });
    bench.commit(b"k").await;
    bench.advance(staleness_ms - 1);
    assert_eq!(bench.attempt().seen(b"k").await, duplicate());
    assert_eq!(bench.store.claims(), 1);
    // Beyond the bound the store is asked, and believed anew.
    bench.advance(1);
    let mut attempt = bench.attempt();
    assert_eq!(attempt.seen(b"k").await, duplicate());
    assert_eq!((attempt.duplicate_by(), bench.store.claims()), (Some(DuplicateBy::Store), 2));
    // Of the window 5 s are left: the cache may not add its bound to that.
    bench.advance(85_000);
    assert_eq!(bench.attempt().seen(b"k").await, duplicate());
    bench.advance(5_000);
    assert_eq!(bench.attempt().seen(b"k").await, Ok(Sighting::New));
}

#[tokio::test]
async fn a_cached_key_with_another_payload_is_a_mismatch() {
    // Row 16.
    let bench = bench();
    let mut first = bench.printed(b"payload");
    assert_eq!(first.seen(b"k").await, Ok(Sighting::New));
    first.commit(b"k", None).unwrap();
    bench.settle(first, HandlerEnd::Ok).await;
    let mut other = bench.printed(b"another");
    assert_eq!(other.seen(b"k").await, Err(Refusal::Mismatch.into()));
    assert_eq!(bench.store.claims(), 1, "the cache answered");
    let Verdict::Die(Death::Mismatch { key, stored, found }) = other.verdict(&HandlerEnd::Ok, 0) else {
        panic!("{:?}", other.verdict(&HandlerEnd::Ok, 0));
    };
    assert_eq!(key, "k");
    assert_eq!((stored, found), (Fingerprint::of(b"payload"), Some(Fingerprint::of(b"another"))));
    assert_eq!(bench.printed(b"payload").seen(b"k").await, Ok(Sighting::Duplicate(None)));
}

#[tokio::test]
async fn claims_of_one_process_cost_one_call_and_wait_for_the_durable_commit() {
    let bench = bench();
    let mut leader = bench.attempt();
    assert_eq!(leader.seen(b"k").await, Ok(Sighting::New));
    leader.commit(b"k", Some(b"r".to_vec())).unwrap();
    let waiting = (0..50).map(|_| async {
        let mut attempt = bench.attempt();
        let answer = attempt.seen(b"k").await;
        (answer, attempt.duplicate_by())
    });
    let mut waiting = Box::pin(join_all(waiting));
    // Staged, even sent to the store, is not durable: nobody may be told yet.
    let turn = bench.store.settle_gate.acquire().await.unwrap();
    let verdict = leader.verdict(&HandlerEnd::Ok, 0);
    let mut settle = Box::pin(bench.gate.settle(leader.end(&verdict)));
    assert!((&mut settle).now_or_never().is_none());
    assert!((&mut waiting).now_or_never().is_none());
    drop(turn);
    assert_eq!(settle.await, SettleOutcome::Applied { late: 0 });
    for answer in waiting.await {
        assert_eq!(answer, (duplicate(), Some(DuplicateBy::Waiting)));
    }
    assert_eq!(bench.store.claims(), 1);
}

#[tokio::test]
async fn when_the_holder_fails_one_of_those_who_wait_takes_over() {
    let bench = bench();
    let mut leader = bench.attempt();
    leader.seen(b"k").await.unwrap();
    let waiting = (0..3).map(|_| async {
        let mut attempt = bench.attempt();
        let answer = attempt.seen(b"k").await;
        if answer == Ok(Sighting::New) {
            attempt.commit(b"k", Some(b"r".to_vec())).unwrap();
            bench.settle(attempt, HandlerEnd::Ok).await;
        }
        answer
    });
    let mut waiting = Box::pin(join_all(waiting));
    assert!((&mut waiting).now_or_never().is_none());
    bench.settle(leader, HandlerEnd::Failed("x".into())).await;
    let answers = waiting.await;
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(Sighting::New)).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == duplicate()).count(), 2);
    assert_eq!(bench.store.claims(), 2);
}

#[tokio::test]
async fn who_holds_a_claim_does_not_wait_for_another() {
    // Rule 16: k1, k2 against k2, k1 would wait for each other until the time is up.
    let bench = bench_with(|policy| policy.in_flight_wait_ms = 3_600_000, L1Limits::default());
    let (mut a, mut b) = (bench.attempt(), bench.attempt());
    assert_eq!(a.seen(b"k1").await, Ok(Sighting::New));
    assert_eq!(b.seen(b"k2").await, Ok(Sighting::New));
    let answer = tokio::time::timeout(Duration::from_secs(5), a.seen(b"k2")).await.expect("it waits");
    assert!(matches!(answer, Ok(Sighting::InFlight(_))));
    assert!(matches!(bench.settle(a, HandlerEnd::Ok).await, Verdict::Defer(Deferral::InFlight(_))));
    // The other one goes on with both.
    assert_eq!(b.seen(b"k1").await, Ok(Sighting::New));
}

#[tokio::test]
async fn a_wait_is_bounded() {
    let bench = bench_with(|policy| policy.in_flight_wait_ms = 0, L1Limits::default());
    let mut a = bench.attempt();
    a.seen(b"k").await.unwrap();
    assert!(matches!(bench.attempt().seen(b"k").await, Ok(Sighting::InFlight(_))));
}

#[tokio::test]
async fn after_in_flight_the_end_is_a_deferral_however_the_handler_ended() {
    // Rule 7, row 29.
    let ends = [
        HandlerEnd::Ok,
        HandlerEnd::Failed("trap".into()),
        HandlerEnd::Rejected("no".into()),
        HandlerEnd::Aborted,
    ];
    for end in ends {
        let bench = bench_with(|policy| policy.in_flight_wait_ms = 0, L1Limits::default());
        let mut holder = bench.attempt();
        holder.seen(b"k1").await.unwrap();
        let mut attempt = bench.attempt();
        attempt.seen(b"k2").await.unwrap();
        attempt.commit(b"k2", None).unwrap();
        attempt.seen(b"k1").await.unwrap();
        assert!(matches!(bench.settle(attempt, end).await, Verdict::Defer(Deferral::InFlight(_))));
        // k2 was not committed, and no attempt of it is used up.
        let mut again = bench.attempt();
        assert_eq!(again.seen(b"k2").await, Ok(Sighting::New));
        bench.settle(again, HandlerEnd::Failed("x".into())).await;
        let entry = bench.store.inner.get(&Key::new(&bench.gate.policy().namespace, b"k2")).await;
        assert_eq!(entry.unwrap().unwrap().record.unwrap().attempts, 1);
    }
}

#[tokio::test]
async fn a_claim_whose_reply_was_lost_is_found_and_released() {
    // Row 10, and rule 6: it would hold its key for a whole lease, and count as a host's death then.
    let bench = bench();
    bench.store.go_wrong(Fault::ReplyLost);
    let mut attempt = bench.attempt();
    assert!(matches!(attempt.seen(b"k").await, Err(SeenError::Refused(Refusal::Unavailable(_)))));
    bench.store.go_wrong(Fault::None);
    assert!(matches!(bench.settle(attempt, HandlerEnd::Ok).await, Verdict::Defer(Deferral::Unavailable(_))));
    bench.commit(b"k").await;
    let entry = bench.store.inner.get(&Key::new(&bench.gate.policy().namespace, b"k")).await;
    let record = entry.unwrap().unwrap().record.unwrap();
    assert_eq!((record.attempts, record.host_deaths), (1, 0));
}

#[tokio::test]
async fn an_outage_uses_up_no_attempt() {
    // Row 28.
    let bench = bench_with(|policy| policy.max_attempts = 1, L1Limits::default());
    bench.store.go_wrong(Fault::NotReached);
    for _ in 0..10 {
        let mut attempt = bench.attempt();
        assert!(attempt.seen(b"k").await.is_err());
        let verdict = attempt.verdict(&HandlerEnd::Failed("store unavailable".into()), 0);
        assert!(matches!(verdict, Verdict::Defer(Deferral::Unavailable(_))));
        bench.gate.settle(attempt.end(&verdict)).await;
    }
    bench.store.go_wrong(Fault::None);
    bench.commit(b"k").await;
}

#[tokio::test]
async fn a_handler_that_ran_out_of_the_time_that_the_store_took_has_failed_at_nothing() {
    // Rule 6, row 28.
    let out_of_time = || HandlerEnd::OutOfTime("still running after 30s".into());
    for (takes_ms, at_fault) in [(14_999, true), (15_000, false)] {
        let bench = bench_with(|policy| policy.max_attempts = 1, L1Limits::default());
        bench.store.claim_takes_ms.store(takes_ms, SeqCst);
        let mut attempt = bench.attempt();
        assert_eq!(attempt.seen(b"k").await, Ok(Sighting::New));
        let verdict = bench.settle(attempt, out_of_time()).await;
        assert_eq!(matches!(verdict, Verdict::Die(Death::AttemptsUsedUp { .. })), at_fault, "{verdict:?}");
        assert_eq!(matches!(verdict, Verdict::Defer(Deferral::Unavailable(_))), !at_fault, "{verdict:?}");
    }
}

#[tokio::test]
async fn a_handler_stopped_while_it_waits_for_the_store_is_put_off_and_leaves_no_claim() {
    let bench = bench();
    bench.store.go_wrong(Fault::Hangs);
    let mut attempt = bench.attempt();
    let waited = tokio::time::timeout(Duration::from_millis(10), attempt.seen(b"k")).await;
    assert!(waited.is_err());
    bench.store.go_wrong(Fault::None);
    let verdict = attempt.verdict(&HandlerEnd::Failed("still running after 5 s".into()), 0);
    assert!(matches!(verdict, Verdict::Defer(Deferral::Unavailable(_))), "{verdict:?}");
    bench.gate.settle(attempt.end(&verdict)).await;
    bench.commit(b"k").await;
}

#[tokio::test]
async fn an_attempt_acts_until_its_first_claim_s_lease_less_the_margin() {
    // Rule 3: from the first send, not from the answer, and not from a later key.
    let bench = bench();
    let mut attempt = bench.attempt();
    assert_eq!(attempt.acts_until_ms(), None);
    attempt.seen(b"k1").await.unwrap();
    bench.advance(10_000);
    attempt.seen(b"k2").await.unwrap();
    assert_eq!(attempt.acts_until_ms(), Some(1_000_000 + 55_000));
    let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
    assert_eq!(attempt.end(&verdict).acts_until_ms(), Some(1_055_000));
}

#[tokio::test]
async fn attempts_are_counted_by_key_across_deliveries_and_end_in_death() {
    // Row 31.
    let bench = bench_with(|policy| policy.max_attempts = 3, L1Limits::default());
    for expected in 1..=3 {
        let mut attempt = bench.attempt();
        assert_eq!(attempt.seen(b"k").await, Ok(Sighting::New));
        let verdict = bench.settle(attempt, HandlerEnd::Failed("boom".into())).await;
        match expected {
            3 => {
                assert_eq!(verdict, Verdict::Die(Death::AttemptsUsedUp { attempts: 3, last: "boom".into() }))
            }
            _ => assert_eq!(verdict, Verdict::Fail("boom".into())),
        }
    }
    let same = bench.gate.attempt(Origin::of("s", "m"), None);
    let other = bench.gate.attempt(Origin::of("s", "other"), None);
    for (mut attempt, died_before) in [(same, true), (other, false)] {
        assert!(matches!(attempt.seen(b"k").await, Err(SeenError::Refused(Refusal::Dead(_)))));
        let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
        assert_eq!(matches!(verdict, Verdict::DiedBefore(_)), died_before, "{verdict:?}");
    }
    // A handler that fails before it names a key is counted by the delivery.
    let attempt = bench.attempt();
    assert_eq!(attempt.verdict(&HandlerEnd::Failed("x".into()), 1), Verdict::Fail("x".into()));
    assert!(matches!(attempt.verdict(&HandlerEnd::Failed("x".into()), 2), Verdict::Die(_)));
}

#[tokio::test]
async fn dead_hosts_use_up_no_attempt_and_in_the_end_the_delivery_runs_alone() {
    // Rule 6.
    let bench = bench_with(
        |policy| {
            policy.max_attempts = 1;
            policy.host_deaths = 2;
        },
        L1Limits::default(),
    );
    let lapse = || bench.advance(bench.gate.policy().lease_ms);
    for _ in 0..3 {
        let mut attempt = bench.attempt();
        assert_eq!(attempt.seen(b"k").await, Ok(Sighting::New));
        drop(attempt);
        lapse();
    }
    let mut suspect = bench.attempt();
    assert_eq!(suspect.seen(b"k").await, Err(SeenError::Aborted));
    assert_eq!(bench.settle(suspect, HandlerEnd::Aborted).await, Verdict::Defer(Deferral::Suspect(3)));
    // Alone it may run, and if it works then, nothing is held against it.
    let mut alone = bench.attempt().alone();
    assert_eq!(alone.seen(b"k").await, Ok(Sighting::New));
    drop(alone);
    lapse();
    // It ran alone, and its host died: it is not run again.
    let mut after = bench.attempt().alone();
    assert_eq!(after.seen(b"k").await, Err(SeenError::Aborted));
    let verdict = bench.settle(after, HandlerEnd::Aborted).await;
    assert_eq!(verdict, Verdict::Die(Death::HostDied { host_deaths: 4 }));
    assert!(matches!(bench.attempt().seen(b"k").await, Err(SeenError::Refused(Refusal::Dead(_)))));
}

#[tokio::test]
async fn asked_again_an_attempt_is_told_the_same_until_its_commit_is_staged() {
    let bench = bench();
    let mut attempt = bench.attempt();
    assert_eq!(attempt.commit(b"k", None), Err(Refusal::NotClaimed));
    assert_eq!(attempt.seen(b"k").await, Ok(Sighting::New));
    assert_eq!(attempt.seen(b"k").await, Ok(Sighting::New));
    attempt.commit(b"k", Some(b"first".to_vec())).unwrap();
    attempt.commit(b"k", Some(b"second".to_vec())).unwrap();
    assert_eq!(attempt.seen(b"k").await, Ok(Sighting::Duplicate(Some(b"first".to_vec()))));
    assert_eq!(bench.store.claims(), 1);
    bench.settle(attempt, HandlerEnd::Ok).await;
    let mut later = bench.attempt();
    assert_eq!(later.seen(b"k").await, Ok(Sighting::Duplicate(Some(b"first".to_vec()))));
    assert_eq!(later.commit(b"k", None), Err(Refusal::NotClaimed));
}

#[tokio::test]
async fn the_key_most_recently_answered_new_may_be_one_that_was_asked_again() {
    let bench = bench();
    let mut attempt = bench.attempt();
    for (key, last) in [(b"k1", 0), (b"k2", 1), (b"k1", 0), (b"k2", 1), (b"k1", 0)] {
        assert_eq!(attempt.seen(key).await, Ok(Sighting::New));
        assert_eq!(attempt.last_new(), Some(last));
    }
    // Answered `duplicate`, it is none of those.
    attempt.commit(b"k2", None).unwrap();
    assert_eq!(attempt.seen(b"k2").await, Ok(Sighting::Duplicate(None)));
    assert_eq!(attempt.last_new(), Some(0));
}

#[tokio::test]
async fn a_second_run_of_an_attempt_finds_its_claims_and_nothing_that_was_staged() {
    // Rule 1: the same invocation, the same id, the same lease timer.
    let bench = bench();
    let mut attempt = bench.attempt();
    let id = attempt.id();
    attempt.seen(b"k1").await.unwrap();
    let acts_until_ms = attempt.acts_until_ms();
    bench.advance(10_000);
    attempt.seen(b"k2").await.unwrap();
    attempt.commit(b"k1", Some(b"of the first run".to_vec())).unwrap();
    attempt.commit(b"k2", None).unwrap();
    bench.store.go_wrong(Fault::NotReached);
    attempt.begin_again();
    assert_eq!((attempt.id(), attempt.acts_until_ms()), (id, acts_until_ms));
    assert_eq!((attempt.staged(), attempt.last_new()), (0, None));
    assert_eq!(attempt.seen(b"k1").await, Ok(Sighting::New), "without asking the store");
    assert_eq!((attempt.last_new(), bench.store.claims()), (Some(0), 2));
    attempt.commit(b"k1", Some(b"of the second".to_vec())).unwrap();
    bench.store.go_wrong(Fault::None);
    // k2 was claimed by the first run alone: it is free again, and nobody failed on it.
    assert_eq!(bench.settle(attempt, HandlerEnd::Ok).await, Verdict::Apply);
    let mut later = bench.attempt();
    assert_eq!(later.seen(b"k1").await, Ok(Sighting::Duplicate(Some(b"of the second".to_vec()))));
    assert_eq!(later.seen(b"k2").await, Ok(Sighting::New));
    assert_eq!(bench.record(b"k2").await.unwrap().attempts, 1, "this one's");
}

#[tokio::test]
async fn a_second_run_is_told_of_other_keys_what_the_first_was_told() {
    let bench = bench_with(|policy| policy.in_flight_wait_ms = 0, L1Limits::default());
    let mut holder = bench.attempt();
    holder.seen(b"held").await.unwrap();
    bench.commit(b"done").await;
    let mut attempt = bench.attempt();
    let mut told = Vec::new();
    for _ in 0..2 {
        told.push([attempt.seen(b"held").await, attempt.seen(b"done").await]);
        attempt.begin_again();
        // What becomes of them meanwhile changes nothing: the handler was promised the same answer.
        bench.settle(std::mem::replace(&mut holder, bench.attempt()), HandlerEnd::Ok).await;
    }
    assert!(matches!(told[0], [Ok(Sighting::InFlight(_)), Ok(Sighting::Duplicate(_))]), "{told:?}");
    assert_eq!(told[0], told[1]);
    // Rule 7 holds over both runs, also if the second does not ask.
    assert!(matches!(attempt.verdict(&HandlerEnd::Ok, 0), Verdict::Defer(Deferral::InFlight(_))));
}

#[tokio::test]
async fn what_a_first_run_named_too_many_of_is_not_held_against_the_second() {
    let bench = bench_with(|policy| policy.keys_per_delivery = 2, L1Limits::default());
    let mut attempt = bench.attempt();
    for key in [b"k1", b"k2"] {
        attempt.seen(key).await.unwrap();
    }
    assert_eq!(attempt.seen(b"k3").await, Err(Refusal::TooManyKeys(2).into()));
    attempt.begin_again();
    assert_eq!(attempt.seen(b"k2").await, Ok(Sighting::New));
    assert_eq!(attempt.verdict(&HandlerEnd::Ok, 0), Verdict::Apply);
    // Both runs together hold no more claims than one may.
    assert_eq!(attempt.seen(b"k3").await, Err(Refusal::TooManyKeys(2).into()));
    assert_eq!(attempt.verdict(&HandlerEnd::Ok, 0), Verdict::Fail("more than 2 keys in one delivery".into()));
}

#[tokio::test]
async fn limits_refuse_the_call_and_too_many_keys_count_as_a_failure() {
    let bench = bench_with(
        |policy| {
            policy.keys_per_delivery = 2;
            policy.key_bytes = 4;
            policy.receipt_bytes = 3;
        },
        L1Limits::default(),
    );
    let mut attempt = bench.attempt();
    assert!(matches!(attempt.seen(b"").await, Err(SeenError::Refused(Refusal::InvalidKey(_)))));
    assert!(matches!(attempt.seen(b"12345").await, Err(SeenError::Refused(Refusal::InvalidKey(_)))));
    attempt.seen(b"1234").await.unwrap();
    attempt.seen(b"k2").await.unwrap();
    assert_eq!(attempt.commit(b"k2", Some(vec![0; 4])), Err(Refusal::ReceiptTooLarge(3)));
    attempt.commit(b"k2", Some(vec![0; 3])).unwrap();
    assert_eq!(attempt.verdict(&HandlerEnd::Ok, 0), Verdict::Apply);
    assert_eq!(attempt.seen(b"k3").await, Err(Refusal::TooManyKeys(2).into()));
    assert_eq!(attempt.verdict(&HandlerEnd::Ok, 0), Verdict::Fail("more than 2 keys in one delivery".into()));
}

#[tokio::test]
async fn a_key_claimed_and_not_committed_is_free_again_and_used_up_no_attempt() {
    let bench = bench();
    for _ in 0..10 {
        let mut attempt = bench.attempt();
        assert_eq!(attempt.seen(b"k").await, Ok(Sighting::New));
        assert_eq!(bench.settle(attempt, HandlerEnd::Ok).await, Verdict::Apply);
    }
    bench.commit(b"k").await;
}

#[tokio::test]
async fn a_refused_commit_is_not_cached() {
    // Rule 18: only what the store has confirmed is remembered.
    let bench = bench_with(|policy| policy.in_flight_wait_ms = 0, L1Limits::default());
    let mut stale = bench.attempt();
    stale.seen(b"k").await.unwrap();
    stale.commit(b"k", None).unwrap();
    bench.advance(bench.gate.policy().lease_ms);
    let policy = bench.gate.policy().clone();
    let other = Gate::new(policy, L1Limits::default(), bench.store.clone(), bench.clock.clone()).unwrap();
    let mut successor = other.attempt(Origin::of("s", "m"), None);
    assert_eq!(successor.seen(b"k").await, Ok(Sighting::New));
    let verdict = stale.verdict(&HandlerEnd::Ok, 0);
    let outcome = bench.gate.settle(stale.end(&verdict)).await;
    assert_eq!(outcome, SettleOutcome::Lost { key: 0 });
    assert!(matches!(bench.attempt().seen(b"k").await, Ok(Sighting::InFlight(_))));
}

#[tokio::test]
async fn a_delivery_whose_host_died_while_it_ran_alone_is_given_up_although_it_names_no_key() {
    // Rule 6: a broker's count of deliveries only makes a suspect; the claim of the delivery itself convicts it.
    let bench = bench();
    let gate = &bench.gate;
    let again = || gate.attempt(Origin::of("s", "m"), None).alone();
    let mut healthy = again();
    assert!(healthy.claim_delivery().await);
    assert_eq!(healthy.first_claim(), None);
    let verdict = healthy.verdict(&HandlerEnd::Ok, 0);
    assert_eq!(verdict, Verdict::Apply);
    gate.settle(healthy.end(&verdict)).await;

    // This one's host dies.
    let mut died = again();
    assert!(died.claim_delivery().await);
    drop(died);
    bench.advance(gate.policy().lease_ms);
    let mut next = again();
    assert!(!next.claim_delivery().await);
    let verdict = next.verdict(&HandlerEnd::Aborted, 0);
    assert_eq!(verdict, Verdict::Die(Death::HostDied { host_deaths: 1 }));
    gate.settle(next.end(&verdict)).await;
    // Delivered once more it is acknowledged: its dead letter is written. Another delivery is another matter.
    let mut once_more = again();
    assert!(!once_more.claim_delivery().await);
    assert!(matches!(once_more.verdict(&HandlerEnd::Aborted, 0), Verdict::DiedBefore(_)));
    assert!(gate.attempt(Origin::of("s", "other"), None).alone().claim_delivery().await);
}
