//! Components as the toolchains of Go, Python and JavaScript make them, nothing of them stubbed: `cargo xtask
//! fixtures` builds them.

#![cfg(test)]

mod common;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::*;
use oncegate_dedup::HandlerEnd;
use oncegate_sandbox::{
    ClockGrant, Component, Grants, Handler, Invocation, Level, Limits, RandomGrant, Reuse, Seed, Settings,
    Worker,
};

/// 2001-09-09T01:46:40Z.
const FROZEN_MS: u64 = 1_000_000_000_000;

/// One of them, compiled once; none if it was not built, which CI forbids.
fn component(name: &str) -> Option<Component> {
    let folder = std::env::var_os("ONCEGATE_FIXTURES")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/fixtures")));
    let path = folder.join(name).with_extension("wasm");
    if !path.is_file() {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        assert!(!ci, "{} is not there", path.display());
        eprintln!("skipped: {} is not there, `cargo xtask fixtures` builds it", path.display());
        return None;
    }
    Some(
        Component::read(engine(), &path, &Limits::default())
            .unwrap_or_else(|error| panic!("{name}: {error}")),
    )
}

fn worker(component: &Component, grants: Grants, reuse: Reuse) -> Worker {
    let settings = Settings { grants, reuse, ..settings(Limits::default()) };
    Handler::new(component.clone(), settings).unwrap().worker()
}

/// What a handler says that it saw: `name=value`.
fn said(invocation: &Invocation) -> HashMap<String, String> {
    assert_eq!(invocation.end, HandlerEnd::Ok, "{:?}", invocation.logs);
    assert_eq!(invocation.attempt.staged(), 1, "it commits its key");
    let [output] = &*invocation.outputs else { panic!("{:?}", invocation.outputs) };
    let text = std::str::from_utf8(&output.payload).unwrap();
    let pairs = text.split(' ').map(|pair| pair.split_once('=').unwrap_or_else(|| panic!("{text}")));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn hear(component: &Component, grants: Grants, payload: &str) -> HashMap<String, String> {
    said(&invoke(&worker(component, grants, Reuse::Fresh), &gate(policy()), payload).await)
}

/// What all of them have to show. Gives what the first said.
async fn holds(component: &Component, prints: bool) -> HashMap<String, String> {
    let begun = Instant::now();
    let gate = gate(policy());
    let plain = worker(component, Grants::default(), Reuse::DEFAULT);
    let invocation = invoke(&plain, &gate, "first").await;
    let first = said(&invocation);
    // What an engine of JavaScript outside of a browser often has.
    assert_eq!(first.get("globals").map_or("0", String::as_str), "0");
    let lines: Vec<_> = invocation.logs.lines.iter().map(|line| (line.level, line.text.as_str())).collect();
    if prints {
        let printed =
            [(Level::Info, "one line"), (Level::Info, "and \\u{1b}[2Janother"), (Level::Warn, "a warning")];
        assert_eq!(lines, printed);
    }
    let clock_ms: u64 = first["clock_ms"].parse().unwrap();
    let now_ms = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    // It may have slept for an hour.
    assert!((now_ms - 60_000..now_ms + 3_700_000).contains(&clock_ms), "{clock_ms}");
    settle(&gate, invocation).await;

    // More of them, on one instance: what a toolchain does only now and then works, too.
    let mut random = vec![first["random"].clone()];
    for message in 0..100 {
        let invocation = invoke(&plain, &gate, &format!("message {message}")).await;
        random.push(said(&invocation)["random"].clone());
        settle(&gate, invocation).await;
    }
    assert_eq!(plain.idle(), 1);
    random.sort_unstable();
    random.dedup();
    assert_eq!(random.len(), 101, "each draws its own");
    let again = invoke(&plain, &gate, "first").await;
    assert_eq!((again.end, again.outputs.len()), (HandlerEnd::Ok, 0), "a duplicate has no effect");

    let strict = || Grants {
        clock: ClockGrant::Frozen { at_ms: FROZEN_MS },
        random: RandomGrant::Seeded(Seed::new("a seed")),
    };
    let drawn = hear(component, strict(), "one").await;
    let slept_ms = first.get("slept_s").map_or(0, |_| 3_600_000);
    let frozen_ms: u64 = drawn["clock_ms"].parse().unwrap();
    assert!((FROZEN_MS..=FROZEN_MS + slept_ms + 1).contains(&frozen_ms), "{frozen_ms}");
    assert_eq!(hear(component, strict(), "one").await, drawn, "the same message again");
    assert!(begun.elapsed() < Duration::from_secs(3600));
    first
}

fn sees_nothing(said: &HashMap<String, String>) {
    for name in ["environment", "arguments", "files"] {
        assert_eq!(said[name], "0", "{name}");
    }
    assert_eq!(said["slept_s"], "3600");
}

async fn exits(component: &Component, code: u8) {
    let invocation =
        invoke(&worker(component, Grants::default(), Reuse::Fresh), &gate(policy()), "exit").await;
    assert_eq!(
        invocation.end,
        failed(&format!("exited with code {code}; last stderr lines: nothing more to do"))
    );
}

#[tokio::test]
async fn a_program_in_go() {
    let Some(component) = component("go") else { return };
    sees_nothing(&holds(&component, true).await);
    exits(&component, 3).await;
}

#[tokio::test]
async fn a_program_in_python() {
    let Some(component) = component("python") else { return };
    sees_nothing(&holds(&component, true).await);
    // Its library tells 0 from all others and no more.
    exits(&component, 1).await;
}

#[tokio::test]
async fn a_program_in_javascript_on_quickjs() {
    let Some(component) = component("quickjs") else { return };
    // It has no console.
    holds(&component, false).await;
}

#[tokio::test]
async fn a_program_in_javascript_on_starlingmonkey() {
    let Some(component) = component("starlingmonkey") else { return };
    holds(&component, true).await;
}
