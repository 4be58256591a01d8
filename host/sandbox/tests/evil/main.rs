//! The hostile suite: each case of `plugins/evil` ends as its folder says, the next message is handled as if nothing
//! had been, nothing is held, and the host does not grow.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod found;
mod other_host;
mod suite;

use common::{engine, in_a_process_with, resident};
use oncegate_sandbox::Allocation;
use suite::Suite;

/// How many rounds settle what grows once, and how many there are.
const SETTLED_ROUNDS: usize = 20;
const ROUNDS: usize = 200;
/// What the host may have grown by in between.
const GROWN_BYTES: usize = 32 << 20;

/// The suite looks at what is held in the one engine, and at the whole process's memory.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn each_ends_as_its_folder_says_and_the_next_message_is_handled() {
    let _alone = ALONE.lock().await;
    let on_demand = matches!(engine().allocation(), Allocation::OnDemand { .. });
    assert_eq!(on_demand, std::env::var_os("ON_DEMAND").is_some(), "{:?}", engine().allocation());
    let suite = Suite::new();
    let wrong = [suite.wrong_at_load.clone(), suite.round(0).await].concat();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn two_hundred_rounds_do_not_make_the_host_grow() {
    let _alone = ALONE.lock().await;
    let suite = Suite::new();
    let mut settled = 0;
    for round in 1..=ROUNDS {
        let wrong = suite.round(round).await;
        assert!(wrong.is_empty(), "round {round}:\n{}", wrong.join("\n"));
        if round == SETTLED_ROUNDS {
            settled = resident();
        }
    }
    let grown = resident().saturating_sub(settled);
    assert!(grown < GROWN_BYTES, "grown by {grown} bytes");
}

const ONE_ROUND: &str = "each_ends_as_its_folder_says_and_the_next_message_is_handled";

#[test]
fn no_backtrace_reaches_a_cause() {
    in_a_process_with(
        "export RUST_BACKTRACE=1 RUST_LIB_BACKTRACE=1 WASMTIME_BACKTRACE_DETAILS=1",
        &[ONE_ROUND],
    );
}

#[test]
fn without_address_space_for_a_pool_the_ends_are_the_same() {
    in_a_process_with("export ON_DEMAND=1 && ulimit -v 4000000", &[ONE_ROUND]);
}
