//! What is wrong with deliveries that are made up.

use oncegate_dedup::{HandlerEnd, Sighting};
use oncegate_sandbox::{Logs, StagedOutput};

use super::*;
use crate::rehearsal::call::{AskedKey, Emitted};
use crate::rehearsal::crash::Crash;

/// A call that returned `ok`, was told this of its keys, committed those that were new, and emitted so much for each.
fn call(keys: &[(&str, Sighting)], payloads: &[&str]) -> Call {
    let asked = |(name, told): &(&str, Sighting)| AskedKey {
        name: (*name).to_owned(),
        told: Ok(told.clone()),
        commit: (*told == Sighting::New).then(|| Some(b"receipt".to_vec())),
    };
    let new =
        keys.iter().filter(|(_, told)| *told == Sighting::New).map(|(name, _)| Some((*name).to_owned()));
    let under: Vec<Option<String>> = if keys.is_empty() { vec![None] } else { new.collect() };
    let outputs = under.iter().flat_map(|under| {
        payloads.iter().map(|payload| Emitted {
            under: under.clone(),
            output: StagedOutput {
                topic: "t".to_owned(),
                key: None,
                headers: Vec::new(),
                payload: payload.as_bytes().to_vec(),
                under: None,
                index: 0,
            },
        })
    });
    Call {
        attempt: 1,
        end: HandlerEnd::Ok,
        keys: keys.iter().map(asked).collect(),
        outputs: outputs.collect(),
        refused_topic: None,
        key_is_id: false,
        logs: Logs::default(),
    }
}

fn new(key: &str) -> (&str, Sighting) {
    (key, Sighting::New)
}

fn known(key: &str) -> (&str, Sighting) {
    (key, Sighting::Duplicate(None))
}

fn crashed(call: Call) -> Delivery {
    Delivery { calls: vec![call], crash: Some(Crash::BeforeSettle), ..Delivery::default() }
}

fn ended(call: Call, end: End) -> Delivery {
    Delivery { calls: vec![call], end: Some(end), ..Delivery::default() }
}

fn applied(call: Call) -> Delivery {
    let commits =
        call.commits().map(|(key, receipt)| (key.to_owned(), receipt.map(<[u8]>::to_vec))).collect();
    let outputs = call.outputs.iter().map(|_| "{}".to_owned()).collect();
    Delivery { commits, outputs, ..ended(call, End::Applied) }
}

fn found(deliveries: &[Delivery]) -> Vec<(FaultKind, String)> {
    faults(deliveries, None, &|_| false).into_iter().map(|fault| (fault.kind, fault.what)).collect()
}

fn is(deliveries: &[Delivery], kind: FaultKind, words: &str) {
    let found = found(deliveries);
    let [(found_kind, what)] = found.as_slice() else { panic!("one fault: {found:?}") };
    assert_eq!(*found_kind, kind, "{what}");
    assert!(what.contains(words), "{words:?} in {what}");
}

#[test]
fn an_effect_that_happens_once_is_no_fault_wherever_the_host_crashed() {
    let effect = || call(&[new("k")], &["1"]);
    let duplicate = || ended(call(&[known("k")], &[]), End::DuplicateStore);
    assert!(found(&[crashed(effect()), applied(effect()), duplicate()]).is_empty());
    assert!(found(&[applied(effect()), duplicate()]).is_empty());
    assert!(found(&[ended(call(&[], &[]), End::NoEffect)]).is_empty());
    assert!(found(&[ended(call(&[new("k")], &[]), End::Rejected)]).is_empty());
}

#[test]
fn an_effect_in_two_deliveries_is_a_fault_and_the_reason_is_named() {
    let keyless = || applied(call(&[], &["1"]));
    is(&[keyless(), keyless()], FaultKind::Twice, "delivery 1 and again in delivery 2: no key covers it");
    is(&[keyless(), keyless(), keyless()], FaultKind::Twice, "and in 1 more");
    let other = [applied(call(&[new("a")], &["1"])), applied(call(&[new("b")], &["1"]))];
    is(&other, FaultKind::Twice, "committed the key a, delivery 2 the key b");
    let uncommitted = || {
        let mut call = call(&[new("k")], &["1"]);
        call.keys[0].commit = None;
        applied(call)
    };
    is(&[uncommitted(), uncommitted()], FaultKind::Twice, "its key k was claimed and never committed");
    let commits_alone = [applied(call(&[new("a")], &[])), applied(call(&[new("b")], &[]))];
    is(&commits_alone, FaultKind::Twice, "the key a");
    is(&[applied(call(&[new("k")], &["1"])), applied(call(&[new("k")], &["1"]))], FaultKind::Twice, DEFECT);
}

