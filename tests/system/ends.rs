//! Every end that a delivery can have, through the real process.

use oncegate_tests::{Bench, Ended, oncegate, plugin};
use serde_json::{Value, json};

fn script(steps: Value) -> Value {
    json!({"steps": steps})
}

/// A policy with which failures come to their end quickly.
const QUICK: &str = r#"
[policy]
backoff_min = "1ms"
backoff_max = "20ms"
in_flight_wait = "200ms"
[limits]
cpu = "200ms"
"#;

fn run(bench: &Bench, scripts: &[Value], arguments: &[&str]) -> oncegate_tests::Ended {
    bench.write("quick.toml", QUICK);
    bench.messages(scripts);
    bench.run("probe").args(&["--config", "quick.toml"]).args(arguments).ok()
}

#[test]
fn each_delivery_counts_once_by_its_final_end() {
    let bench = Bench::default();
    let scripts = [
        script(json!([{"seen": "a"}, {"emit": ["t", "a"]}, {"commit": "a"}])),
        script(json!([])),
        script(json!([{"seen": "b"}])),
        script(json!([{"seen": "c"}, {"retry_until": 3}, {"emit": ["t", "c"]}, {"commit": "c"}])),
        script(json!([{"seen": "d"}, {"retry": "never works"}])),
        script(json!([{"seen": "e"}, {"reject": "no use"}])),
        script(json!([{"seen": "f"}, {"panic": "oh no"}])),
        script(json!([{"emit": ["t", "g"]}])),
        script(json!([{"seen": "h"}, {"emit": ["t", "h"]}])),
        script(json!([{"retry": "before any key"}])),
    ];
    let ended = run(&bench, &scripts, &[]);
    ended.ends().are(&[
        ("applied", 2),
        ("no_effect", 2),
        ("attempts_used_up", 3),
        ("rejected", 1),
        ("effect_without_commit", 2),
    ]);
    let mut outputs: Vec<String> = bench.output().iter().map(|line| line.id().to_owned()).collect();
    outputs.sort();
    assert_eq!(outputs, ["probe/k/a/0", "probe/k/c/0"]);
    let reason = |id: &str| {
        let dead = bench.dead_letters();
        dead.iter().find(|line| line.id() == id).unwrap_or_else(|| panic!("{id}")).reason().to_owned()
    };
    assert_eq!(reason("m4"), "attempts used up (5): never works");
    assert_eq!(reason("m5"), "rejected: no use");
    assert!(reason("m6").contains("oh no"), "{}", reason("m6"));
    assert_eq!(reason("m7"), "effect without commit: output 1 to topic t: no key was committed");
    assert_eq!(reason("m8"), "effect without commit: output 1 to topic t: its key was not committed");
    assert_eq!(reason("m9"), "attempts used up (5): before any key");
    // 2 + 4 + 4 + 4 failures that were tried again.
    assert_eq!(ended.summary()["failed_attempts"], 14);
}

#[test]
fn free_outputs_are_applied_and_counted() {
    let bench = Bench::default();
    let scripts =
        [script(json!([{"emit": ["t", "x"]}])), script(json!([{"seen": "k"}, {"emit": ["t", "y"]}]))];
    run(&bench, &scripts, &["--outputs", "free"]).ends().are(&[("unkeyed", 2)]);
    let mut ids: Vec<String> = bench.output().iter().map(|line| line.id().to_owned()).collect();
    ids.sort();
    assert_eq!(ids, ["probe/k/k/0", "probe/m/m0/0"]);
}

#[test]
fn an_effect_of_one_key_needs_the_commit_of_that_key() {
    // Rule 8: seen k1, emit, seen k2, commit k2. Applied, k1's effect would come again.
    let bench = Bench::default();
    let scripts = [
        script(json!([{"seen": "k1"}, {"emit": ["t", "1"]}, {"seen": "k2"}, {"commit": "k2"}])),
        script(
            json!([{"seen": "k3"}, {"emit": ["t", "3"]}, {"commit": "k3"}, {"seen": "k4"}, {"emit": ["t", "4"]}, {"commit": "k4"}]),
        ),
    ];
    run(&bench, &scripts, &[]).ends().are(&[("applied", 1), ("effect_without_commit", 1)]);
    let ids: Vec<String> = bench.output().iter().map(|line| line.id().to_owned()).collect();
    assert_eq!(ids, ["probe/k/k3/0", "probe/k/k4/0"]);
}

