//! Budgets: a pipeline that has used up its own waits, loses nothing, and is nobody else's concern.

use std::process::Child;
use std::time::Instant;

use oncegate_tests::{Bench, Ended, Redis, lines, oncegate, plugin, until};
use serde_json::{Value, json};

/// The times of a policy under which keys are remembered for so long.
fn window(window: &str) -> String {
    format!(
        "[policy]\nhandler_limit = \"500ms\"\nmargin = \"200ms\"\nlease = \"1s\"\nwindow = \"{window}\"\n\
         keep = \"{window}\"\nbackoff_min = \"10ms\"\nbackoff_max = \"500ms\"\n"
    )
}

/// A pipeline with one handler at a time, so that it exceeds a budget by little.
fn pipeline(name: &str, budget: &str) -> String {
    format!(
        "[[pipeline]]\nname = \"{name}\"\nplugin.path = \"{}\"\ninput.path = \"{name}.in\"\n\
         output.path = \"{name}.out\"\noutput.topics = [\"*\"]\nrun.threads = 1\nrun.concurrency = 1\n{budget}\n",
        plugin("probe").display()
    )
}

fn configure(bench: &Bench, store: &str, policy: &str, pipelines: &[String]) {
    bench.write("oncegate.toml", format!("store.url = \"{store}\"\n{policy}{}", pipelines.concat()));
}

fn input(bench: &Bench, name: &str, steps: impl Iterator<Item = Value>) {
    let lines = steps.enumerate().map(|(number, steps)| {
        format!("{}\n", json!({"id": format!("{name}{number}"), "payload": {"steps": steps}}))
    });
    bench.write(&format!("{name}.in"), lines.collect::<String>());
}

/// Messages with a key and an output each.
fn effects(count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(|number| {
        let key = format!("k{number}");
        json!([{"seen": key}, {"emit": ["t", key]}, {"commit": key}])
    })
}

fn outputs(bench: &Bench, name: &str) -> usize {
    let path = bench.path(&format!("{name}.out"));
    if path.exists() { lines(&path).len() } else { 0 }
}

fn run(bench: &Bench) -> Ended {
    let mut command = oncegate();
    command.current_dir(bench.path(".")).args(["run", "--init-store", "--json", "--config", "oncegate.toml"]);
    Ended::new(command.output().unwrap())
}

/// A run that is under way, and what it says.
struct Running<'a>(Child, &'a Bench);

impl<'a> Running<'a> {
    fn start(bench: &'a Bench) -> Self {
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args(["run", "--init-store", "--config", "oncegate.toml"]);
        command.stderr(std::fs::File::create(bench.path("said")).unwrap());
        Self(command.spawn().unwrap(), bench)
    }

    fn wait_until_it_says(&mut self, words: &str) {
        let said = || std::fs::read_to_string(self.1.path("said")).unwrap();
        until(&format!("the run says {words:?}"), || {
            said().contains(words) || self.0.try_wait().unwrap().is_some()
        });
        assert!(said().contains(words), "{}", said());
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn summary<'a>(summaries: &'a [Value], name: &str) -> &'a Value {
    summaries.iter().find(|summary| summary["pipeline"] == name).unwrap()
}

fn summaries(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One floods and may keep 20 keys, the other may keep as many as it likes.
fn is_held_back_alone(store: &str) {
    let bench = Bench::default();
    let pipelines = [pipeline("flood", "budget.keys = 20"), pipeline("honest", "")];
    configure(&bench, store, &window("2s"), &pipelines);
    input(&bench, "flood", effects(100));
    input(&bench, "honest", effects(2_000));
    let mut running = Running::start(&bench);
    running.wait_until_it_says("the pipeline of flood is held back: it has 20 keys in the store");
    until("the other is done", || outputs(&bench, "honest") == 2_000);
    // Its keys expire after two seconds and what a bucket takes, and it goes on by itself.
    until("the first is done", || outputs(&bench, "flood") == 100);
    drop(running);
    let ended = run(&bench);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_pipeline_at_its_budget_of_keys_waits_alone_and_goes_on_when_they_expire() {
    is_held_back_alone("file:gate.db");
}

#[test]
fn the_same_on_a_redis() {
    is_held_back_alone(&Redis::start().url());
}

/// Killed while it waits, it waits again; with more room it goes on, and each effect is there once.
fn outlives_a_kill(store: &str) {
    let bench = Bench::default();
    let policy = window("1h");
    configure(&bench, store, &policy, &[pipeline("flood", "budget.keys = 20")]);
    input(&bench, "flood", effects(100));
    for _ in 0..3 {
        let mut running = Running::start(&bench);
        running.wait_until_it_says("the pipeline of flood is held back: it has 20 keys in the store");
        // On a Redis the count is told about once a second.
        std::thread::sleep(std::time::Duration::from_millis(2_500));
        drop(running);
        assert_eq!(outputs(&bench, "flood"), 20);
    }
    let pipelines = [pipeline("flood", "budget.keys = 20\nbudget.patience = \"500ms\"")];
    configure(&bench, store, &policy, &pipelines);
    let ended = run(&bench);
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.error().contains("no room in its budget for 500ms (budget.patience)"), "{ended:?}");
    assert_eq!(outputs(&bench, "flood"), 20);

    configure(&bench, store, &policy, &[pipeline("flood", "budget.keys = 1000")]);
    let ended = run(&bench);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut keys: Vec<String> =
        lines(&bench.path("flood.out")).iter().map(|line| line.payload().to_string()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), outputs(&bench, "flood")), (100, 100));
}

