//! What an outage that is open lets through, and what a trial run withholds: nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use common::{Bench, Fault, bench_with, duplicate};
use futures_util::future::FutureExt as _;
use oncegate_dedup::store::{Claim, SettleOutcome, Store as _};
use oncegate_dedup::{
    Attempt, AttemptId, Death, Fingerprint, HandlerEnd, Key, L1Limits, Origin, Outage, Refusal, Shadowed,
    Sighting, State, Verdict,
};

const APPLIED: SettleOutcome = SettleOutcome::Applied { late: 0 };

fn open() -> Bench {
    bench_with(|policy| policy.outage = Outage::Open, L1Limits::default())
}

fn shadow() -> Bench {
    bench_with(|policy| policy.shadow = true, L1Limits::default())
}

/// Handles a key as a handler does, and says what becomes of the delivery.
async fn handle(bench: &Bench, mut attempt: Attempt, key: &[u8]) -> (Attempt, Verdict) {
    assert_eq!(attempt.seen(key).await, Ok(Sighting::New));
    attempt.commit(key, Some(b"r".to_vec())).unwrap();
    assert_eq!(attempt.seen(key).await, duplicate(), "as after every commit");
    assert!(attempt.is_staged(attempt.last_new().unwrap()));
    let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
    assert_eq!(bench.gate.policy(), attempt.gate().policy());
    (attempt, verdict)
}

async fn settle(bench: &Bench, attempt: Attempt, verdict: &Verdict) -> SettleOutcome {
    bench.gate.settle(attempt.end(verdict)).await
}

#[tokio::test]
async fn an_open_outage_handles_and_counts_what_it_cannot_guard() {
    let bench = open();
    bench.store.go_wrong(Fault::NotReached);
    for _ in 0..2 {
        let (attempt, verdict) = handle(&bench, bench.attempt(), b"k").await;
        assert_eq!((&verdict, attempt.unguarded()), (&Verdict::Apply, 1));
        assert_eq!(attempt.first_claim(), None);
        assert_eq!(settle(&bench, attempt, &verdict).await, APPLIED, "its outputs go out");
    }
    // A failure is a failure: the broker's count is all there is.
    let mut attempt = bench.attempt();
    attempt.seen(b"k").await.unwrap();
    assert_eq!(attempt.verdict(&HandlerEnd::Failed("x".into()), 0), Verdict::Fail("x".into()));
    let attempts = bench.gate.policy().max_attempts;
    assert!(matches!(attempt.verdict(&HandlerEnd::Failed("x".into()), attempts), Verdict::Die(_)));
}

#[tokio::test]
async fn a_closed_outage_handles_nothing() {
    let bench = bench_with(|_| {}, L1Limits::default());
    bench.store.go_wrong(Fault::NotReached);
    let mut attempt = bench.attempt();
    assert!(attempt.seen(b"k").await.is_err());
    assert!(attempt.commit(b"k", None).is_err());
    assert!(matches!(attempt.verdict(&HandlerEnd::Ok, 0), Verdict::Defer(_)));
    assert_eq!(attempt.unguarded(), 0);
}

#[tokio::test]
async fn in_flight_is_put_off_in_an_open_outage_too() {
    // Rule 7: only what nothing is known of is let through.
    let bench = bench_with(
        |policy| {
            policy.outage = Outage::Open;
            policy.in_flight_wait_ms = 0;
        },
        L1Limits::default(),
    );
    let mut holder = bench.attempt();
    holder.seen(b"k").await.unwrap();
    let mut attempt = bench.attempt();
    assert!(matches!(attempt.seen(b"k").await, Ok(Sighting::InFlight(_))));
    assert!(matches!(attempt.verdict(&HandlerEnd::Ok, 0), Verdict::Defer(_)));
}

#[tokio::test]
async fn what_was_handled_unguarded_is_marked_when_the_store_answers_again() {
    let bench = open();
    // The claim was made, or it was not: both are marked, by the next settlement that is answered.
    for (fault, key) in [(Fault::NotReached, b"a"), (Fault::ReplyLost, b"b")] {
        bench.store.go_wrong(fault);
        let (attempt, verdict) = handle(&bench, bench.attempt(), key).await;
        assert_eq!(settle(&bench, attempt, &verdict).await, APPLIED);
    }
    bench.store.go_wrong(Fault::None);
    bench.commit(b"other").await;
    for key in [b"a", b"b"] {
        assert_eq!(bench.record(key).await.unwrap().state, State::Committed);
        assert_eq!(bench.attempt().seen(key).await, duplicate(), "with its receipt");
    }
}

