//! The payment handler in every language: what comes out is the same, byte for byte.

use oncegate_tests::{Bench, language};
use serde_json::{Value, json};

/// Payments of all kinds: repeated ones, those with odd texts and large numbers, and those that are none.
fn stream() -> Vec<Value> {
    let payment = |id: &str, account: &str, cents: u64, currency: &str| json!({"payment_id": id, "account": account, "amount_cents": cents, "currency": currency});
    let mut stream: Vec<Value> =
        (0..300).map(|n| payment(&format!("p{}", n % 200), "a1", 100 + n % 200, "EUR")).collect();
    stream.extend([
        payment("largest", "a", u64::MAX, "USD"),
        payment("beyond a double", "a", 9_007_199_254_740_993, "USD"),
        payment("composed \u{e9}", "\"quoted\" \\ / \u{8}\u{c}\n\r\t\u{1}\u{7f}", 1, "usd"),
        payment("decomposed e\u{301}", "\u{2028}\u{1f4b6}<&>'", 1, "usd"),
        payment("", "a", 1, "EUR"),
        payment("no account", "", 1, "EUR"),
        payment("nothing", "a", 0, "EUR"),
        payment("currency", "a", 1, "EURO"),
        payment("currency", "a", 1, "\u{20ac}"),
        json!({"payment_id": "lacks", "account": "a", "currency": "EUR"}),
        json!({"payment_id": 7, "account": "a", "amount_cents": 1, "currency": "EUR"}),
        json!({"payment_id": null, "account": "a", "amount_cents": 1, "currency": "EUR"}),
        json!({"payment_id": "text", "account": "a", "amount_cents": "1", "currency": "EUR"}),
        json!({"payment_id": "negative", "account": "a", "amount_cents": -1, "currency": "EUR"}),
        json!({"payment_id": "fraction", "account": "a", "amount_cents": 1.5, "currency": "EUR"}),
        json!({"payment_id": "truth", "account": "a", "amount_cents": true, "currency": "EUR"}),
        json!({"note": [{"a": {}}], "payment_id": "more", "account": "a", "amount_cents": 1, "currency": "EUR"}),
        json!([]),
        json!("text"),
    ]);
    stream
}

/// What came of the stream: the charges, and which messages were given up.
fn outcome(plugin: &str, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let bench = Bench::default();
    bench.messages(&stream());
    bench.run(plugin).args(arguments).ok();
    let mut charges: Vec<String> = bench.output().iter().map(|line| line.0.to_string()).collect();
    let mut letters: Vec<String> =
        bench.dead_letters().iter().map(|line| line.0["id"].as_str().unwrap().to_owned()).collect();
    charges.sort_unstable();
    letters.sort_unstable();
    (charges, letters)
}

fn charges_as_rust_does(plugin: &str) {
    if language::component(plugin).is_none() {
        return;
    }
    let expected = outcome("payment", &[]);
    assert_eq!((expected.0.len(), expected.1.len()), (205, 14), "{expected:?}");
    for arguments in [&[][..], &["--reuse"]] {
        let found = outcome(plugin, &[&["--namespace", "payment"], arguments].concat());
        assert_eq!(found, expected, "{plugin} {arguments:?}");
    }
}

#[test]
fn go_charges_as_rust_does() {
    charges_as_rust_does("payment-go");
}

#[test]
fn javascript_charges_as_rust_does() {
    charges_as_rust_does("payment-js");
}

#[test]
fn typescript_charges_as_rust_does() {
    charges_as_rust_does("payment-ts");
}

#[test]
fn python_charges_as_rust_does() {
    charges_as_rust_does("payment-python");
}

#[test]
fn c_charges_as_rust_does() {
    charges_as_rust_does("payment-c");
}

/// More than the memory limit in all, through instances that are used again: what a language's bindings leak, or its
/// collector has not come to, costs an instance now and then, and no message anything.
fn outlives_what_it_leaks(plugin: &str) {
    if language::component(plugin).is_none() {
        return;
    }
    const MESSAGES: usize = 2500;
    let bench = Bench::default();
    let account = "a".repeat(30_000);
    let payment =
        |n| json!({"payment_id": format!("p{n}"), "account": account, "amount_cents": 1, "currency": "EUR"});
    bench.messages(&(0..MESSAGES).map(payment).collect::<Vec<_>>());
    let ended = bench.run(plugin).args(&["--reuse"]).ok();
    ended.ends().are(&[("applied", MESSAGES as u64)]);
    let summary = ended.summary();
    for event in ["failed_attempts", "deferred", "redelivered", "dead_letters"] {
        assert_eq!(summary[event], 0, "{event}: {summary}");
    }
    let mut charged: Vec<String> =
        bench.output().iter().map(|line| line.payload()["payment_id"].to_string()).collect();
    charged.sort_unstable();
    charged.dedup();
    assert_eq!((charged.len(), bench.output().len()), (MESSAGES, MESSAGES));
}

#[test]
fn python_outlives_what_its_bindings_leak() {
    outlives_what_it_leaks("payment-python");
}

#[test]
fn javascript_outlives_what_its_collector_has_not_come_to() {
    outlives_what_it_leaks("payment-js");
}
