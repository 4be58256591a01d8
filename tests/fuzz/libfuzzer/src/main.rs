//! The targets under libFuzzer. Which one is run is said in the environment, so that one build serves all.
#![no_main]

use std::sync::LazyLock;

use oncegate_fuzz::{Target, named};

/// The target's name.
const VARIABLE: &str = "ONCEGATE_FUZZ_TARGET";

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    named(&name).unwrap_or_else(|| panic!("{VARIABLE} names no target: {name:?}"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| (TARGET.run)(input));
