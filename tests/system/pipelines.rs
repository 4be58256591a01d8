//! Several pipelines in one process and one configuration: each keeps its promise, and none is in another's way.

use std::process::Stdio;
use std::time::{Duration, Instant};

use oncegate_tests::{Bench, Ended, Line, Redis, lines, oncegate, plugin};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// What one pipeline of the configuration says, beside its name, plugin and files.
fn pipeline(name: &str, further: &str) -> String {
    let plugin = plugin("probe");
    format!(
        "[[pipeline]]\nname = \"{name}\"\n[pipeline.plugin]\npath = \"{}\"\n[pipeline.input]\npath = \"{name}.in\"\n\
         [pipeline.output]\ntopics = ['*']\npath = \"{name}.out\"\n{further}\n",
        plugin.display()
    )
}

/// The same store for all of them.
const STORE: &str = "[store]\nurl = \"file:gate.db\"\n";

fn configure(bench: &Bench, pipelines: &[String]) {
    bench.write("oncegate.toml", format!("{STORE}{}", pipelines.concat()));
}

fn call(bench: &Bench, command: &str, further: &[&str]) -> Ended {
    let mut oncegate = oncegate();
    oncegate.current_dir(bench.path(".")).args([command, "--config", "oncegate.toml"]).args(further);
    Ended::new(oncegate.output().unwrap())
}

fn input(bench: &Bench, name: &str, payloads: impl IntoIterator<Item = Value>) {
    let text: String =
        payloads.into_iter().map(|payload| format!("{}\n", json!({"payload": payload}))).collect();
    bench.write(&format!("{name}.in"), text);
}

/// A message that emits its key once.
fn effect(key: &str) -> Value {
    json!({"steps": [{"seen": key}, {"emit": ["t", key]}, {"commit": key}]})
}

fn output(bench: &Bench, name: &str) -> Vec<Line> {
    lines(&bench.path(&format!("{name}.out")))
}

/// The summaries, by pipeline.
fn summaries(ended: &Ended) -> Vec<(String, Value)> {
    let summary = |line: &str| -> (String, Value) {
        let summary: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        (summary["pipeline"].as_str().unwrap().to_owned(), summary)
    };
    ended.stdout.lines().map(summary).collect()
}

