//! Every language's driver passes all cases, as a component in the real host.
//!
//! The components lie in the folder that ONCEGATE_DRIVERS names, `target/conformance` by default, each as LANG.wasm. Where
//! one is not there it is passed over, loudly, but not in CI.

#![cfg(test)]

use std::path::PathBuf;

use oncegate_conform::{Instances, Real, folder, read_all};

fn passes(language: &str) {
    let drivers = std::env::var_os("ONCEGATE_DRIVERS")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/conformance")));
    let path = drivers.join(language).with_extension("wasm");
    if !path.is_file() {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        assert!(!ci, "{} is not there", path.display());
        eprintln!("skipped: {} is not there, and the cases are not run in {language}", path.display());
        return;
    }
    let driver = Real::read(&path).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    let cases = read_all(&folder()).unwrap();
    let (mut run, mut differences) = (0, Vec::new());
    for case in cases.iter().filter(|case| case.is_for(language)) {
        for instances in [Instances::Fresh, Instances::Reused] {
            let found = driver.check(case, language, instances).unwrap();
            differences.extend(found.into_iter().map(|line| format!("{line} ({instances:?})")));
        }
        run += 1;
    }
    assert!(run >= 40, "{run} cases are too few");
    assert!(differences.is_empty(), "{language}:\n{}", differences.join("\n"));
}

#[test]
fn rust() {
    passes("rust");
}

#[test]
fn go() {
    passes("go");
}

#[test]
fn js() {
    passes("js");
}

#[test]
fn python() {
    passes("python");
}

#[test]
fn c() {
    passes("c");
}
