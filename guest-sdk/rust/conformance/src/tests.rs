//! All cases on the SDK's own host for tests, and that they notice what is wrong.

mod native;
mod wrong;

use native::{LANGUAGE, cases, check};

#[test]
fn the_host_for_tests_passes_all_cases() {
    let differences: Vec<_> = cases().iter().flat_map(|case| check(case, crate::handle)).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn no_case_passes_if_anything_else_is_expected() {
    for case in cases() {
        for index in 0..case.deliveries.len() {
            for other in wrong::expectations(&case, index) {
                let differences = check(&other, crate::handle);
                assert!(
                    !differences.is_empty(),
                    "{}, delivery {}: {:?}",
                    case.name,
                    index + 1,
                    other.deliveries[index].expect
                );
            }
        }
    }
}

/// Each is a mistake that bindings, or code between them and a handler, are known for.
#[test]
fn mistakes_that_bindings_make_are_noticed() {
    for (what, spoil) in wrong::MESSAGES {
        let fails =
            |case: &&oncegate_conform::Case| !check(case, |message| crate::handle(spoil(message))).is_empty();
        assert!(cases().iter().any(|case| fails(&case)), "{LANGUAGE}: {what} passes every case");
    }
}