#[test]
fn an_effect_belongs_to_the_key_that_was_answered_new_last_also_if_that_was_asked_again() {
    let bench = Bench::default();
    let again = |committed: &str| {
        script(json!([
            {"seen": "k1"}, {"seen": "k2"}, {"seen": "k1"}, {"emit": ["t", "1"]}, {"commit": committed}
        ]))
    };
    run(&bench, &[again("k1")], &[]).ends().are(&[("applied", 1)]);
    assert_eq!(bench.output()[0].id(), "probe/k/k1/0");
    let bench = Bench::default();
    run(&bench, &[again("k2")], &[]).ends().are(&[("effect_without_commit", 1)]);
}

#[test]
fn a_message_that_meets_the_limit_of_a_used_instance_runs_again_and_has_not_failed() {
    let bench = Bench::default();
    bench.write(
        "one.toml",
        "run.threads = 1\nrun.concurrency = 1\nrun.reuse = true\nlimits.memory = \"32MiB\"\n",
    );
    // 12 MiB may stay, 24 more do not fit beside them, and are too much to stay.
    let leaks = |n: u64| {
        let (key, mib) = (format!("k{n}"), if n.is_multiple_of(2) { 12 } else { 24 });
        script(
            json!([{"seen": key}, {"log": "about to"}, {"emit": ["t", key]}, {"commit": key}, {"leak": mib}]),
        )
    };
    bench.messages(&(0..40).map(leaks).collect::<Vec<_>>());
    let ended = bench.run("probe").args(&["--config", "one.toml", "--attempts", "1"]).ok();
    ended.ends().are(&[("applied", 40)]);
    assert_eq!(bench.output().len(), 40, "once each");
    let count = |name: &str| ended.summary()[name].as_u64();
    assert_eq!(
        (count("recycled"), count("failed_attempts"), count("deferred")),
        (Some(20), Some(0), Some(0))
    );
    let said = "[info] m1: ran again in a fresh instance: an instance that had served 1 message before failed: no memory \
                (memory limit 32 MiB reached)";
    assert!(ended.stderr.lines().any(|line| line == said), "{}", ended.stderr);
    // The first run's own lines are not shown beside the second's.
    assert_eq!(ended.stderr.matches("about to").count(), 40, "{}", ended.stderr);
    let listed = oncegate()
        .current_dir(bench.path("."))
        .args(["keys", "get", "k1", "--store", "file:gate.db", "--namespace", "probe"])
        .output()
        .unwrap();
    assert!(Ended::new(listed).stdout.contains("committed"));
}

#[test]
fn why_a_handler_failed_is_told_in_its_own_words_wherever_somebody_looks() {
    let bench = Bench::default();
    let scripts = [
        script(json!([{"seen": "a"}, {"log": "half way"}, {"panic": "oh no"}])),
        script(json!([{"seen": "b"}, {"retry": "the other side is away"}])),
        script(json!([{"seen": "c"}, {"log": "almost"}, {"retry": ""}])),
    ];
    let ended = run(&bench, &scripts, &["--attempts", "2"]);
    ended.ends().are(&[("attempts_used_up", 3)]);
    let causes = [
        ("m0", "a", "trapped: unreachable; last log lines: info: half way | error: panic at "),
        ("m1", "b", "the other side is away"),
        ("m2", "c", "the handler gave no reason; last log lines: info: almost"),
    ];
    let dead = bench.dead_letters();
    for (id, key, cause) in causes {
        let lines: Vec<&str> = ended.stderr.lines().collect();
        let said = format!("[warn] {id}: failed, and is made again: {cause}");
        assert_eq!(lines.iter().filter(|line| line.starts_with(&said)).count(), 1, "{}", ended.stderr);
        let reason = dead.iter().find(|line| line.id() == id).unwrap().reason();
        assert!(reason.starts_with(&format!("attempts used up (2): {cause}")), "{reason}");
        let get = ["keys", "get", key, "--store", "file:gate.db", "--namespace", "probe"];
        let get = Ended::new(oncegate().current_dir(bench.path(".")).args(get).output().unwrap()).stdout;
        assert!(get.contains(cause), "{get}");
    }
    assert!(dead.iter().any(|line| line.reason().contains(": oh no")));
    // The host's lines have levels, as the handler's have.
    let bench = Bench::default();
    bench.write("quiet.toml", format!("{QUICK}[run]\nlog_level = \"error\"\n"));
    bench.messages(&scripts);
    let quiet = bench.run("probe").args(&["--config", "quiet.toml"]).ok();
    assert!(!quiet.stderr.contains("is made again") && quiet.stderr.contains("[error] m0: panic at "));
}

