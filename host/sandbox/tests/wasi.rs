//! `wasi:*`: what a guest sees of the host through it, and what it costs the host.

#![cfg(test)]

mod common;

use std::time::Instant;

use common::*;
use oncegate_dedup::HandlerEnd;
use oncegate_sandbox::{
    Capability, ClockGrant, Component, Grants, Invocation, Level, Limits, RandomGrant, Reuse, Seed, Settings,
};

async fn with(settings: Settings, payload: &str) -> Invocation {
    invoke(&handler(&fixture("wasi"), settings).worker(), &gate(policy()), payload).await
}

/// One call of the fixture, as its first letter says.
async fn call(payload: &str) -> Invocation {
    with(settings(Limits::default()), payload).await
}

fn granted(clock: ClockGrant, random: RandomGrant) -> Settings {
    Settings { grants: Grants { clock, random }, ..settings(Limits::default()) }
}

fn number(invocation: &Invocation) -> u64 {
    match &invocation.end {
        HandlerEnd::Failed(text) => u64::from_str_radix(text, 16).unwrap_or_else(|_| panic!("{text}")),
        end => panic!("{end:?}"),
    }
}

#[tokio::test]
async fn there_is_no_environment_no_argument_no_directory_and_nothing_to_read() {
    assert_eq!(number(&call("a").await), 0);
    // An error, and it is `closed`.
    assert_eq!(number(&call("i").await), 0x11);
}

#[tokio::test]
async fn what_nobody_has_traps_and_names_the_function() {
    let invocation = call("d").await;
    assert_eq!(invocation.end, failed("capability denied: wasi:sockets/instance-network#instance-network"));
}

#[tokio::test]
async fn an_exit_is_reported_with_its_code_and_the_last_of_standard_error() {
    let invocation = call("e").await;
    assert_eq!(invocation.end, failed("exited with code 1; last stderr lines: Traceback | boom"));
    let lines: Vec<_> = invocation.logs.lines.iter().map(|line| (line.level, line.text.as_str())).collect();
    assert_eq!(lines, [(Level::Warn, "Traceback"), (Level::Warn, "boom"), (Level::Info, "x")]);
    // Not an answer to the message, even if the guest thinks that all is well.
    assert_eq!(call("E").await.end, failed("exited with code 0"));
    assert_eq!(call("F").await.end, failed("exited with code 42"));
}

#[tokio::test]
async fn lengths_and_lists_are_judged_before_they_cost_anything() {
    let before = resident();
    for payload in ["b", "c", "h", "l"] {
        assert_eq!(call(payload).await.end, failed("host call data limit 4 MiB reached"), "{payload}");
    }
    assert!(resident().saturating_sub(before) < 64 << 20);
    let polled = call("p").await.end;
    assert_eq!(polled, failed("trapped: waited for nothing: the list of pollables is empty"));
}

#[tokio::test]
async fn live_handles_are_counted() {
    assert_eq!(call("f").await.end, failed("handle limit 1024 reached"));
}

#[tokio::test]
async fn every_call_counts() {
    let lines = "; last log lines: info: x | info: x | info: x";
    let invocation = call("g").await;
    assert_eq!(invocation.end, failed(&format!("host call limit 10000 reached{lines}")));
    assert_eq!((invocation.logs.lines.len(), invocation.usage.host_calls), (100, 10_000));
}

#[tokio::test]
async fn who_calls_without_end_is_seen_computing() {
    let limits = Limits { host_calls: u32::MAX, cpu_ms: 50, ..Limits::default() };
    let invocation = with(settings(limits), "S").await;
    assert_eq!(invocation.end, failed("used 50 ms of CPU time"));
}

#[tokio::test]
async fn a_sleep_returns_at_once_and_moves_the_clock_on() {
    let begun = Instant::now();
    assert_eq!(number(&call("s").await), 60, "minutes");
    assert_eq!(call("S").await.end, failed("host call limit 10000 reached"), "for ever, 2,500 times");
    assert!(begun.elapsed().as_secs() < 60);
}

