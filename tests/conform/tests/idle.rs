//! No case is passed by a handler that does nothing of what it is asked.

#![cfg(test)]

use oncegate_conform::{Case, Instances, Real, folder, read_all};

/// A component whose `handle` has this body. Its results lie at 0, 16 and 32: ok, a retry and a reject without a text.
fn component(body: &str) -> Real {
    let text = include_str!("idle.wat").replace(";; BODY", body);
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    Real::of(&bytes).unwrap_or_else(|error| panic!("{error:#}"))
}

fn passed(body: &str) -> Vec<String> {
    let (driver, cases) = (component(body), read_all(&folder()).unwrap());
    let passes = |case: &&Case| driver.check(case, "rust", Instances::Fresh).unwrap().is_empty();
    cases.iter().filter(passes).map(|case| case.name.clone()).collect()
}

#[test]
fn who_always_returns_ok_passes_none() {
    assert_eq!(passed("(i32.const 0)"), [""; 0]);
}

#[test]
fn who_always_asks_for_a_retry_passes_none() {
    assert_eq!(passed("(i32.const 16)"), [""; 0]);
}

#[test]
fn who_always_rejects_passes_none() {
    assert_eq!(passed("(i32.const 32)"), [""; 0]);
}

#[test]
fn who_always_traps_passes_none() {
    assert_eq!(passed("unreachable"), [""; 0]);
}
