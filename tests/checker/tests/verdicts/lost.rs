use serde_json::json;

use crate::folder::{Folder, PIPELINES, at, effect};

#[test]
fn an_intact_run_is_proven() {
    let judged = Folder::intact().judge();
    judged.is_proven();
    assert_eq!(judged.report["verdict"], "proven");
    assert_eq!(judged.report["rows"].as_array().unwrap().len(), 12, "six rows for each pipeline");
    assert_eq!(judged.report["missing"], json!([]));
}

#[test]
fn an_effect_that_is_not_there_is_lost() {
    for pipeline in PIPELINES {
        let mut folder = Folder::intact();
        folder.take("sink", pipeline, "id", &effect(pipeline, "e1"));
        folder.judge().is_violated_in(&[("lost", pipeline)]);
    }
}

#[test]
fn one_of_two_effects_of_an_event_is_lost() {
    let mut folder = Folder::intact();
    folder.take("sink", "atomic", "id", &effect("atomic", "e2b"));
    folder.judge().is_violated_in(&[("lost", "atomic")]);
}

#[test]
fn an_effect_of_another_pipeline_is_no_replacement() {
    let mut folder = Folder::intact();
    folder.line("sink", "atomic", "id", &effect("atomic", "e1"))["pipeline"] = json!("ordered");
    folder.judge().is_violated_in(&[("lost", "atomic"), ("unexpected", "ordered")]);
}

#[test]
fn what_had_to_die_and_left_no_dead_letter_is_lost() {
    for (ms, event) in [(400, "dead"), (500, "a mismatch")] {
        let mut folder = Folder::intact();
        folder.take("dead", "ordered", "entry", &at(ms));
        let judged = folder.judge();
        judged.is_violated_in(&[("lost", "ordered"), ("dead letters", "ordered")]);
        assert!(judged.trail("lost", "ordered").contains(&at(ms)), "{event}");
    }
}
