//! What the tests share: a gate, components from their text, one engine.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::Path;
use std::sync::{Arc, OnceLock};

use oncegate_dedup::store::{MemoryStore, Store};
use oncegate_dedup::{Attempt, Clock, Gate, HandlerEnd, Namespace, Origin, Policy, SystemClock};
use oncegate_evil::Case;
use oncegate_sandbox::{
    Component, Engine, Handler, Header, Invocation, Limits, LoadError, Message, Settings, Topics, Worker,
};

pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(8).unwrap())
}

pub fn policy() -> Policy {
    Policy::new(Namespace::new("tests").unwrap())
}

pub fn gate(policy: Policy) -> Arc<Gate> {
    let clock = Arc::new(SystemClock);
    gate_on(policy, Arc::new(MemoryStore::new(clock)))
}

pub fn gate_on(policy: Policy, store: Arc<dyn Store>) -> Arc<Gate> {
    gate_with(policy, store, Arc::new(SystemClock))
}

pub fn gate_with(policy: Policy, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Gate> {
    Gate::new(policy, Default::default(), store, clock).unwrap()
}

/// The component of a hostile case.
pub fn evil(name: &str) -> Vec<u8> {
    Case::named(name).bytes()
}

/// The component of a fixture.
pub fn fixture(name: &str) -> Vec<u8> {
    wat::parse_str(fixture_text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn fixture_text(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let path = root.join(name).with_extension("wat");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn load(bytes: &[u8]) -> Result<Component, LoadError> {
    Component::load(engine(), bytes, &Limits::default())
}

pub fn handler(bytes: &[u8], settings: Settings) -> Handler {
    Handler::new(load(bytes).unwrap(), settings).unwrap()
}

pub fn settings(limits: Limits) -> Settings {
    Settings { limits, topics: Topics::Only(["out".to_owned()].into()), ..Settings::default() }
}

pub fn message(payload: &str) -> Message {
    Message {
        id: format!("m-{payload}"),
        topic: "in".to_owned(),
        key: Some("k".to_owned()),
        headers: vec![Header { name: "h".to_owned(), value: b"value".to_vec() }],
        payload: payload.as_bytes().to_vec(),
        attempt: 1,
        published_ms: Some(1),
    }
}

pub fn attempt(gate: &Arc<Gate>, payload: &str) -> Attempt {
    gate.attempt(Origin::of("in", payload), None)
}

pub async fn invoke(worker: &Worker, gate: &Arc<Gate>, payload: &str) -> Invocation {
    worker.invoke(&message(payload), attempt(gate, payload)).await
}

pub fn failed(text: &str) -> HandlerEnd {
    HandlerEnd::Failed(text.to_owned())
}

/// Stopped because it took too long.
pub fn out_of_time(text: &str) -> HandlerEnd {
    HandlerEnd::OutOfTime(text.to_owned())
}

/// Ends an invocation as a pipeline would.
pub async fn settle(gate: &Arc<Gate>, invocation: Invocation) {
    let Invocation { attempt, end, .. } = invocation;
    let verdict = attempt.verdict(&end, 0);
    gate.settle(attempt.end(&verdict)).await;
}

/// Resident memory of this process in bytes.
pub fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Runs tests of this program in a process of their own, after a shell has said something.
pub fn in_a_process_with(setting: &str, tests: &[&str]) {
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("{setting} && exec \"$0\" --exact {}", tests.join(" "))])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let passed = format!("{} passed", tests.len());
    assert!(output.status.success() && said.contains(&passed), "{said}");
}
