use serde_json::json;

use crate::folder::{BEGIN, Folder, PIPELINES, at, effect};

fn requiring(name: &str) -> Folder {
    let mut folder = Folder::intact();
    folder.run["requires"] = json!([name]);
    folder
}

#[test]
fn what_is_required_and_never_happened_makes_a_run_vacuous() {
    for name in ["redis_restarted", "gate:before claim", "reply", "gate:", ""] {
        requiring(name).judge().lacks(name);
    }
}

#[test]
fn a_fault_counts_by_its_name_and_a_gate_by_who_died_or_stood_still_there() {
    let mut folder = requiring("gate:before claim");
    let at_gate = |fault: &str| json!({"ms": BEGIN, "fault": fault, "host": 1, "gate": "before claim"});
    folder.add("faults", at_gate("cut"));
    folder.judge().lacks("gate:before claim");
    for fault in ["kill", "stop"] {
        let mut folder = requiring("gate:before claim");
        folder.add("faults", at_gate(fault));
        folder.judge().is_proven();
    }
    let mut folder = requiring("redis_restarted");
    folder.add("faults", json!({"ms": BEGIN, "fault": "redis_restarted", "host": null}));
    folder.judge().is_proven();
}

#[test]
fn duplicates_are_counted_in_the_ledger_and_a_mismatch_is_none() {
    let mut folder = requiring("duplicates");
    for pipeline in PIPELINES {
        folder.line("ledger", pipeline, "entry", &at(200))["event"] = json!("e6");
    }
    folder.judge().lacks("duplicates");
    folder.line("ledger", "atomic", "event", "e4")["event"] = json!("e1");
    folder.judge().lacks("duplicates");
    folder.line("ledger", "atomic", "event", "e6")["event"] = json!("e1");
    folder.judge().is_proven();
}

#[test]
fn taken_over_and_refused_by_a_fence_are_the_hosts_own_counts() {
    let mut folder = Folder::intact();
    folder.run["requires"] = json!(["taken_over", "fence_refused"]);
    for (pipeline, host) in [("atomic", "h1"), ("atomic", "h2"), ("ordered", "h1"), ("ordered", "h2")] {
        let summary = folder.line("summaries", pipeline, "host", host);
        (summary["redelivered"], summary["fences_lost"]) = (json!(0), json!(0));
    }
    folder.judge().lacks("taken_over");
    for (pipeline, host) in [("atomic", "h1"), ("atomic", "h2"), ("ordered", "h1"), ("ordered", "h2")] {
        folder.line("summaries", pipeline, "host", host)["ends"] = json!({"applied": 10});
    }
    folder.line("summaries", "atomic", "host", "h1")["redelivered"] = json!(1);
    folder.judge().lacks("fence_refused");
    folder.line("summaries", "atomic", "host", "h1")["fences_lost"] = json!(1);
    folder.judge().is_proven();
}

#[test]
fn a_run_that_requires_nothing_is_vacuous() {
    let mut folder = Folder::intact();
    folder.run["requires"] = json!([]);
    folder.judge().lacks("anything that run.json requires");
}

#[test]
fn a_pipeline_to_which_nothing_was_sent_is_vacuous() {
    let mut folder = Folder::intact();
    folder.run["control"] = json!("no-dedup");
    folder.run["pipelines"].as_array_mut().unwrap().push(json!({"name": "idle", "transaction": true}));
    folder.add(
        "groups",
        json!({"pipeline": "idle", "stream": "s", "length": 0, "read": 0, "pending": 0, "lag": 0}),
    );
    folder.judge().lacks("a message for `idle`");
}

#[test]
fn a_violation_weighs_more_than_what_is_missing() {
    let mut folder = requiring("redis_restarted");
    folder.take("sink", "atomic", "id", &effect("atomic", "e1"));
    folder.judge().is_violated_in(&[("lost", "atomic")]);
}