#[tokio::test]
async fn what_failed_unguarded_is_released_and_never_marked() {
    let bench = open();
    for (end, key) in [(HandlerEnd::Failed("x".into()), b"a"), (HandlerEnd::Ok, b"b")] {
        bench.store.go_wrong(Fault::ReplyLost);
        let mut attempt = bench.attempt();
        assert_eq!(attempt.seen(key).await, Ok(Sighting::New));
        let verdict = attempt.verdict(&end, 0);
        assert_eq!(settle(&bench, attempt, &verdict).await, APPLIED);
        bench.store.go_wrong(Fault::None);
        bench.commit(b"other").await;
        bench.store.inner.forget(&bench.key(b"other"), None, 1).await.unwrap();
        assert_eq!(bench.record(key).await.unwrap().state, State::Released);
    }
}

#[tokio::test]
async fn what_was_put_off_unguarded_is_not_marked() {
    // It came too late to write its outputs: nothing of it has happened.
    let bench = open();
    bench.store.go_wrong(Fault::ReplyLost);
    let (attempt, verdict) = handle(&bench, bench.attempt(), b"k").await;
    let mut ending = attempt.end(&verdict);
    ending.defer(&bench.gate);
    bench.store.go_wrong(Fault::None);
    assert_eq!(bench.gate.settle(ending).await, APPLIED);
    assert_eq!(bench.record(b"k").await.unwrap().state, State::Released);
}

#[tokio::test]
async fn in_one_process_an_unguarded_key_is_handled_by_one_at_a_time() {
    let bench = bench_with(
        |policy| {
            policy.outage = Outage::Open;
            policy.in_flight_wait_ms = 0;
        },
        L1Limits::default(),
    );
    bench.store.go_wrong(Fault::NotReached);
    let (_held, _) = handle(&bench, bench.attempt(), b"k").await;
    assert!(matches!(bench.attempt().seen(b"k").await, Ok(Sighting::InFlight(_))));
    drop(_held);
    handle(&bench, bench.attempt(), b"k").await;
}

#[tokio::test]
async fn a_guarded_key_beside_an_unguarded_one_keeps_its_rules() {
    let bench = open();
    let mut attempt = bench.attempt();
    assert_eq!(attempt.seen(b"guarded").await, Ok(Sighting::New));
    bench.store.go_wrong(Fault::NotReached);
    assert_eq!(attempt.seen(b"unguarded").await, Ok(Sighting::New));
    attempt.commit(b"guarded", None).unwrap();
    attempt.commit(b"unguarded", None).unwrap();
    let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
    assert_eq!(verdict, Verdict::Apply);
    let mut endings = [attempt.end(&verdict)];
    assert_eq!(endings[0].settlement().keys.len(), 1);
    // Its fence cannot be checked: it is not acknowledged, and settled when the store answers.
    let outcomes = bench.gate.try_settle(&mut endings).await;
    assert!(matches!(outcomes[..], [SettleOutcome::Unavailable(_)]));
    bench.store.go_wrong(Fault::None);
    assert_eq!(bench.gate.try_settle(&mut endings).await, [APPLIED]);
    for key in [b"guarded".as_slice(), b"unguarded"] {
        assert_eq!(bench.record(key).await.unwrap().state, State::Committed);
    }
}

#[tokio::test]
async fn a_claim_of_the_delivery_itself_is_no_key_that_was_let_through() {
    let bench = open();
    bench.store.go_wrong(Fault::NotReached);
    let mut attempt = bench.attempt();
    assert!(attempt.claim_delivery().await);
    assert_eq!(attempt.unguarded(), 0);
    assert_eq!(attempt.seen(b"k").await, Ok(Sighting::New));
    assert_eq!(attempt.unguarded(), 1);

    let bench = shadow();
    bench.store.go_wrong(Fault::NotReached);
    let mut attempt = bench.attempt();
    assert!(attempt.claim_delivery().await);
    assert_eq!(attempt.shadow(), None);
}

/// A delivery of a trial run: acts, and is applied, whatever is known of its key.
async fn acts(bench: &Bench, attempt: Attempt, key: &[u8]) -> Option<Shadowed> {
    let (attempt, verdict) = handle(bench, attempt, key).await;
    assert_eq!(verdict, Verdict::Apply);
    assert_eq!(attempt.acts_until_ms(), None, "nor does a lease hold it back");
    let shadowed = attempt.shadow();
    let ending = attempt.end(&verdict);
    assert!(ending.is_shadow() && ending.settlement().keys.is_empty(), "nothing hangs on the store");
    assert_eq!(bench.gate.settle(ending).await, APPLIED);
    shadowed
}