#[test]
fn two_pipelines_apply_each_its_own_effects_over_one_store() {
    let bench = Bench::default();
    configure(&bench, &[pipeline("a", ""), pipeline("b", "")]);
    // The same keys, which are different keys in different namespaces.
    input(&bench, "a", ["k1", "k2", "k1"].map(effect));
    input(&bench, "b", ["k1", "k2", "k3", "k4"].map(effect));
    let ended = call(&bench, "run", &["--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found = summaries(&ended);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    for ((name, summary), (read, applied)) in found.iter().zip([(3, 2), (4, 4)]) {
        assert_eq!(
            (summary["read"].as_u64(), summary["ends"]["applied"].as_u64()),
            (Some(read), Some(applied))
        );
        assert_eq!(summary["namespace"], json!(name));
        assert_eq!(summary["settle"], json!("exact"));
    }
    assert_eq!((output(&bench, "a").len(), output(&bench, "b").len()), (2, 4));

    // Again: all of it is known now.
    let ended = call(&bench, "run", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("pipeline a\n") && ended.stderr.contains("pipeline b\n"),
        "{}",
        ended.stderr
    );
    assert_eq!((output(&bench, "a").len(), output(&bench, "b").len()), (2, 4));
}

#[test]
fn a_shared_namespace_makes_one_effect_of_one_event_in_two_pipelines() {
    let bench = Bench::default();
    let shared = "[pipeline.policy]\nnamespace = \"both\"\nshare_namespace = true";
    configure(&bench, &[pipeline("a", shared), pipeline("b", shared)]);
    input(&bench, "a", ["k1", "k2", "k3"].map(effect));
    input(&bench, "b", ["k3", "k2", "k1"].map(effect));
    let ended = call(&bench, "run", &["--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(output(&bench, "a").len() + output(&bench, "b").len(), 3, "{}", ended.stdout);
}

#[test]
fn a_failure_of_one_drains_the_others_and_is_the_exit_code() {
    let bench = Bench::default();
    // Standard output is a device that is full; before that the pipeline has enough to do for the other to begin.
    let to_stdout = pipeline("a", "[pipeline.dead_letters]\npath = \"a.dead\"").replace("a.out", "-");
    configure(&bench, &[to_stdout, pipeline("b", "")]);
    let before = (0..2_000).map(|_| json!({"steps": []}));
    input(&bench, "a", before.chain([effect("k")]));
    let keys: Vec<String> = (0..100_000).map(|index| format!("k{index}")).collect();
    input(&bench, "b", keys.iter().map(|key| effect(key)));
    let mut command = oncegate();
    command.current_dir(bench.path(".")).args(["run", "--config", "oncegate.toml", "--json"]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let ended = Ended::new(command.output().unwrap());
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(
        ended.error().starts_with("the pipeline a: cannot write the output standard output"),
        "{}",
        ended.stderr
    );
    let summary = ended.stderr.lines().rev().find(|line| line.starts_with('{'));
    let b: Value = serde_json::from_str(summary.unwrap()).unwrap();
    let applied = b["ends"]["applied"].as_u64().unwrap();
    assert!(applied > 0 && applied < 100_000, "it was ended on its way: {b}");
    // Drained, not cut off: what it counts as applied is out, and nothing else.
    assert_eq!(output(&bench, "b").len() as u64, applied, "{b}");

    // It goes on from there, and each of its effects is there once.
    let done = usize::try_from(applied).unwrap();
    configure(&bench, &[pipeline("a", ""), pipeline("b", "")]);
    let keys = &keys[..(done + 500).min(keys.len())];
    input(&bench, "b", keys.iter().map(|key| effect(key)));
    let ended = call(&bench, "run", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(output(&bench, "a").len(), 1);
    let mut found: Vec<String> = output(&bench, "b").iter().map(|line| line.payload().to_string()).collect();
    let mut expected: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    found.sort();
    expected.sort();
    assert!(
        found.len() >= done && found.iter().collect::<std::collections::HashSet<_>>().len() == found.len()
    );
    assert!(expected.iter().all(|key| found.binary_search(key).is_ok()), "an effect is lost");
}

#[test]
fn nothing_is_read_before_all_parts_of_all_pipelines_are_there() {
    let bench = Bench::default();
    configure(&bench, &[pipeline("a", ""), pipeline("b", "")]);
    input(&bench, "a", [effect("k")]);
    let ended = call(&bench, "run", &["--json"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.error().starts_with("the pipeline b: cannot open the input"), "{}", ended.stderr);
    assert!(output(&bench, "a").is_empty());
}

#[test]
fn dead_letters_of_any_pipeline_that_says_so_are_the_exit_code() {
    let bench = Bench::default();
    let fails = "[pipeline.dead_letters]\nfail = true";
    configure(&bench, &[pipeline("a", ""), pipeline("b", fails)]);
    input(&bench, "a", [json!({"steps": [{"reject": "no"}]}), effect("k")]);
    input(&bench, "b", [effect("k")]);
    assert_eq!(call(&bench, "run", &["--json"]).code, Some(0), "a's are no failure");
    input(&bench, "b", [json!({"steps": [{"reject": "no"}]})]);
    assert_eq!(call(&bench, "run", &["--json"]).code, Some(6));
}

#[test]
fn pipelines_that_would_be_in_each_others_way_are_refused_in_one_line() {
    let bench = Bench::default();
    let refused = |pipelines: &[String], expected: &str| {
        configure(&bench, pipelines);
        for command in ["run", "check"] {
            let ended = call(&bench, command, &[]);
            assert_eq!(ended.code, Some(2), "{}", ended.stderr);
            assert_eq!(ended.complaints().len(), 1, "{}", ended.stderr);
            assert!(ended.error().contains(expected), "{expected}: {}", ended.error());
        }
    };
    refused(
        &[pipeline("a", ""), pipeline("a", "")],
        "has a pipeline a already: each needs a name of its own",
    );
    let same = "[pipeline.policy]\nnamespace = \"n\"";
    refused(&[pipeline("a", same), pipeline("b", same)], "each needs a namespace of its own");
    let shared = "[pipeline.policy]\nnamespace = \"n\"\nshare_namespace = true";
    refused(&[pipeline("a", shared), pipeline("b", same)], "each needs a namespace of its own");
    let longer = format!("{shared}\nwindow = \"30d\"");
    refused(&[pipeline("a", shared), pipeline("b", &longer)], "differ in policy.window");
    let dead = "[pipeline.dead_letters]\npath = \"a.out\"";
    refused(&[pipeline("a", ""), pipeline("b", dead)], "are the same file");
    let chained = pipeline("b", "").replace("b.in", "a.out");
    refused(&[pipeline("a", ""), chained], "the pipeline b reads");
    let stdin = |name: &str| pipeline(name, "").replace(&format!("{name}.in"), "-");
    refused(&[stdin("a"), stdin("b")], "both read standard input");
    let stdout = |name: &str| {
        let dead = format!("[pipeline.dead_letters]\npath = \"{name}.dead\"");
        pipeline(name, &dead).replace(&format!("{name}.out"), "-")
    };
    refused(&[stdout("a"), stdout("b")], "both go to standard output");
}

#[test]
fn check_shows_each_pipeline_and_a_flag_of_one_of_them_is_refused() {
    let bench = Bench::default();
    configure(&bench, &[pipeline("a", "[pipeline.policy]\nlease = \"90s\""), pipeline("b", "")]);
    input(&bench, "a", [effect("k")]);
    input(&bench, "b", [effect("k")]);
    let ended = call(&bench, "check", &["--attempts", "7"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let values = |setting: &str| -> Vec<String> {
        let lines = ended.stdout.lines().filter(|line| line.starts_with(&format!("{setting} ")));
        lines.map(|line| line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(values("policy.lease"), ["90s (oncegate.toml:13)", "1m (default)"]);
    assert_eq!(values("policy.namespace"), ["a (derived)", "b (derived)"]);
    assert_eq!(values("policy.attempts"), ["7 (--attempts)", "7 (--attempts)"]);
    assert_eq!(ended.stdout.matches("settle  exact").count(), 2, "{}", ended.stdout);
    assert!(!bench.path("gate.db").exists(), "a check makes nothing");

    let ended = call(&bench, "run", &["--input", "a.in"]);
    assert_eq!(ended.code, Some(2));
    let expected =
        "--input is of one pipeline, and the configuration has several (a, b): set input.path in each";
    assert_eq!(ended.error(), expected);
}

#[test]
fn one_pipeline_goes_on_when_the_input_of_the_other_has_ended_until_a_signal_ends_it() {
    let (bench, redis) = (Bench::default(), Redis::start());
    let server = redis.url().replace("redis://", "redis-stream://");
    let first = pipeline("a", "").replace("a.out", &format!("{server}/between"));
    let second = pipeline("b", "").replace("b.in", &format!("{server}/between?group=b&start=0"));
    bench.write("oncegate.toml", format!("store.url = \"{}\"\n{first}{second}", redis.url()));
    // What the first one emits is a script for the second one.
    let relayed = |key: &str| json!({"steps": [{"seen": key}, {"emit": ["t", effect(key).to_string()]}, {"commit": key}]});
    let keys: Vec<String> = (0..300).map(|index| format!("k{index}")).collect();
    input(&bench, "a", keys.iter().chain(&keys).map(|key| relayed(key)));
    let mut command = oncegate();
    command.current_dir(bench.path("."));
    command.args(["run", "--config", "oncegate.toml", "--json", "--init-store"]);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while std::fs::read_to_string(bench.path("b.out")).map_or(0, |text| text.lines().count()) < keys.len() {
        if Instant::now() > until {
            running.kill().unwrap();
            panic!("the second pipeline does not get what the first one wrote");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    while running.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            running.kill().unwrap();
            panic!("the signal does not end all of it");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = Ended::new(running.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    let found = summaries(&ended);
    let applied: Vec<u64> = found.iter().map(|(_, one)| one["ends"]["applied"].as_u64().unwrap()).collect();
    assert_eq!(applied, [300, 300]);
    assert_eq!(found[0].1["read"].as_u64(), Some(600), "all of the first one's input was read");
    let mut written: Vec<String> =
        output(&bench, "b").iter().map(|line| line.payload().to_string()).collect();
    let mut expected: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    written.sort();
    expected.sort();
    assert_eq!(written, expected);
}
