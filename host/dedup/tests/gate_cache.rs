//! When the gate's cache may answer, and what may be put into it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::sync::atomic::Ordering::SeqCst;

use common::{Fault, bench, duplicate};
use oncegate_dedup::store::{SettleOutcome, Store as _};
use oncegate_dedup::{DuplicateBy, HandlerEnd, Refusal, SeenError, Sighting, Verdict};

#[tokio::test]
async fn a_store_that_may_have_rolled_back_is_asked_again() {
    // Rule 18: the broker redelivers what Redis rolled back, and the cache must not acknowledge it.
    let bench = bench();
    bench.commit(b"k").await;
    assert_eq!(bench.attempt().seen(b"k").await, duplicate());
    assert_eq!(bench.store.claims(), 1);
    *bench.store.epoch.lock().unwrap() = Some(1);
    let mut attempt = bench.attempt();
    assert_eq!(attempt.seen(b"k").await, duplicate());
    assert_eq!((attempt.duplicate_by(), bench.store.claims()), (Some(DuplicateBy::Store), 2));
    // What was confirmed under the new one is believed again.
    assert_eq!(bench.attempt().seen(b"k").await, duplicate());
    assert_eq!(bench.store.claims(), 2);
}

#[tokio::test]
async fn without_a_channel_the_cache_neither_answers_nor_is_filled() {
    // Rule 18.
    let bench = bench();
    bench.commit(b"before").await;
    *bench.store.epoch.lock().unwrap() = None;
    bench.commit(b"k").await;
    let claims = bench.store.claims();
    for key in [b"before".as_slice(), b"k", b"k"] {
        assert_eq!(bench.attempt().seen(key).await, duplicate());
    }
    assert_eq!(bench.store.claims(), claims + 3);
    // An outage is one of the cache, too: it might have missed that the key was forgotten.
    bench.store.go_wrong(Fault::NotReached);
    let refused = bench.attempt().seen(b"before").await;
    assert!(matches!(refused, Err(SeenError::Refused(Refusal::Unavailable(_)))), "{refused:?}");
}

#[tokio::test]
async fn a_settle_that_was_sent_under_another_epoch_fills_nothing() {
    let bench = bench();
    let mut attempt = bench.attempt();
    attempt.seen(b"k").await.unwrap();
    attempt.commit(b"k", Some(b"r".to_vec())).unwrap();
    let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
    let mut endings = [attempt.end(&verdict)];
    assert_eq!(bench.gate.try_settle(&mut endings).await, [SettleOutcome::Applied { late: 0 }]);
    *bench.store.epoch.lock().unwrap() = Some(1);
    let [ending] = endings;
    bench.gate.confirm(ending, &SettleOutcome::Applied { late: 0 });
    let mut later = bench.attempt();
    assert_eq!(later.seen(b"k").await, duplicate());
    assert_eq!(later.duplicate_by(), Some(DuplicateBy::Store));
}

#[tokio::test]
async fn a_forgotten_key_is_gone_from_the_cache() {
    // Row 15.
    let bench = bench();
    bench.commit(b"k").await;
    bench.store.inner.forget(&bench.key(b"k"), None, 60_000).await.unwrap();
    assert_eq!(bench.attempt().seen(b"k").await, Ok(Sighting::New));
}

#[tokio::test]
async fn an_answer_under_way_does_not_bring_a_forgotten_key_back() {
    // Rule 19, by a claim's answer.
    let bench = bench();
    bench.commit(b"k").await;
    *bench.store.epoch.lock().unwrap() = Some(1);
    *bench.store.forget_behind.lock().unwrap() = Some(bench.key(b"k"));
    assert_eq!(bench.attempt().seen(b"k").await, duplicate(), "so it was when the store was asked");
    assert_eq!(bench.attempt().seen(b"k").await, Ok(Sighting::New));
}

#[tokio::test]
async fn a_settle_under_way_does_not_bring_a_forgotten_key_back() {
    // Rule 19, by a settlement's answer.
    let bench = bench();
    let mut attempt = bench.attempt();
    attempt.seen(b"k").await.unwrap();
    attempt.commit(b"k", None).unwrap();
    *bench.store.forget_behind.lock().unwrap() = Some(bench.key(b"k"));
    assert_eq!(bench.settle(attempt, HandlerEnd::Ok).await, Verdict::Apply);
    assert_eq!(bench.attempt().seen(b"k").await, Ok(Sighting::New));
}

#[tokio::test]
async fn what_too_few_replicas_have_is_neither_applied_nor_cached() {
    // Rules 18 and 23.
    let bench = bench();
    bench.store.replicas.store(1, SeqCst);
    let mut attempt = bench.attempt();
    attempt.seen(b"k").await.unwrap();
    attempt.commit(b"k", Some(b"r".to_vec())).unwrap();
    let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
    let outcome = bench.gate.settle(attempt.end(&verdict)).await;
    assert_eq!(outcome, SettleOutcome::Unavailable("too few".to_owned()));
    let mut later = bench.attempt();
    assert_eq!(later.seen(b"k").await, duplicate());
    assert_eq!(later.duplicate_by(), Some(DuplicateBy::Store));

    bench.store.replicas_are_there.store(true, SeqCst);
    bench.commit(b"l").await;
    let mut later = bench.attempt();
    assert_eq!(later.seen(b"l").await, duplicate());
    assert_eq!(later.duplicate_by(), Some(DuplicateBy::L1));
}

#[tokio::test]
async fn a_pipeline_that_says_nothing_of_replicas_fills_no_cache() {
    let bench = bench();
    bench.store.replicas.store(1, SeqCst);
    for (key, said) in [(b"a", false), (b"b", true)] {
        let mut attempt = bench.attempt();
        attempt.seen(key).await.unwrap();
        attempt.commit(key, Some(b"r".to_vec())).unwrap();
        let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
        let mut endings = [attempt.end(&verdict)];
        let outcome = bench.gate.try_settle(&mut endings).await.pop().unwrap();
        let [mut ending] = endings;
        if said {
            ending.is_replicated();
        }
        bench.gate.confirm(ending, &outcome);
        let mut later = bench.attempt();
        assert_eq!(later.seen(key).await, duplicate());
        assert_eq!(later.duplicate_by() == Some(DuplicateBy::L1), said);
    }
}
