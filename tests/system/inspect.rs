//! What a plugin is, how it was made, and what a call of it costs.

use oncegate_tests::{Bench, Ended, language, oncegate, plugin};
use serde_json::Value;

fn inspect(bench: &Bench, arguments: &[&str]) -> Ended {
    let mut command = oncegate();
    Ended::new(command.current_dir(bench.path(".")).arg("inspect").args(arguments).output().unwrap())
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn a_component_names_its_toolchain() {
    let bench = Bench::default();
    let shown = inspect(&bench, &[plugin("payment").to_str().unwrap()]).stdout;
    assert!(
        shown.contains("\nmade by  language: Rust\n") && shown.contains("\nmade by  processed-by: rustc 1."),
        "{shown}"
    );
    for (name, says) in [
        ("payment-go", "Go"),
        ("payment-js", "componentize-qjs"),
        ("payment-c", "clang"),
        ("payment-python", "componentize-py"),
    ] {
        let Some(path) = language::component(name) else { continue };
        let said = json(&inspect(&bench, &["--json", path.to_str().unwrap()]));
        assert!(said["made_by"].to_string().contains(says), "{name}: {}", said["made_by"]);
    }
}

#[test]
fn a_call_is_measured_with_a_message_of_ones_own_and_nothing_is_kept() {
    let bench = Bench::default();
    let payment = r#"{"payment_id":"p-1","account":"a","amount_cents":5,"currency":"EUR"}"#;
    bench.write("one.ndjson", payment);
    let path = plugin("payment");
    let path = path.to_str().unwrap();
    let measured =
        json(&inspect(&bench, &["--json", "--measure", "--input", "one.ndjson", path]))["measured"].clone();
    // Its key is new in each call: seen, emit, commit.
    assert_eq!((&measured["end"], &measured["host_calls"]), (&"ok".into(), &3.into()), "{measured}");
    for figure in ["compile_us", "cached_us", "fresh_call_us", "reused_call_us", "memory_bytes", "calls"] {
        assert!(measured[figure].as_f64().is_some_and(|figure| figure > 0.0), "{figure}: {measured}");
    }
    let shown = inspect(&bench, &["--measure", path]).stdout;
    assert!(shown.contains("\nended    reject: payload: missing field `payment_id`"), "{shown}");
    let left: Vec<_> =
        std::fs::read_dir(bench.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["one.ndjson"]);
}

#[test]
fn what_cannot_be_measured_is_said_in_one_line() {
    let bench = Bench::default();
    bench.write("none.ndjson", "\n");
    bench.write("odd.ndjson", "{\n");
    let path = plugin("payment");
    let path = path.to_str().unwrap();
    let cases = [
        (vec!["--measure", "--input", "no.ndjson", path], 5, "cannot open the input no.ndjson"),
        (vec!["--measure", "--input", "none.ndjson", path], 5, "the input has no message"),
        (vec!["--measure", "--input", "odd.ndjson", path], 5, "the first line of the input is no message"),
        (vec!["--input", "odd.ndjson", path], 2, "--measure"),
        (vec!["--measure", "one.wasm"], 3, "one.wasm"),
    ];
    for (arguments, code, says) in cases {
        let ended = inspect(&bench, &arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{arguments:?}: {}", ended.stderr);
    }
}
