//! Hostile handlers: each ends in a defined way, the next message is handled as if nothing had been, and the
//! host does not grow.

#![cfg(test)]

mod common;

use std::sync::Arc;

use common::*;
use oncegate_dedup::{Deferral, Gate, HandlerEnd, Refusal, Verdict};
use oncegate_sandbox::{Allocation, Handler, Limits, Worker};

/// Short, so that a hundred rounds take seconds.
fn limits() -> Limits {
    Limits { cpu_ms: 40, wall_ms: 2_000, host_calls: 1_000, ..Limits::default() }
}

/// What must become of each, see `plugins/evil/README.md`.
fn expected() -> Vec<(&'static str, HandlerEnd)> {
    vec![
        ("spins", failed("used 40 ms of CPU time")),
        ("spins-at-start", failed("used 40 ms of CPU time")),
        ("allocates", failed("memory limit 64 MiB reached")),
        ("allocates-cunningly", failed("memory limit 64 MiB reached")),
        ("allocates-outside", failed("trapped: realloc return: beyond end of memory")),
        ("fills-tables", failed("table limit 20000 elements reached")),
        ("recurses", failed("stack overflow")),
        (
            "traps",
            failed(
                "trapped: unreachable; last log lines: info: two | warn: \\u{1b}[2J\\n\\u{202e} | error: bye!",
            ),
        ),
        ("divides", failed("trapped: integer divide by zero")),
        ("long-key", failed("host call data limit 4 MiB reached")),
        ("big-key", HandlerEnd::Ok),
        ("empty-key", HandlerEnd::Ok),
        ("commits-unclaimed", HandlerEnd::Ok),
        ("big-receipt", HandlerEnd::Ok),
        ("names-many-keys", failed("host call limit 1000 reached")),
        ("asks-for-ever", failed("host call limit 1000 reached")),
        ("emits-for-ever", failed("host call limit 1000 reached")),
        ("emits-much", failed("host call data limit 4 MiB reached")),
        ("emits-headers", HandlerEnd::Ok),
        ("emits-uncommitted", HandlerEnd::Ok),
        ("logs-for-ever", {
            let line = "info: ".to_owned() + &"A".repeat(200);
            let lines = [&*line, &*line, &*line].join("… | ");
            failed(&format!("host call limit 1000 reached; last log lines: {lines}…"))
        }),
        ("rejects-loudly", HandlerEnd::Rejected("A".repeat(1024) + "…")),
        ("retries-louder", failed("host call data limit 4 MiB reached")),
        ("points-outside", failed("trapped: string pointer/length out of bounds of memory")),
        ("speaks-no-utf8", failed("trapped: invalid utf-8 sequence of 1 bytes from index 0")),
        ("answers-nonsense", failed("trapped: invalid expected discriminant")),
    ]
}

/// One worker for each, and an honest neighbour.
struct Suite {
    gate: Arc<Gate>,
    honest: Worker,
    evil: Vec<(&'static str, HandlerEnd, Worker)>,
}

impl Suite {
    fn new() -> Self {
        let worker = |handler: Handler| handler.worker();
        let evil = expected()
            .into_iter()
            .map(|(name, end)| (name, end, worker(handler(&evil(name), settings(limits())))));
        let evil = evil.collect();
        Self { gate: gate(policy()), honest: worker(handler(&fixture("honest"), settings(limits()))), evil }
    }

    async fn round(&self, round: usize) {
        for (name, expected, worker) in &self.evil {
            let invocation = invoke(worker, &self.gate, "evil").await;
            assert_eq!(invocation.end, *expected, "{name}");
            assert!(invocation.logs.lines.len() <= 100, "{name}");
            if invocation.end != HandlerEnd::Ok {
                assert_eq!(invocation.outputs, [], "{name}");
            }
            settle(&self.gate, invocation).await;
            let payload = format!("{round} after {name}");
            let invocation = invoke(&self.honest, &self.gate, &payload).await;
            assert_eq!(invocation.end, HandlerEnd::Ok, "after {name}");
            assert_eq!(invocation.outputs.len(), 1, "after {name}");
            settle(&self.gate, invocation).await;
        }
    }
}

#[tokio::test]
async fn each_ends_in_a_defined_way_and_the_next_message_is_handled() {
    let on_demand = matches!(engine().allocation(), Allocation::OnDemand { .. });
    assert_eq!(on_demand, std::env::var_os("ON_DEMAND").is_some(), "{:?}", engine().allocation());
    Suite::new().round(0).await;
}

#[tokio::test]
async fn a_hundred_rounds_do_not_make_the_host_grow() {
    let suite = Suite::new();
    suite.round(0).await;
    let before = resident();
    for round in 1..=100 {
        suite.round(round).await;
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "grown by {grown} bytes");
}

/// Runs the suite's round in a process of its own, after a shell has said something.
fn in_a_process_with(setting: &str) {
    let test = "each_ends_in_a_defined_way_and_the_next_message_is_handled";
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("{setting} && exec \"$0\" --exact {test}")])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn no_backtrace_reaches_a_cause() {
    in_a_process_with("export RUST_BACKTRACE=1 RUST_LIB_BACKTRACE=1 WASMTIME_BACKTRACE_DETAILS=1");
}

#[test]
fn without_address_space_for_a_pool_the_ends_are_the_same() {
    in_a_process_with("export ON_DEMAND=1 && ulimit -v 4000000");
}

#[tokio::test]
async fn an_output_that_no_commit_covers_can_be_told() {
    let worker = handler(&evil("emits-uncommitted"), settings(limits())).worker();
    let invocation = invoke(&worker, &gate(policy()), "x").await;
    assert_eq!(invocation.end, HandlerEnd::Ok);
    let under = invocation.outputs[0].under.unwrap();
    assert!(!invocation.attempt.is_staged(under));
}

#[tokio::test]
async fn a_commit_that_was_never_claimed_stages_nothing() {
    let worker = handler(&evil("commits-unclaimed"), settings(limits())).worker();
    let invocation = invoke(&worker, &gate(policy()), "x").await;
    assert_eq!(invocation.attempt.staged(), 0);
}

#[tokio::test]
async fn keys_beyond_the_policy_s_number_make_ok_a_retry() {
    let limits = Limits { host_calls: 10_000, cpu_ms: 10_000, ..limits() };
    let worker = handler(&evil("names-many-keys"), settings(limits)).worker();
    let invocation = invoke(&worker, &gate(policy()), "x").await;
    assert_eq!(invocation.end, HandlerEnd::Ok);
    let refusal = Refusal::TooManyKeys(64).to_string();
    assert_eq!(invocation.attempt.verdict(&invocation.end, 0), Verdict::Fail(refusal));
}

#[tokio::test]
async fn whoever_is_told_in_flight_is_deferred_even_if_stopped() {
    let gate = gate(oncegate_dedup::Policy { in_flight_wait_ms: 0, ..policy() });
    let mut other = attempt(&gate, "other");
    other.seen(b"somekey").await.unwrap();
    let worker = handler(&evil("asks-for-ever"), settings(limits())).worker();
    let invocation = invoke(&worker, &gate, "x").await;
    assert_eq!(invocation.end, failed("host call limit 1000 reached"));
    let verdict = invocation.attempt.verdict(&invocation.end, 0);
    assert!(matches!(verdict, Verdict::Defer(Deferral::InFlight(_))), "{verdict:?}");
}
