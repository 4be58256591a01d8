use serde_json::json;

use crate::folder::{Folder, effect};

#[test]
fn the_table_has_a_row_for_everything_and_says_what_it_comes_to() {
    let text = Folder::intact().printed();
    assert!(text.starts_with("shape single, seed 7\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("  ok  ")).count(), 13, "{text}");
    assert!(
        text.contains("duplicates 2, taken_over 8, fence_refused 8, reply_lost 1, gate:after ack 1"),
        "{text}"
    );
    assert!(text.lines().last().unwrap().starts_with("PROVEN"), "{text}");
}

#[test]
fn what_is_violated_is_told_with_at_most_five_examples() {
    let mut folder = Folder::intact();
    folder.run["control"] = json!("plain");
    for number in 0..7 {
        folder.happens("ordered", 700 + number, &effect("ordered", &format!("x{number}")), "x");
    }
    let text = folder.printed();
    assert!(text.starts_with("shape single, seed 7, control: plain\n"), "{text}");
    assert!(text.contains("\nunexpected, ordered: 7 violations\n"), "{text}");
    assert_eq!(text.matches("nobody expects the effect").count(), 5, "{text}");
    assert!(text.contains("\n  and 2 more\n"), "{text}");
    assert!(text.ends_with("\nVIOLATED: 1 rows\n"), "{text}");
}

#[test]
fn what_is_missing_is_named() {
    let mut folder = Folder::intact();
    folder.run["requires"] = json!(["duplicates", "failover"]);
    let text = folder.printed();
    assert!(text.contains("duplicates 2, failover 0"), "{text}");
    assert!(text.ends_with("\nVACUOUS: nothing is violated, but the run lacks failover\n"), "{text}");
}
