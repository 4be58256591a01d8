//! The program says what it found, by its words and by its exit code.

use oncegate_model::program::{PROVEN, USAGE, run};

fn says(words: &[&str]) -> (u8, String) {
    let mut out = Vec::new();
    let code = run(words.iter().map(|word| (*word).to_owned()), &mut out).unwrap_or(u8::MAX);
    (code, String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn a_world_by_its_name_is_searched() {
    let (code, text) = says(&["--config", "opposite"]);
    assert_eq!(code, PROVEN);
    assert!(text.contains("opposite") && text.contains("holds"), "{text}");
}

#[test]
fn the_worlds_are_listed_and_help_names_every_option() {
    let (code, text) = says(&["--list"]);
    assert!(code == PROVEN && text.contains("three-by-one-ordered"), "{text}");
    let (code, text) = says(&["--help"]);
    assert_eq!(code, PROVEN);
    for option in ["--config", "--list", "--mutations-only", "--histories", "--threads"] {
        assert!(text.contains(option), "{text}");
    }
}

#[test]
fn what_it_does_not_know_is_wrong_usage_in_one_line() {
    for words in [&["--wat"][..], &["--config"], &["--config", "none"], &["--threads", "0"], &["--threads"]] {
        let (code, text) = says(words);
        assert_eq!((code, text.lines().count()), (USAGE, 1), "{text}");
    }
}
