use serde_json::json;

use crate::folder::{BEGIN, BOUND, Folder, at};

/// An intact run in which the last message of `h2` was done so long after it was sent.
fn last_took(ms: u64) -> Folder {
    let mut folder = Folder::intact();
    folder.line("acks", "ordered", "entry", &at(50_900))["ms"] = json!(BEGIN + 50_900 + ms);
    folder
}

#[test]
fn a_last_message_that_took_too_long_is_found() {
    last_took(BOUND).judge().is_proven();
    last_took(BOUND + 1).judge().is_violated_in(&[("last five of each", "ordered")]);
}

#[test]
fn what_was_sent_while_faults_struck_may_take_longer() {
    let mut folder = last_took(BOUND + 1);
    folder.line("ledger", "ordered", "entry", &at(50_900))["phase"] = json!("calm");
    folder.judge().lacks("five last messages for h2 of `ordered` (it had 4)");
}

#[test]
fn only_the_last_five_of_a_consumer_are_held_against_it() {
    let mut folder = Folder::intact();
    // A sixth for h1, the first in time, and slow.
    folder.sent("atomic", 20_000, "e5", &[]);
    folder.last("ledger")["phase"] = json!("tail");
    folder.acknowledged("atomic", 20_000, 45_000, "h1");
    let group = folder.line("groups", "atomic", "stream", "orders");
    (group["length"], group["read"]) = (json!(17), json!(17));
    folder.judge().is_proven();
}

#[test]
fn a_host_that_died_or_left_early_has_no_last_five() {
    let mut folder = last_took(BOUND + 1);
    folder.line("summaries", "ordered", "host", "h2")["early"] = json!(true);
    folder.judge().is_proven();
    folder.take("summaries", "ordered", "host", "h2");
    folder.strikes(60_000, "kill", 2, &[]);
    folder.judge().is_proven();
}

#[test]
fn a_run_whose_consumers_had_too_little_to_do_is_vacuous() {
    let mut folder = Folder::intact();
    folder.take("acks", "atomic", "entry", &at(50_100));
    folder.judge().lacks("five last messages for h2 of `atomic` (it had 4)");
}

#[test]
fn a_run_that_no_host_survived_is_vacuous() {
    let mut folder = Folder::intact();
    for (number, host) in [(1, "h1"), (2, "h2")] {
        folder.take("summaries", "atomic", "host", host);
        folder.strikes(60_000, "kill", number, &[]);
    }
    folder.judge().lacks("a host of `atomic` that lives to the end");
    folder.run["control"] = json!("plain");
    folder.judge().is_proven();
}

#[test]
fn the_last_are_those_that_were_done_last() {
    let mut folder = Folder::intact();
    folder.sent("atomic", 20_000, "e5", &[]);
    folder.last("ledger")["phase"] = json!("tail");
    folder.acknowledged("atomic", 20_000, 60_000, "h1");
    let group = folder.line("groups", "atomic", "stream", "orders");
    (group["length"], group["read"]) = (json!(17), json!(17));
    folder.judge().is_violated_in(&[("last five of each", "atomic")]);
}