#[test]
fn a_budget_that_is_used_up_stays_so_over_a_kill_and_nothing_is_lost_by_it() {
    outlives_a_kill("file:gate.db");
}

#[test]
fn the_same_over_kills_on_a_redis() {
    outlives_a_kill(&Redis::start().url());
}

#[test]
fn failed_attempts_leave_records_and_count() {
    let bench = Bench::default();
    let pipelines = [pipeline("flood", "budget.keys = 20\nbudget.patience = \"500ms\"")];
    configure(&bench, "file:gate.db", &window("1h"), &pipelines);
    // Claims, and never commits.
    let steps = (0..100).map(|number| json!([{"seen": format!("k{number}")}, {"retry": "no"}]));
    input(&bench, "flood", steps);
    let ended = run(&bench);
    assert_eq!(ended.code, Some(9), "{ended:?}");
    let summary = &summaries(&ended)[0];
    assert_eq!(summary["failed_attempts"], 20, "{summary}");
    assert_eq!(summary["ends"]["undone"], summary["read"], "nothing came to an end: {summary}");
    assert!(summary["held_ms"].as_u64().unwrap() >= 500, "{summary}");
}

#[test]
fn outputs_are_slowed_down_to_their_rate() {
    let bench = Bench::default();
    let pipelines = [pipeline("flood", "budget.output_rate = \"20KiB\""), pipeline("honest", "")];
    configure(&bench, "file:gate.db", &window("1h"), &pipelines);
    let text = "x".repeat(1000);
    input(
        &bench,
        "flood",
        (0..100)
            .map(|n| json!([{"seen": format!("k{n}")}, {"emit": ["t", text]}, {"commit": format!("k{n}")}])),
    );
    input(&bench, "honest", effects(100));
    let begun = Instant::now();
    let ended = run(&bench);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // A hundred outputs of more than 1,000 bytes are five seconds' worth, the first of which is free.
    assert!(begun.elapsed().as_secs() >= 3, "{:?}", begun.elapsed());
    assert!(ended.stderr.contains("it writes more outputs than budget.output_rate allows (20KiB a second)"));
    let summaries = summaries(&ended);
    assert_eq!(summary(&summaries, "flood")["outputs"], 100);
    assert_eq!(summary(&summaries, "honest")["held_ms"], 0);
}

#[test]
fn a_file_of_dead_letters_grows_to_its_size_and_the_others_go_on() {
    let bench = Bench::default();
    // Which would end it before it has filled anything.
    let unjudged = "dead_letters.path = \"flood.dead\"\nquarantine.percent = 0\n";
    let budget = "budget.dead_letter_size = \"8KiB\"\nbudget.patience = \"300ms\"";
    let pipelines = [pipeline("flood", &[unjudged, budget].concat()), pipeline("honest", "")];
    configure(&bench, "file:gate.db", &window("1h"), &pipelines);
    input(&bench, "flood", (0..500).map(|n| json!([{"seen": format!("k{n}")}, {"reject": "no"}])));
    input(&bench, "honest", effects(5_000));
    let ended = run(&bench);
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.error().contains("have reached budget.dead_letter_size (8KiB): raise it"), "{ended:?}");
    let length = std::fs::metadata(bench.path("flood.dead")).unwrap().len();
    assert!((8 << 10..10 << 10).contains(&length), "{length} bytes");
    assert_eq!(outputs(&bench, "honest"), 5_000, "it was not ended with the other");

    configure(&bench, "file:gate.db", &window("1h"), &[pipeline("flood", unjudged)]);
    let ended = run(&bench);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(lines(&bench.path("flood.dead")).len(), 500);
}
