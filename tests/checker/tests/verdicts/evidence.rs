use std::process::Command;

use serde_json::json;

use crate::folder::{Folder, at};

const FILES: [&str; 7] = ["ledger", "sink", "dead", "faults", "acks", "groups", "summaries"];

#[test]
fn a_torn_line_is_found_wherever_it_is() {
    for file in FILES {
        let mut folder = Folder::intact();
        let written = folder.written(file);
        folder.text(file, &written[..written.len() - 2]);
        let last = written.lines().count();
        folder.judge().is_unreadable(&format!("{file}.ndjson, line {last}: "));
    }
}

#[test]
fn a_blank_line_is_no_record() {
    let mut folder = Folder::intact();
    let written = folder.written("sink");
    folder.text("sink", &format!("{written}\n"));
    folder.judge().is_unreadable("sink.ndjson, line ");
}

#[test]
fn a_file_that_is_not_there_is_missed() {
    for file in FILES {
        let mut folder = Folder::intact();
        folder.without(file);
        folder.judge().is_unreadable(&format!("{file}.ndjson cannot be opened"));
    }
}

#[test]
fn a_field_that_is_not_there_is_missed_and_one_that_nobody_knows_is_not_minded() {
    for (file, field) in [
        ("ledger", "expect"),
        ("ledger", "dead"),
        ("ledger", "phase"),
        ("sink", "payload"),
        ("dead", "entry"),
        ("faults", "ms"),
        ("acks", "host"),
        ("groups", "pending"),
        ("summaries", "ends"),
    ] {
        let mut folder = Folder::intact();
        folder.last(file)["news"] = json!("no");
        folder.judge().is_proven();
        folder.last(file).as_object_mut().unwrap().remove(field).unwrap();
        folder.judge().is_unreadable(&format!("missing field `{field}`"));
    }
    let mut folder = Folder::intact();
    folder.run.as_object_mut().unwrap().remove("requires");
    folder.judge().is_unreadable("missing field `requires`");
}

#[test]
fn an_id_that_no_stream_gave_is_unreadable() {
    let mut folder = Folder::intact();
    folder.last("acks")["entry"] = json!("soon");
    folder.judge().is_unreadable("`soon` is no id of a stream's entry");
}

#[test]
fn files_that_contradict_each_other_are_not_judged() {
    let mut twice = Folder::intact();
    twice.sent("atomic", 600, "e7", &[]);
    twice.judge().is_unreadable(&format!("ledger.ndjson has the entry {} of `atomic` twice", at(600)));

    for file in ["ledger", "sink", "dead", "acks", "groups", "summaries"] {
        let mut stranger = Folder::intact();
        stranger.last(file)["pipeline"] = json!("other");
        stranger.judge().is_unreadable(&format!("{file}.ndjson names the pipeline `other`"));
    }

    let mut no_group = Folder::intact();
    no_group.take("groups", "atomic", "stream", "orders");
    no_group.judge().is_unreadable("groups.ndjson has no group of the pipeline `atomic`");

    let mut nothing = Folder::intact();
    nothing.run["pipelines"] = json!([]);
    nothing.judge().is_unreadable("run.json names no pipeline");

    let mut same = Folder::intact();
    same.run["pipelines"][1] = same.run["pipelines"][0].clone();
    same.judge().is_unreadable("run.json names a pipeline twice");
}

#[test]
fn a_wrong_command_line_is_no_verdict() {
    let code = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_oncegate-checker");
        Command::new(program).args(arguments).output().unwrap().status.code()
    };
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["/nowhere", "--yaml"]), Some(2));
    assert_eq!(code(&["/nowhere"]), Some(2));
    assert_eq!(code(&["--help"]), Some(0));
}
