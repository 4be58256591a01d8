use serde_json::{Value, json};

use crate::folder::{BEGIN, BOUND, Folder, PIPELINES, at, effect, sent};

fn group_with(field: &str, value: Value) -> Folder {
    let mut folder = Folder::intact();
    folder.line("groups", "ordered", "stream", "orders")[field] = value;
    folder
}

#[test]
fn what_was_not_read_not_acknowledged_or_not_written_down_is_found() {
    let wrong = [("read", 15), ("pending", 1), ("lag", 1), ("length", 15), ("length", 17)];
    for (field, value) in wrong {
        group_with(field, json!(value)).judge().is_violated_in(&[("conservation", "ordered")]);
    }
}

#[test]
fn a_source_that_is_longer_than_the_ledger_is_found_although_all_of_it_was_read() {
    let mut folder = group_with("length", json!(17));
    folder.line("groups", "ordered", "stream", "orders")["read"] = json!(17);
    folder.judge().is_violated_in(&[("conservation", "ordered")]);
}

#[test]
fn a_lag_that_the_server_does_not_know_is_told_by_what_was_read() {
    group_with("lag", json!(null)).judge().is_proven();
}

#[test]
fn several_streams_of_one_source_are_added_up() {
    let mut folder = group_with("length", json!(10));
    folder.line("groups", "ordered", "stream", "orders")["read"] = json!(10);
    folder.judge().is_violated_in(&[("conservation", "ordered")]);
    let second =
        json!({"pipeline": "ordered", "stream": "more", "length": 6, "read": 6, "pending": 0, "lag": 0});
    folder.add("groups", second);
    folder.judge().is_proven();
}

#[test]
fn what_was_acknowledged_and_never_sent_is_found() {
    for pipeline in PIPELINES {
        let mut folder = Folder::intact();
        folder.acknowledged(pipeline, 999, 1100, "h1");
        folder.judge().is_violated_in(&[("conservation", pipeline)]);
        folder.add("sent", sent(pipeline, 999, "e9", &[&effect(pipeline, "e9")]));
        folder.judge().is_proven();
    }
}

/// An intact run in which `h1` acknowledged an entry long after all faults, and this host did so half a second later.
fn acknowledged_again_by(host: &str) -> Folder {
    let mut folder = Folder::intact();
    folder.sent("atomic", 39_000, "e5", &[]);
    let group = folder.line("groups", "atomic", "stream", "orders");
    (group["length"], group["read"]) = (json!(17), json!(17));
    folder.acknowledged("atomic", 39_000, 39_500, "h1");
    folder.acknowledged("atomic", 39_000, 40_000, host);
    folder
}

#[test]
fn an_acknowledgement_that_the_same_host_repeats_needs_a_fault_that_can_have_struck_it() {
    let mut folder = acknowledged_again_by("h1");
    folder.judge().is_violated_in(&[("conservation", "atomic")]);
    folder.strikes(39_700, "cut", 2, &[]);
    folder.judge().is_violated_in(&[("conservation", "atomic")]);
    folder.strikes(40_001, "cut", 1, &[]);
    folder.judge().is_violated_in(&[("conservation", "atomic")]);
    folder.strikes(39_700, "cut", 1, &[]);
    folder.judge().is_proven();
    let mut of_the_server = acknowledged_again_by("h1");
    of_the_server.add("faults", json!({"ms": BEGIN + 39_700, "fault": "redis_killed", "host": null}));
    of_the_server.judge().is_proven();
}

#[test]
fn an_acknowledgement_that_another_host_repeats_needs_a_failover() {
    let mut folder = acknowledged_again_by("h2");
    folder.strikes(39_700, "kill", 1, &[]);
    folder.strikes(39_700, "kill", 2, &[]);
    folder.judge().is_violated_in(&[("conservation", "atomic")]);
    folder.add("faults", json!({"ms": BEGIN + 39_700, "fault": "failover", "host": null}));
    folder.judge().is_proven();
}

#[test]
fn a_fault_that_lasts_may_have_begun_before_the_first_acknowledgement() {
    for before in [BOUND, BOUND + 1] {
        let mut folder = acknowledged_again_by("h1");
        folder.strikes(39_500 - before, "throttled", 1, &[]);
        match before {
            BOUND => folder.judge().is_proven(),
            _ => folder.judge().is_violated_in(&[("conservation", "atomic")]),
        }
    }
}

#[test]
fn a_delivery_without_an_end_or_with_two_is_found() {
    for applied in [7, 9] {
        let mut folder = Folder::intact();
        folder.line("summaries", "atomic", "host", "h2")["ends"]["applied"] = json!(applied);
        folder.judge().is_violated_in(&[("conservation", "atomic")]);
    }
}

#[test]
fn an_entry_is_found_by_its_pipeline() {
    let mut folder = Folder::intact();
    folder.take("ledger", "atomic", "entry", &at(600));
    folder.judge().is_violated_in(&[("conservation", "atomic")]);
}

#[test]
fn acknowledgements_are_judged_in_the_order_of_time_wherever_they_lie() {
    let mut folder = acknowledged_again_by("h1");
    folder.take("acks", "atomic", "entry", &at(39_000));
    folder.acknowledged("atomic", 39_000, 40_000, "h1");
    folder.acknowledged("atomic", 39_000, 39_500, "h1");
    folder.strikes(39_700, "cut", 1, &[]);
    folder.judge().is_proven();
}

#[test]
fn a_host_that_worked_after_all_faults_and_left_no_summary_is_missed() {
    let mut folder = Folder::intact();
    folder.line("acks", "atomic", "entry", &at(600))["host"] = json!("h9");
    folder.judge().is_proven();
    folder.take("summaries", "atomic", "host", "h2");
    folder.judge().is_violated_in(&[("conservation", "atomic")]);
    folder.run["control"] = json!("plain");
    folder.judge().is_proven();
    folder.run["control"] = json!(null);
    folder.strikes(60_000, "stop", 2, &[]);
    folder.strikes(60_000, "kill", 1, &[]);
    folder.judge().is_violated_in(&[("conservation", "atomic")]);
    folder.strikes(60_000, "kill", 2, &[]);
    folder.judge().is_proven();
}
