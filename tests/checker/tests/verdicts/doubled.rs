use crate::folder::{BOUND, Folder, at, effect};

#[test]
fn inside_the_transaction_no_fault_explains_a_double() {
    let mut folder = Folder::intact();
    let id = effect("atomic", "e1");
    folder.happens("atomic", 4000, &id, "e1");
    folder.strikes(120, "kill", 1, &[&id]);
    folder.strikes(130, "kill", 1, &[&id]);
    folder.judge().is_violated_in(&[("doubled in the transaction", "atomic")]);
}

#[test]
fn outside_it_a_double_needs_a_fault_at_its_effect() {
    let mut folder = Folder::intact();
    let id = effect("ordered", "e1");
    folder.happens("ordered", 4000, &id, "e1");
    folder.judge().is_violated_in(&[("doubled outside it", "ordered")]);
    folder.strikes(120, "kill", 1, &[&effect("ordered", "e2a")]);
    folder.judge().is_violated_in(&[("doubled outside it", "ordered")]);
    folder.strikes(121, "kill", 1, &[&effect("ordered", "e2a"), &id]);
    let judged = folder.judge();
    judged.is_proven();
    assert!(judged.report.to_string().contains("0 unexplained and 1 explained"), "{:#}", judged.report);
}

#[test]
fn each_copy_needs_a_fault_of_its_own() {
    let mut folder = Folder::intact();
    let id = effect("ordered", "e1");
    folder.happens("ordered", 4000, &id, "e1");
    folder.happens("ordered", 8000, &id, "e1");
    folder.strikes(120, "stop", 1, &[&id]);
    folder.judge().is_violated_in(&[("doubled outside it", "ordered")]);
    folder.strikes(4100, "cut", 2, &[&id]);
    folder.judge().is_proven();
}

#[test]
fn a_fault_long_after_a_copy_does_not_explain_it() {
    let mut folder = Folder::intact();
    let id = effect("ordered", "e1");
    folder.happens("ordered", 4000, &id, "e1");
    folder.strikes(4000 + BOUND + 1, "kill", 1, &[&id]);
    folder.judge().is_violated_in(&[("doubled outside it", "ordered")]);
    folder.strikes(4000 + BOUND, "kill", 1, &[&id]);
    folder.judge().is_proven();
}

#[test]
fn a_violation_comes_with_all_that_is_known_of_it() {
    let mut folder = Folder::intact();
    folder.happens("atomic", 4000, &effect("atomic", "e1"), "e1");
    folder.strikes(300, "cut", 2, &[]);
    folder.strikes(90_000, "resume", 2, &[]);
    let trail = folder.judge().trail("doubled in the transaction", "atomic");
    let expected = [
        format!("+0 ms  sent as {} in the storm: event e1", at(100)),
        format!("+10 ms  effect atomic/k/e1/0 at {}", at(110)),
        format!("+50 ms  {} acknowledged by h1", at(100)),
        "+50 ms  fault: reply_lost of h1 in atomic".to_owned(),
        format!("+100 ms  sent as {}", at(200)),
        format!("+150 ms  {} acknowledged by h1", at(200)),
        "+150 ms  fault: kill of h3 after ack in ordered".to_owned(),
        "+200 ms  fault: cut of h2".to_owned(),
        format!("+3900 ms  effect atomic/k/e1/0 at {}", at(4000)),
    ];
    assert_eq!(trail.lines().count(), expected.len(), "{trail}");
    for (line, expected) in trail.lines().zip(expected) {
        assert!(line.contains(&expected), "{expected:?} in {trail}");
    }
}

#[test]
fn the_trail_tells_the_faults_that_left_it_unmarked() {
    let mut folder = Folder::intact();
    let id = effect("ordered", "e1");
    folder.happens("ordered", 4000, &id, "e1");
    folder.happens("ordered", 8000, &id, "e1");
    folder.strikes(120, "stop", 1, &[&id]);
    let trail = folder.judge().trail("doubled outside it", "ordered");
    assert!(trail.contains("fault: stop of h1 in atomic, this was unmarked"), "{trail}");
    assert!(!trail.contains("reply_lost of h1 in atomic, this"), "{trail}");
}

#[test]
fn copies_are_judged_in_the_order_of_time_wherever_they_lie() {
    let mut folder = Folder::intact();
    let id = effect("ordered", "e1");
    folder.strikes(120, "kill", 1, &[&id]);
    folder.strikes(4000 + BOUND + 1, "kill", 1, &[&id]);
    folder.happens("ordered", 8000, &id, "e1");
    folder.happens("ordered", 4000, &id, "e1");
    folder.judge().is_proven();
}

#[test]
fn a_trail_through_a_long_storm_leaves_faults_out_and_says_how_many() {
    let mut folder = Folder::intact();
    folder.happens("atomic", 4000, &effect("atomic", "e1"), "e1");
    for number in 0..20 {
        folder.strikes(1000 + number, "cut", 2, &[]);
    }
    let trail = folder.judge().trail("doubled in the transaction", "atomic");
    assert_eq!(trail.matches("fault: ").count(), 20, "{trail}");
    assert!(trail.ends_with("and 2 more faults in that time\n"), "{trail}");
}