#[test]
fn an_effect_that_is_not_made_again_after_a_crash_is_missing() {
    let first = || crashed(call(&[new("k")], &["1"]));
    let idle = || ended(call(&[], &[]), End::NoEffect);
    let words = "the output to t and the commit of k of delivery 1 never happened";
    is(&[first(), idle()], FaultKind::Missing, words);
    // Another message of the same event has made it meanwhile.
    assert!(faults(&[first(), idle()], None, &|key| key == "k").is_empty());
    assert!(found(&[first(), ended(call(&[known("k")], &[]), End::DuplicateStore)]).is_empty());
    // What is given up is no secret.
    let given_up = ended(call(&[], &[]), End::AttemptsUsedUp);
    is(&[first(), given_up], FaultKind::Dead, "as often as it may");
}

#[test]
fn an_effect_that_is_another_one_after_a_crash_differs() {
    let differs = |one: Call, other: Call, words: &str| {
        is(&[crashed(one), applied(other)], FaultKind::Differs, words);
    };
    let one = |payload: &str| call(&[new("k")], &[payload]);
    differs(one("{\"at\":1}"), one("{\"at\":2}"), "key k, output 1: its payload at /at is 1, then 2");
    differs(one("1"), call(&[new("k")], &["1", "2"]), "key k, it emits 1 outputs, then 2");
    differs(one("1"), call(&[new("l")], &["1"]), "it names the key k, then l");
    differs(one("1"), call(&[new("k"), new("l")], &["1"]), "the key l has no effect, then one");
    differs(call(&[new("k"), new("l")], &["1"]), one("1"), "the key l has an effect, then none");
    let with = |change: &dyn Fn(&mut Call)| {
        let mut call = one("1");
        change(&mut call);
        call
    };
    differs(one("1"), with(&|call| call.outputs[0].output.topic = "u".into()), "its topic is t, then u");
    differs(one("1"), with(&|call| call.outputs[0].output.key = Some("x".into())), "its key is none, then x");
    differs(
        one("1"),
        with(&|call| call.outputs[0].output.headers = vec![("h".into(), vec![])]),
        "its headers",
    );
    differs(
        one("1"),
        with(&|call| call.keys[0].commit = Some(Some(b"r".to_vec()))),
        "its receipt is receipt, then r",
    );
    differs(one("1"), with(&|call| call.keys[0].commit = Some(None)), "a commit without a receipt");
    // The order of members says nothing.
    assert!(found(&[crashed(one("{\"a\":1,\"b\":2}")), applied(one("{\"b\":2, \"a\":1}"))]).is_empty());
    // Nor does a key that somebody else has committed in between.
    let both = crashed(call(&[new("k"), new("l")], &["1"]));
    assert!(found(&[both, applied(call(&[known("k"), new("l")], &["1"]))]).is_empty());
}

#[test]
fn a_message_that_is_given_up_is_a_fault_unless_the_handler_or_the_line_says_so() {
    let uncovered = || ended(call(&[], &["1"]), End::EffectWithoutCommit);
    is(&[uncovered()], FaultKind::Dead, "ask seen(key), emit if the key is new, and commit(key)");
    is(&[ended(call(&[], &[]), End::Mismatch)], FaultKind::Dead, "--fingerprint");
    is(&[ended(call(&[], &[]), End::Dead)], FaultKind::Dead, "given up");
    let expect = |end: &str| Expectation::new(serde_json::json!({ "end": end })).unwrap();
    assert!(faults(&[uncovered()], Some(&expect("effect-without-commit")), &|_| false).is_empty());
    assert!(faults(&[uncovered()], Some(&expect("dead-letter")), &|_| false).is_empty());
    let unmet = faults(&[uncovered()], Some(&expect("applied")), &|_| false);
    assert_eq!(unmet.len(), 1);
    assert_eq!(unmet[0].what, "it is expected to end as applied, and it ended as effect-without-commit");
}
