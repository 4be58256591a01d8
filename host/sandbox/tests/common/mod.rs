//! What the tests share: a gate, components from their text, one engine.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use oncegate_dedup::store::{MemoryStore, Store};
use oncegate_dedup::{Attempt, Clock, Gate, HandlerEnd, Namespace, Origin, Policy, SystemClock};
use oncegate_sandbox::{
    Component, Engine, Handler, Invocation, Limits, LoadError, Message, Settings, Topics, Worker,
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Gate::new(policy, Default::default(), store, clock).unwrap()
}

pub fn evil(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/evil");
    root.join(name).with_extension("wat")
}

pub fn fixture(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    root.join(name).with_extension("wat")
}

/// The binary form of a component's text.
pub fn binary(path: &Path) -> Vec<u8> {
    wat::parse_file(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn load(path: &Path) -> Result<Component, LoadError> {
    Component::load(engine(), &binary(path), &Limits::default())
}

pub fn handler(path: &Path, settings: Settings) -> Handler {
    let component = load(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Handler::new(component, settings).unwrap()
}

pub fn settings(limits: Limits) -> Settings {
    Settings { limits, topics: Topics::Only(["out".to_owned()].into()), ..Settings::default() }
}

pub fn message(payload: &str) -> Message {
    Message {
        id: format!("m-{payload}"),
        topic: "in".to_owned(),
        key: Some("k".to_owned()),
        headers: Vec::new(),
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
