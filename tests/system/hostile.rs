//! The hostile suite as an operator meets it: every case a pipeline of one process, beside an honest one.

use std::collections::HashMap;

use oncegate_evil::{Case, End, Expected, Verdict, matches};
use oncegate_tests::{Bench, Ended, lines, oncegate, plugin};
use serde_json::{Value, json};

/// What every case is given: one message, with a header, whose key and payload no case looks at.
fn message() -> String {
    format!("{}\n", json!({"id": "m", "topic": "t", "headers": {"h": "value"}, "payload": "evil"}))
}

/// The limits that a case names, as settings.
fn limits(case: &Case) -> String {
    let own = &case.limits;
    let mut lines = format!("host_calls = {}\n", own.host_calls.unwrap_or(1_000));
    let bytes = [("memory", own.memory_bytes), ("host_call_data", own.host_call_bytes)];
    for (name, bytes) in bytes.iter().filter_map(|(name, bytes)| Some((name, (*bytes)?))) {
        lines += &format!("{name} = {bytes}\n");
    }
    if let Some(cpu_ms) = own.cpu_ms {
        lines += &format!("cpu = \"{cpu_ms}ms\"\n");
    }
    lines
}

fn pipeline(case: &Case) -> String {
    let (name, limits) = (&case.name, limits(case));
    format!(
        "[[pipeline]]\nname = \"{name}\"\n\
         [pipeline.plugin]\npath = \"{name}.wasm\"\n\
         [pipeline.input]\npath = \"{name}.in\"\n\
         [pipeline.output]\npath = \"{name}.out\"\ntopics = [\"out\"]\n\
         [pipeline.policy]\nattempts = 1\n\
         [pipeline.limits]\n{limits}"
    )
}

/// The honest pipeline: as many effects as there are cases.
const HONEST: &str = "[[pipeline]]\nname = \"honest\"\n[pipeline.input]\npath = \"honest.in\"\n\
                      [pipeline.output]\npath = \"honest.out\"\ntopics = [\"t\"]\n[pipeline.plugin]\npath = ";

fn effect(key: usize) -> Value {
    let key = format!("k{key}");
    json!({"steps": [{"seen": key}, {"emit": ["t", key]}, {"commit": key}]})
}

/// The end that a case's delivery must have in the summary, and the reason in its dead letter.
fn expected_end(expected: &Expected) -> (&'static str, Option<String>) {
    if let Some(reason) = &expected.dead_letter {
        let end = match expected.end {
            Some(End::Ok) if expected.verdict() == Verdict::Apply => "effect_without_commit",
            _ => "attempts_used_up",
        };
        return (end, Some(reason.clone()));
    }
    match expected.end {
        Some(End::Rejected) => ("rejected", Some(format!("rejected: {}", expected.text))),
        Some(End::Ok) if expected.commits.is_empty() => ("no_effect", None),
        Some(End::Ok) => ("applied", None),
        _ => ("attempts_used_up", Some(format!("attempts used up (1): {}", expected.text))),
    }
}

/// What differs from what a case must become.
fn differences(bench: &Bench, case: &Case, summary: &Value) -> Vec<String> {
    let (end, reason) = expected_end(&case.expect);
    let ends = summary["ends"].as_object().unwrap();
    let found: Vec<_> = ends.iter().filter(|(_, count)| count.as_u64() != Some(0)).collect();
    let mut differences = Vec::new();
    if summary["read"] != json!(1) || !matches!(found[..], [(name, count)] if name == end && *count == 1) {
        differences.push(format!("{}: expected one {end}, found {found:?}", case.name));
    }
    let dead = lines(&bench.path(&format!("{}.out.dead.ndjson", case.name)));
    let dead: Vec<&str> = dead.iter().map(|line| line.reason()).collect();
    let as_expected = match (&reason, &dead[..]) {
        (None, []) => true,
        (Some(reason), [found]) => matches(reason, found),
        _ => false,
    };
    if !as_expected {
        differences.push(format!("{}: expected the dead letter {reason:?}, found {dead:?}", case.name));
    }
    let outputs = lines(&bench.path(&format!("{}.out", case.name))).len();
    let expected = if end == "applied" { case.expect.outputs } else { 0 };
    if outputs != expected {
        differences.push(format!("{}: expected {expected} outputs, found {outputs}", case.name));
    }
    differences
}

fn run(bench: &Bench, arguments: &[&str]) -> Ended {
    let mut oncegate = oncegate();
    oncegate.current_dir(bench.path(".")).args(["run", "--json"]).args(arguments);
    Ended::new(oncegate.env("RUST_BACKTRACE", "1").output().unwrap())
}

#[test]
fn every_case_is_a_delivery_with_a_good_end_beside_an_honest_pipeline() {
    let bench = Bench::default();
    let cases = Case::all().into_iter().filter(|case| case.expect.refused.is_none());
    let cases: Vec<Case> = cases.filter(|case| case.before.is_nothing()).collect();
    for case in &cases {
        bench.write(&format!("{}.wasm", case.name), case.bytes());
        bench.write(&format!("{}.in", case.name), message());
    }
    let honest: String =
        (0..cases.len()).map(|key| format!("{}\n", json!({"payload": effect(key)}))).collect();
    bench.write("honest.in", honest);
    let honest = format!("{HONEST}\"{}\"\n", plugin("probe").display());
    let pipelines: String = cases.iter().map(pipeline).collect();
    let whole = "[store]\nurl = \"file:gate.db\"\n[run]\nthreads = 1\nconcurrency = 1\n";
    bench.write("oncegate.toml", format!("{whole}{pipelines}{honest}"));

    let ended = run(&bench, &["--config", "oncegate.toml", "--fail-on-dead-letter"]);
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    let mut summaries: HashMap<String, Value> = HashMap::new();
    for line in ended.stdout.lines() {
        let summary: Value = serde_json::from_str(line).unwrap();
        summaries.insert(summary["pipeline"].as_str().unwrap().to_owned(), summary);
    }
    let wrong: Vec<String> =
        cases.iter().flat_map(|case| differences(&bench, case, &summaries[&case.name])).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(summaries["honest"]["ends"]["applied"], json!(cases.len()));
    for text in [&ended.stdout, &ended.stderr] {
        let control = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "what handlers say reaches the terminal escaped");
    }
}

#[test]
fn what_is_refused_is_refused_in_one_line_before_anything_is_read() {
    let bench = Bench::default();
    bench.write("in", message());
    for case in Case::all() {
        let Some(refused) = &case.expect.refused else { continue };
        let plugin = bench.write("case.wasm", case.bytes());
        let plugin = plugin.to_str().unwrap();
        let ended =
            run(&bench, &["--plugin", plugin, "--input", "in", "--output", "out", "--store", "memory:"]);
        assert_eq!(ended.code, Some(3), "{}: {}", case.name, ended.stderr);
        let (found, name) = (ended.error(), &case.name);
        assert!(found.split_once(": ").is_some_and(|(_, why)| matches(refused, why)), "{name}: {found}");
        assert!(!bench.path("out").exists(), "{name}");
    }
}