#[test]
fn one_duplicate_key_and_one_new_one_apply_the_new_one() {
    // Rule 17.
    let bench = Bench::default();
    let both = json!([{"seen_anyway": "k1"}, {"seen": "k2"}, {"emit": ["t", "2"]}, {"commit": "k2"}]);
    let scripts = [script(json!([{"seen": "k1"}, {"commit": "k1"}])), script(both)];
    // The two payloads differ, so fingerprints are off.
    let run = || run(&bench, &scripts, &["--fingerprint", "off"]);
    run();
    // On two threads the second may have met the first one's claim and come again: either way both end.
    assert_eq!(run().ends().duplicates(), 2);
    assert_eq!(bench.output().len(), 1);
}

#[test]
fn a_dead_key_acknowledges_the_delivery_that_died_and_no_other() {
    // Rule 14.
    let bench = Bench::default();
    let dying = script(json!([{"seen": "k"}, {"reject": "first reason"}]));
    run(&bench, std::slice::from_ref(&dying), &[]).ends().are(&[("rejected", 1)]);
    run(&bench, std::slice::from_ref(&dying), &[]).ends().are(&[("dead", 1)]);
    assert_eq!(bench.dead_letters().len(), 1, "the delivery that died is dead-lettered once");

    let other = script(json!([{"seen": "k"}, {"commit": "k"}]));
    run(&bench, &[dying, other], &[]).ends().are(&[("dead", 2)]);
    let dead = bench.dead_letters();
    assert_eq!(dead.len(), 2);
    assert_eq!(dead[1].reason(), "key is dead: rejected: first reason");
}

#[test]
fn a_delivery_that_was_told_in_flight_is_made_again_whatever_its_handler_returned() {
    // Row 29 and rule 7. The holder works for a while and commits nothing; the other one does not care for the answer
    // and runs into a refusal. Taken at its word it would be dead, and its effect lost.
    let bench = Bench::default();
    bench.write(
        "impatient.toml",
        QUICK.replace("200ms\"\n[limits]\ncpu = \"200ms", "1ms\"\n[limits]\ncpu = \"20s"),
    );
    let holder = script(json!([{"seen": "k"}, {"work": 200_000_000}]));
    let careless = script(json!([{"seen_anyway": "k"}, {"emit": ["t", "x"]}, {"commit": "k"}]));
    bench.messages(&[holder, careless]);
    let ended = bench.run("probe").args(&["--config", "impatient.toml", "--attempts", "1"]).ok();
    ended.ends().are(&[("applied", 1), ("no_effect", 1)]);
    assert!(ended.summary()["deferred"].as_u64() > Some(0), "nobody was told in-flight: {}", ended.stdout);
    assert_eq!(bench.output().len(), 1);
}

