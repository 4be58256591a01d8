use serde_json::json;

use crate::folder::{BOUND, Folder, PIPELINES, at, effect, sent};

#[test]
fn a_dead_letter_that_nobody_expects_is_found() {
    for pipeline in PIPELINES {
        let mut folder = Folder::intact();
        folder.dies(pipeline, 600, "e5");
        folder.judge().is_violated_in(&[("dead letters", pipeline)]);
    }
}

#[test]
fn a_dead_letter_of_what_was_never_sent_is_found() {
    let mut folder = Folder::intact();
    folder.dies("atomic", 999, "e3");
    folder.judge().is_violated_in(&[("dead letters", "atomic")]);
}

#[test]
fn each_delivery_of_a_dead_event_dies() {
    let mut folder = Folder::intact();
    folder.sent("atomic", 700, "e3", &[]);
    folder.last("ledger")["dead"] = json!(true);
    let group = folder.line("groups", "atomic", "stream", "orders");
    (group["length"], group["read"]) = (json!(17), json!(17));
    folder.judge().is_violated_in(&[("lost", "atomic"), ("dead letters", "atomic")]);
    folder.dies("atomic", 700, "e3");
    folder.judge().is_proven();
}

#[test]
fn a_repeated_dead_letter_is_a_double() {
    for pipeline in PIPELINES {
        let mut folder = Folder::intact();
        folder.dies(pipeline, 400, "e3");
        folder.last("dead")["at"] = json!(at(4000));
        folder.judge().is_violated_in(&[("dead letters", pipeline)]);
        folder.strikes(420, "kill", 1, &[&at(400)]);
        match pipeline {
            "ordered" => folder.judge().is_proven(),
            _ => folder.judge().is_violated_in(&[("dead letters", pipeline)]),
        }
    }
}

#[test]
fn a_dead_letter_of_forgotten_input_is_allowed_outside_the_transaction_if_it_had_to_die() {
    for (pipeline, dead) in [("ordered", true), ("ordered", false), ("atomic", true)] {
        let mut folder = Folder::intact();
        let mut line = sent(pipeline, 700, "e9", &[&effect(pipeline, "e9")]);
        line["dead"] = json!(dead);
        folder.add("sent", line);
        folder.dies(pipeline, 700, "e9");
        match (pipeline, dead) {
            ("ordered", true) => folder.judge().is_proven(),
            _ => folder.judge().is_violated_in(&[("dead letters", pipeline)]),
        }
    }
}

#[test]
fn repeated_dead_letters_are_judged_in_the_order_of_time_and_told_with_their_faults() {
    let mut folder = Folder::intact();
    folder.strikes(420, "kill", 1, &[&at(400)]);
    for ms in [8000, 4000] {
        folder.dies("ordered", 400, "e3");
        folder.last("dead")["at"] = json!(at(ms));
    }
    let judged = folder.judge();
    judged.is_violated_in(&[("dead letters", "ordered")]);
    let trail = judged.trail("dead letters", "ordered");
    assert!(trail.contains("fault: kill of h1 in atomic, this was unmarked"), "{trail}");
    folder.strikes(4000 + BOUND + 1, "kill", 1, &[&at(400)]);
    folder.judge().is_proven();
}

#[test]
fn a_host_that_stood_still_explains_a_repeated_dead_letter_only_of_what_it_had_without_a_claim() {
    let judged = |reason: &str, pipeline: &str, held: u64| {
        let mut folder = Folder::intact();
        folder.dies(pipeline, 400, "e3");
        folder.last("dead")["at"] = json!(at(4000));
        folder.last("dead")["reason"] = json!(reason);
        folder.strikes(420, "stop", 1, &[]);
        folder.last("faults")["held"] = json!([at(held)]);
        folder.judge()
    };
    for reason in ["mismatch: key e3 was committed", "key is dead: rejected"] {
        judged(reason, "ordered", 400).is_proven();
        judged(reason, "ordered", 500).is_violated_in(&[("dead letters", "ordered")]);
        judged(reason, "atomic", 400).is_violated_in(&[("dead letters", "atomic")]);
    }
    judged("rejected: key is dead:", "ordered", 400).is_violated_in(&[("dead letters", "ordered")]);
}