#[tokio::test]
async fn a_kept_instance_wakes_with_the_right_date_and_no_clock_that_goes_back() {
    let settings = Settings { reuse: Reuse::DEFAULT, ..settings(Limits::default()) };
    let (worker, gate) = (handler(&fixture("wasi"), settings).worker(), gate(policy()));
    let (date, before) =
        (number(&invoke(&worker, &gate, "w1").await), number(&invoke(&worker, &gate, "m1").await));
    assert_eq!(number(&invoke(&worker, &gate, "s").await), 60);
    let (wall, after) =
        (number(&invoke(&worker, &gate, "w2").await), number(&invoke(&worker, &gate, "m2").await));
    assert_eq!(worker.idle(), 1);
    assert!((date..date + 60_000).contains(&wall), "{date} {wall}");
    assert!(after - before >= 3_600_000_000_000, "{before} {after}");
}

#[tokio::test]
async fn clocks_show_whole_milliseconds_or_what_the_operator_says() {
    let now_ms = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let wall_ms = number(&call("w").await);
    assert!((now_ms..now_ms + 60_000).contains(&wall_ms), "{now_ms} {wall_ms}");
    let monotonic_ns = number(&call("m").await);
    assert!(monotonic_ns > 0 && monotonic_ns < 60_000_000_000, "not the machine's: {monotonic_ns}");
    assert_eq!(monotonic_ns % 1_000_000, 0);

    let day = granted(ClockGrant::System { step_ms: 86_400_000 }, RandomGrant::System);
    assert_eq!(number(&with(day, "w").await) % 86_400_000, 0);
    for payload in ["w1", "w2"] {
        let frozen = granted(ClockGrant::Frozen { at_ms: 1_234_567 }, RandomGrant::System);
        assert_eq!(number(&with(frozen, payload).await), 1_234_567);
    }
    let frozen = granted(ClockGrant::Frozen { at_ms: 0 }, RandomGrant::System);
    assert_eq!(number(&with(frozen, "s").await), 60);
}

#[tokio::test]
async fn chance_comes_from_the_system_or_repeats_with_its_message() {
    assert_ne!(number(&call("r").await), number(&call("r").await));
    let seeded = |seed: &str| granted(ClockGrant::default(), RandomGrant::Seeded(Seed::new(seed)));
    let drawn = number(&with(seeded("one"), "r").await);
    assert_eq!(number(&with(seeded("one"), "r").await), drawn);
    assert_ne!(number(&with(seeded("two"), "r").await), drawn);
    assert_ne!(number(&with(seeded("one"), "r another").await), drawn);
}

#[tokio::test]
async fn what_is_written_is_lines_that_nobody_takes_for_ours() {
    let invocation = call("z").await;
    assert_eq!(invocation.end, HandlerEnd::Ok);
    let lines: Vec<_> = invocation.logs.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        lines,
        ["good\\u{1b}[2J\\r\\u{202e}\\xff\\xfe", "INFO forged: 2026-01-01 all is well", "partial"]
    );
}

#[test]
fn an_inspection_says_what_is_asked_for_and_what_of_it_is_denied() {
    let bytes = fixture("wasi");
    let inspection = Component::inspect(engine(), &bytes, &Limits::default()).unwrap();
    assert_eq!(inspection.refused, None);
    assert_eq!(
        inspection.asks,
        [
            Capability::Clock,
            Capability::Random,
            Capability::Log,
            Capability::Exit,
            Capability::Environment,
            Capability::Stdin,
            Capability::Files,
            Capability::Sockets
        ]
    );
    assert_eq!(
        inspection.denied,
        ["wasi:io/error#error.to-debug-string", "wasi:sockets/instance-network#instance-network"]
    );
}

/// An honest handler with one more import.
fn with_import(import: &str) -> Result<Component, String> {
    let text = fixture_text("honest");
    let text = text.replacen("(component", &format!("(component {import}"), 1);
    Component::load(engine(), &wat::parse_str(&text).unwrap(), &Limits::default())
        .map_err(|error| error.to_string())
}

#[test]
fn every_type_is_checked_when_it_is_loaded() {
    for import in [
        r#"(import "wasi:random/random@0.2.0" (instance (export "get-random-u64" (func (result u32)))))"#,
        r#"(import "wasi:cli/environment@0.2.0" (instance (export "get-arguments" (func (param "a" u8)))))"#,
        r#"(import "wasi:clocks/wall-clock@0.2.0" (func))"#,
        r#"(import "wasi:cli/exit@0.2.0" (instance (export "a" (instance (export "f" (func))))))"#,
        r#"(import "wasi:cli/exit@0.2.0" (instance (export "a" (core module))))"#,
    ] {
        let error = with_import(import).unwrap_err();
        assert!(error.starts_with("it does not fit the world"), "{import}: {error}");
    }
    let strange =
        r#"(import "wasi:cli/strange@0.2.9" (instance (export "f" (func (param "a" (list string))))))"#;
    assert!(with_import(strange).is_ok(), "whatever it is, it is denied");
}

