//! The worked example: each payment is charged once.

use oncegate_tests::Bench;
use serde_json::{Value, json};

fn payment(number: usize) -> Value {
    json!({"payment_id": format!("p{number}"), "account": "a1", "amount_cents": 100 + number, "currency": "EUR"})
}

/// Payments of which every third delivery is a repetition: at once, a little later, or much later.
fn stream(deliveries: usize) -> (Vec<Value>, usize) {
    let (mut stream, mut distinct): (Vec<Value>, usize) = (Vec::new(), 0);
    for index in 0..deliveries {
        let repeated = match index % 9 {
            2 => stream.last().cloned(),
            5 => stream.get(index.saturating_sub(40)).cloned(),
            8 => stream.get(index / 7).cloned(),
            _ => None,
        };
        stream.push(repeated.unwrap_or_else(|| {
            distinct += 1;
            payment(distinct)
        }));
    }
    (stream, distinct)
}

fn charges_each_payment_once(store: &str, arguments: &[&str]) {
    let bench = Bench::default();
    let (stream, distinct) = stream(20_000);
    bench.messages(&stream);
    let run = || bench.run_on("payment", store).args(arguments);

    let ends = run().ok().ends();
    assert_eq!(ends.of("applied"), distinct as u64);
    assert_eq!(ends.duplicates(), (stream.len() - distinct) as u64);
    let output = bench.output();
    let mut charged: Vec<&str> =
        output.iter().map(|line| line.payload()["payment_id"].as_str().unwrap()).collect();
    charged.sort_unstable();
    charged.dedup();
    assert_eq!((output.len(), charged.len()), (distinct, distinct));
    assert!(bench.dead_letters().is_empty());

    if store.starts_with("file:") {
        assert_eq!(run().ok().ends().duplicates(), stream.len() as u64);
        assert_eq!(bench.output().len(), distinct, "the second run wrote something");
    }
}

#[test]
fn fresh_instances_charge_each_payment_once() {
    charges_each_payment_once("file:gate.db", &[]);
}

#[test]
fn reused_instances_charge_each_payment_once() {
    charges_each_payment_once("file:gate.db", &["--reuse"]);
}

#[test]
fn the_memory_store_charges_each_payment_once_per_run() {
    charges_each_payment_once("memory:", &["--reuse"]);
}

#[test]
fn a_charge_has_the_shape_of_a_message_and_the_same_id_in_every_run() {
    let first = Bench::default();
    first.messages(&[payment(1)]);
    first.run("payment").ok();
    let [charge] = &first.output()[..] else { panic!("{:?}", first.output()) };
    assert_eq!((charge.id(), charge.topic()), ("payment/k/p1/0", "charges"));
    assert_eq!(charge.0["key"], "p1");
    let expected = json!({"charge_id": charge.payload()["charge_id"], "payment_id": "p1", "account": "a1", "amount_cents": 101, "currency": "EUR"});
    assert_eq!(*charge.payload(), expected);

    let second = Bench::default();
    second.messages(&[payment(1)]);
    second.run("payment").ok();
    assert_eq!(first.output()[0].0, second.output()[0].0);
}

#[test]
fn what_is_no_payment_goes_to_the_dead_letters_with_the_reason() {
    let bench = Bench::default();
    bench.messages(&[
        json!({"payment_id": "p1"}),
        json!([1]),
        payment(2),
        json!({"payment_id": "", "account": "a"}),
    ]);
    let ended = bench.run("payment").ok();
    ended.ends().are(&[("applied", 1), ("rejected", 3)]);
    let dead = bench.dead_letters();
    assert_eq!(dead.iter().map(|line| line.id()).collect::<Vec<_>>(), ["m0", "m1", "m3"]);
    assert!(dead[0].reason().starts_with("rejected: "), "{}", dead[0].reason());
    assert_eq!(dead[0].payload()["payment_id"], "p1", "the dead letter is the message itself");

    // Dead letters alone are no failure, unless that is asked for.
    let ended = bench.run("payment").args(&["--fail-on-dead-letter"]).end();
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
}

#[test]
fn another_payload_under_the_same_payment_id_is_a_mismatch_and_not_dropped() {
    let bench = Bench::default();
    let mut other = payment(1);
    other["amount_cents"] = json!(5);
    bench.messages(&[payment(1), other]);
    let ended = bench.run("payment").ok();
    ended.ends().are(&[("applied", 1), ("mismatch", 1)]);
    let dead = bench.dead_letters();
    assert_eq!(dead.len(), 1);
    assert!(
        dead[0].reason().starts_with("mismatch: key p1 was committed with another payload (fingerprint ")
    );
    // What changes no record is written at least once in every run.
    bench.run("payment").ok();
    assert_eq!(bench.dead_letters().len(), 2);
}

#[test]
fn a_key_that_equals_the_message_s_id_is_pointed_out_once() {
    // Row 25.
    let bench = Bench::default();
    let line = |n: usize| format!("{}\n", json!({"id": format!("p{n}"), "payload": payment(n)}));
    bench.write("in.ndjson", format!("{}{}", line(1), line(2)));
    let ended = bench.run("payment").ok();
    assert_eq!(
        ended.stderr.matches("the handler's key equals the message's id").count(),
        1,
        "{}",
        ended.stderr
    );
    bench.messages(&[payment(3)]);
    assert!(!bench.run("payment").ok().stderr.contains("warning"));
}
