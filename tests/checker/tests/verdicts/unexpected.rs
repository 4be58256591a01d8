use serde_json::json;

use crate::folder::{Folder, PIPELINES, effect, sent};

#[test]
fn an_effect_that_nobody_sent_is_unexpected() {
    for pipeline in PIPELINES {
        let mut folder = Folder::intact();
        folder.happens(pipeline, 700, &effect(pipeline, "e99"), "e99");
        folder.judge().is_violated_in(&[("unexpected", pipeline)]);
    }
}

#[test]
fn an_effect_of_what_had_to_die_is_unexpected_even_if_the_ledger_names_it() {
    for event in ["e3", "e4"] {
        let mut folder = Folder::intact();
        let id = effect("atomic", event);
        folder.line("ledger", "atomic", "event", event)["expect"] = json!([id]);
        folder.judge().is_proven();
        folder.happens("atomic", 700, &id, event);
        let judged = folder.judge();
        judged.is_violated_in(&[("unexpected", "atomic")]);
        assert!(judged.trail("unexpected", "atomic").contains(", must die"), "the trail knows whose it is");
    }
}

#[test]
fn a_mismatch_that_took_the_place_of_the_first_is_unexpected() {
    let mut folder = Folder::intact();
    folder.line("sink", "atomic", "id", &effect("atomic", "e1"))["payload"] = json!("e4");
    folder.judge().is_violated_in(&[("unexpected", "atomic")]);
}

#[test]
fn what_an_effect_carries_is_free_where_the_ledger_does_not_say() {
    let mut folder = Folder::intact();
    folder.line("sink", "atomic", "id", &effect("atomic", "e2a"))["payload"] = json!("anything");
    folder.line("ledger", "atomic", "event", "e2")["payload"] = json!(null);
    folder.judge().is_proven();
}

#[test]
fn copies_that_differ_are_unexpected_even_if_explained() {
    let mut folder = Folder::intact();
    let id = effect("ordered", "e2a");
    folder.line("ledger", "ordered", "event", "e2")["payload"] = json!(null);
    folder.strikes(320, "kill", 1, &[&id]);
    folder.happens("ordered", 4000, &id, "e2");
    folder.judge().is_proven();
    folder.last("sink")["payload"] = json!("other");
    folder.judge().is_violated_in(&[("unexpected", "ordered")]);
}

#[test]
fn an_effect_of_forgotten_input_is_allowed_outside_the_transaction_only() {
    for pipeline in PIPELINES {
        let mut folder = Folder::intact();
        folder.add("sent", sent(pipeline, 700, "e9", &[&effect(pipeline, "e9")]));
        folder.judge().is_proven();
        folder.happens(pipeline, 710, &effect(pipeline, "e9"), "e9");
        match pipeline {
            "ordered" => {
                let judged = folder.judge();
                judged.is_proven();
                assert!(judged.report.to_string().contains("1 of forgotten input"), "{:#}", judged.report);
            }
            _ => folder.judge().is_violated_in(&[("unexpected", pipeline)]),
        }
    }
}

#[test]
fn forgotten_input_carries_what_was_sent() {
    let mut folder = Folder::intact();
    folder.add("sent", sent("ordered", 700, "e9", &[&effect("ordered", "e9")]));
    folder.happens("ordered", 710, &effect("ordered", "e9"), "e8");
    folder.judge().is_violated_in(&[("unexpected", "ordered")]);
}

#[test]
fn what_the_source_still_has_is_not_forgotten() {
    let mut folder = Folder::intact();
    for (ms, event) in [(100, "e1"), (400, "e3")] {
        folder.add("sent", sent("ordered", ms, event, &[&effect("ordered", event)]));
        folder.last("sent")["dead"] = json!(event == "e3");
    }
    let judged = folder.judge();
    judged.is_proven();
    assert!(!judged.report.to_string().contains("1 of forgotten input"), "{:#}", judged.report);
}