#[test]
fn more_names_than_there_are_in_wasi_are_too_many() {
    let functions: String = (0..2049).map(|n| format!("(export \"f{n}\" (func))")).collect();
    let error = with_import(&format!(r#"(import "wasi:cli/x@0.2.0" (instance {functions}))"#)).unwrap_err();
    assert_eq!(
        error,
        "one instance of it needs more than 2048 functions and resources of wasi:*, and 2048 are allowed"
    );
}

#[tokio::test]
async fn its_start_is_under_the_same_rules() {
    let start = |body: &str| {
        let parts = format!(
            r#"(component
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
  (core func $exit (canon lower (func $exit "exit")))
  (core func $now (canon lower (func $clock "now")))
  (core module $starts
    (import "host" "exit" (func $exit (param i32)))
    (import "host" "now" (func $now (result i64)))
    (func $start {body})
    (start $start))
  (core instance (instantiate $starts
    (with "host" (instance (export "exit" (func $exit)) (export "now" (func $now))))))"#
        );
        let text = fixture_text("honest").replacen("(component", &parts, 1);
        wat::parse_str(&text).unwrap()
    };
    for (body, end) in [
        ("(call $exit (i32.const 1))", "exited with code 1"),
        ("(loop $next (drop (call $now)) (br $next))", "host call limit 10000 reached"),
    ] {
        let component = Component::load(engine(), &start(body), &Limits::default()).unwrap();
        let handler = oncegate_sandbox::Handler::new(component, settings(Limits::default())).unwrap();
        assert_eq!(invoke(&handler.worker(), &gate(policy()), "x").await.end, failed(end));
    }
}

#[tokio::test]
async fn what_a_denied_function_is_given_costs_no_more_than_the_budget() {
    for (bytes, end) in [
        (16, "capability denied: wasi:http/made-up#take"),
        // A value of the runtime's for each byte.
        (2 << 20, "host call data limit 4 MiB reached"),
    ] {
        let parts = format!(
            r#"(component
  (import "wasi:http/made-up@0.2.0" (instance $http (export "take" (func (param "all" (list u8))))))
  (core module $lists (memory (export "memory") 64))
  (core instance $lists (instantiate $lists))
  (alias core export $lists "memory" (core memory $bytes))
  (core func $take (canon lower (func $http "take") (memory $bytes)))
  (core module $starts
    (import "host" "take" (func $take (param i32 i32)))
    (func $start (call $take (i32.const 0) (i32.const {bytes})))
    (start $start))
  (core instance (instantiate $starts (with "host" (instance (export "take" (func $take))))))"#
        );
        let text = fixture_text("honest").replacen("(component", &parts, 1);
        let handler = handler(&wat::parse_str(&text).unwrap(), settings(Limits::default()));
        assert_eq!(invoke(&handler.worker(), &gate(policy()), "x").await.end, failed(end));
    }
}

#[tokio::test]
async fn resources_of_the_guest_s_own_are_counted_too() {
    let text = fixture_text("honest");
    let text = text.replacen(
        "(component",
        r#"(component
  (type $mine (resource (rep i32)))
  (core func $new (canon resource.new $mine))
  (core module $floods
    (import "host" "new" (func $new (param i32) (result i32)))
    (func $start (loop $next (drop (call $new (i32.const 1))) (br $next)))
    (start $start))
  (core instance (instantiate $floods (with "host" (instance (export "new" (func $new))))))"#,
        1,
    );
    let component = Component::load(engine(), &wat::parse_str(&text).unwrap(), &Limits::default()).unwrap();
    let handler = oncegate_sandbox::Handler::new(component, settings(Limits::default())).unwrap();
    assert_eq!(
        invoke(&handler.worker(), &gate(policy()), "x").await.end,
        failed("handle limit 1024 reached")
    );
}