#[test]
fn a_spinning_and_a_greedy_handler_end_and_the_others_do_not_notice() {
    let bench = Bench::default();
    let mut scripts: Vec<Value> =
        (0..200).map(|n| script(json!([{"seen": format!("k{n}")}, {"commit": format!("k{n}")}]))).collect();
    scripts.insert(50, script(json!([{"spin": null}])));
    scripts.insert(100, script(json!([{"log": "about to"}, {"allocate": null}])));
    // So much that taking memory, which costs time as well, does not use it up on a busy machine.
    bench.write("patient.toml", QUICK.replace("cpu = \"200ms", "cpu = \"2s"));
    bench.messages(&scripts);
    let ended = bench.run("probe").args(&["--config", "patient.toml", "--attempts", "1"]).ok();
    ended.ends().are(&[("applied", 200), ("attempts_used_up", 2)]);
    let dead = bench.dead_letters();
    let reason = |id: &str| dead.iter().find(|line| line.id() == id).unwrap().reason().to_owned();
    assert!(reason("m50").starts_with("attempts used up (1): used 2 s of CPU time"), "{}", reason("m50"));
    assert!(
        reason("m100").starts_with("attempts used up (1): memory limit 64 MiB reached"),
        "{}",
        reason("m100")
    );
    assert!(reason("m100").contains("about to"), "{}", reason("m100"));
}

#[test]
fn what_waits_for_a_retry_is_bounded_and_reading_stops_at_the_bound() {
    let bench = Bench::default();
    let scripts: Vec<Value> = (0..5_000)
        .map(|n| script(json!([{"seen": format!("k{n}")}, {"retry_until": 2}, {"commit": format!("k{n}")}])))
        .collect();
    let bounded = format!("{QUICK}\nwaiting = 10\n");
    bench.write("bounded.toml", bounded);
    bench.messages(&scripts);
    let ended = bench.run("probe").args(&["--config", "bounded.toml"]).ok();
    ended.ends().are(&[("applied", 5_000)]);
    // What was under way when the bound was met comes on top: the bound once more for the other thread's settles,
    // and what ran.
    let most = ended.summary()["most_waiting"].as_u64().unwrap();
    assert!((10..=10 + 10 + 64).contains(&most), "{most} waited");
}

#[test]
fn every_malformed_line_is_a_dead_letter_and_stops_nothing() {
    let bench = Bench::default();
    let good = json!({"steps": [{"seen": "k"}, {"emit": ["t", "x"]}, {"commit": "k"}]});
    let mut input = b"\xef\xbb\xbf\r\n".to_vec();
    input.extend_from_slice(b"{broken\r\n\xff\xfe\n");
    input.extend_from_slice(&vec![b'x'; 3 << 20]);
    input.extend_from_slice(format!("\n\n{good}").as_bytes());
    bench.write("in.ndjson", input);
    let ended = bench.run("probe").ok();
    ended.ends().are(&[("applied", 1), ("malformed", 3)]);
    let mut dead = bench.dead_letters();
    // Several threads write them: not always in the order of the input.
    dead.sort_by_key(|line| line.header("oncegate-line").map(str::to_owned));
    let numbers: Vec<_> = dead.iter().map(|line| line.header("oncegate-line").unwrap()).collect();
    assert_eq!(numbers, ["2", "3", "4"]);
    assert_eq!(dead[0].id(), "in.ndjson:5");
}

#[test]
fn a_topic_that_the_pipeline_does_not_list_is_refused_and_pointed_out_once() {
    let bench = Bench::default();
    bench.messages(&[script(json!([{"emit": ["a\u{1b}", "1"]}])), script(json!([{"emit": ["b", "2"]}]))]);
    bench.write("c.toml", format!("plugin.path = \"{}\"\n", plugin("probe").display()));
    let mut command = oncegate();
    command.current_dir(bench.path(".")).args(["run", "--config", "c.toml", "--input", "in.ndjson"]);
    let ended = Ended::new(command.args(["--output", "out.ndjson", "--store", "memory:"]).output().unwrap());
    let said = ended.stderr.lines().filter(|line| line.contains("--topics")).collect::<Vec<_>>();
    let [said] = said[..] else { panic!("{}", ended.stderr) };
    assert!(said.contains("is refused the topic b"), "{said}");
    assert_eq!((bench.output().len(), bench.dead_letters().len()), (0, 2));
}