#[tokio::test]
async fn a_trial_run_says_what_would_have_been_a_duplicate_and_withholds_nothing() {
    // Rule 30.
    let bench = shadow();
    assert_eq!(acts(&bench, bench.printed(b"one"), b"k").await, None);
    assert_eq!(acts(&bench, bench.printed(b"one"), b"k").await, Some(Shadowed::Duplicate));
    assert_eq!(acts(&bench, bench.printed(b"other"), b"k").await, Some(Shadowed::Mismatch));
    assert_eq!(bench.record(b"k").await.unwrap().fingerprint, Some(Fingerprint::of(b"one")));
}

#[tokio::test]
async fn a_trial_run_has_keys_of_its_own() {
    // Rule 30: what it commits must drop nothing once it is over.
    let bench = shadow();
    acts(&bench, bench.attempt(), b"k").await;
    assert_eq!(bench.key(b"k").namespace(), "n~shadow");
    let real = Key::new(&bench.gate.policy().namespace, b"k");
    assert_eq!(bench.store.inner.get(&real).await.unwrap(), None);
}

#[tokio::test]
async fn a_trial_run_neither_waits_nor_puts_off() {
    let bench = shadow();
    let mut holder = bench.attempt();
    holder.seen(b"k").await.unwrap();
    // In flight here, without a wait; and elsewhere.
    assert_eq!(acts(&bench, bench.attempt(), b"k").now_or_never(), Some(Some(Shadowed::InFlight)));
    let elsewhere = Claim {
        key: bench.key(b"l"),
        attempt: AttemptId::from_bytes([9; 16]),
        fingerprint: None,
        lease_ms: 60_000,
        keep_ms: 60_000,
        suspect_after: 20,
        alone: false,
    };
    bench.store.inner.claim(std::slice::from_ref(&elsewhere)).await;
    assert_eq!(acts(&bench, bench.attempt(), b"l").now_or_never(), Some(Some(Shadowed::InFlight)));
    bench.store.go_wrong(Fault::NotReached);
    assert_eq!(acts(&bench, bench.attempt(), b"m").await, Some(Shadowed::Unavailable));
}

#[tokio::test]
async fn a_trial_run_gives_up_no_delivery_on_account_of_its_key() {
    let bench = shadow();
    // Dead for another delivery, by its own failure.
    let mut failing = bench.gate.attempt(Origin::of("s", "other"), None);
    failing.seen(b"dead").await.unwrap();
    let verdict = failing.verdict(&HandlerEnd::Rejected("no".into()), 0);
    assert_eq!(verdict, Verdict::Die(Death::Rejected("no".into())), "what the handler says holds");
    settle(&bench, failing, &verdict).await;
    assert_eq!(acts(&bench, bench.attempt(), b"dead").await, Some(Shadowed::Dead));
    // Somebody else's bytes.
    bench.store.inner.plant(&bench.key(b"broken"), b"x".to_vec(), 60_000);
    assert_eq!(acts(&bench, bench.attempt(), b"broken").await, Some(Shadowed::Unreadable));
    bench.store.inner.plant(&bench.key(b"newer"), vec![2], 60_000);
    assert_eq!(acts(&bench, bench.attempt(), b"newer").await, Some(Shadowed::Unreadable));
    // Hosts that died, and attempts that others used up.
    for _ in 0..=bench.gate.policy().host_deaths + 1 {
        drop({
            let mut attempt = bench.attempt();
            attempt.seen(b"suspect").await.unwrap();
            attempt
        });
        bench.advance(bench.gate.policy().lease_ms);
    }
    assert_eq!(acts(&bench, bench.attempt(), b"suspect").await, Some(Shadowed::Suspect));
    for _ in 0..bench.gate.policy().max_attempts + 1 {
        let mut attempt = bench.attempt();
        attempt.seen(b"failing").await.unwrap();
        let verdict = attempt.verdict(&HandlerEnd::Failed("x".into()), 0);
        assert_eq!(verdict, Verdict::Fail("x".into()), "counted by the delivery alone");
        settle(&bench, attempt, &verdict).await;
    }
}

#[tokio::test]
async fn a_trial_run_settles_nothing_that_it_was_not_granted() {
    let bench = shadow();
    let mut holder = bench.attempt();
    holder.seen(b"k").await.unwrap();
    assert_eq!(acts(&bench, bench.attempt(), b"k").await, Some(Shadowed::InFlight));
    assert_eq!(bench.record(b"k").await.unwrap().state, State::Claimed);
    // And what the store refuses it does not withhold either: the holder's claim is gone by now.
    bench.store.inner.forget(&bench.key(b"k"), None, 60_000).await.unwrap();
    holder.commit(b"k", None).unwrap();
    let verdict = holder.verdict(&HandlerEnd::Ok, 0);
    assert_eq!(settle(&bench, holder, &verdict).await, APPLIED);
    assert_eq!(bench.record(b"k").await.unwrap().state, State::Released);
    assert_eq!(bench.attempt().commit(b"never seen", None), Err(Refusal::NotClaimed));
}
