//! Instances: what they share, and how long they live.

#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use oncegate_dedup::{Gate, HandlerEnd};
use oncegate_sandbox::{Component, Engine, Handler, Limits, Reuse, Settings, Worker};

/// What the counting handler logs: how often its instance was called.
async fn count(worker: &Worker, gate: &Arc<Gate>) -> String {
    let invocation = invoke(worker, gate, "x").await;
    assert_eq!(invocation.end, HandlerEnd::Ok);
    invocation.logs.lines[0].text.clone()
}

fn counting(reuse: Reuse) -> Worker {
    handler(&fixture("counting"), Settings { reuse, ..Settings::default() }).worker()
}

#[tokio::test]
async fn fresh_instances_share_nothing() {
    let (worker, gate) = (counting(Reuse::Fresh), gate(policy()));
    for _ in 0..20 {
        assert_eq!(count(&worker, &gate).await, "1");
    }
    assert_eq!(worker.idle(), 0);
}

#[tokio::test]
async fn reused_instances_are_recycled_by_count() {
    let worker = counting(Reuse::Reused { max_calls: 3, max_memory: None });
    let gate = gate(policy());
    for expected in ["1", "2", "3", "1", "2", "3", "1"] {
        assert_eq!(count(&worker, &gate).await, expected);
    }
}

#[tokio::test]
async fn what_a_reused_handler_staged_for_one_message_is_not_in_the_next() {
    let settings = Settings { reuse: Reuse::DEFAULT, ..settings(Limits::default()) };
    let (worker, gate) = (handler(&fixture("honest"), settings).worker(), gate(policy()));
    for (payload, staged, host_calls) in [("a", 1, 3), ("b", 1, 3), ("a", 0, 1), ("b", 0, 1)] {
        let invocation = invoke(&worker, &gate, payload).await;
        assert_eq!(invocation.end, HandlerEnd::Ok);
        assert_eq!((invocation.attempt.staged(), invocation.outputs.len()), (staged, staged), "{payload}");
        assert_eq!(invocation.usage.host_calls, host_calls, "{payload}");
        settle(&gate, invocation).await;
    }
    assert_eq!(worker.idle(), 1);
}

#[tokio::test]
async fn several_invocations_of_one_worker_may_wait_at_once() {
    let settings = Settings { reuse: Reuse::DEFAULT, ..settings(Limits::default()) };
    let worker = handler(&fixture("honest"), settings).worker();
    let gate = gate(oncegate_dedup::Policy { in_flight_wait_ms: 50, ..policy() });
    let mut other = attempt(&gate, "other");
    other.seen(b"contended").await.unwrap();
    let waiting = || invoke(&worker, &gate, "contended");
    let (a, b, c) = tokio::join!(waiting(), waiting(), invoke(&worker, &gate, "free"));
    assert_eq!((a.outputs.len(), b.outputs.len(), c.outputs.len()), (0, 0, 1));
    assert_eq!(worker.idle(), 3, "each had an instance of its own");
}

#[tokio::test]
async fn what_may_not_wait_for_its_next_message_gives_its_room_back() {
    let settings = Settings { reuse: Reuse::DEFAULT, most_idle: Some(3), ..settings(Limits::default()) };
    let handler = handler(&fixture("honest"), settings);
    let (one, other, gate) = (handler.worker(), handler.worker(), gate(policy()));
    tokio::join!(invoke(&one, &gate, "a"), invoke(&one, &gate, "b"));
    tokio::join!(invoke(&other, &gate, "c"), invoke(&other, &gate, "d"));
    assert!(one.idle() <= 2 && one.idle() + other.idle() <= 3);
    let (kept, idle) = (one.idle(), other.idle());
    drop(one);
    tokio::join!(invoke(&other, &gate, "e"), invoke(&other, &gate, "f"), invoke(&other, &gate, "g"));
    assert!(other.idle() >= idle && other.idle() <= 3, "{kept} were dropped and count no more");
}

#[tokio::test]
async fn whatever_did_not_return_is_thrown_away() {
    let limits = Limits { cpu_ms: 20, ..Limits::default() };
    let settings = Settings { reuse: Reuse::DEFAULT, ..settings(limits) };
    let gate = gate(policy());
    for (name, idle) in
        [("traps-in-handle", 0), ("spins-in-start", 0), ("recurses", 0), ("rejects-loudly", 1)]
    {
        let worker = handler(&evil(name), settings.clone()).worker();
        invoke(&worker, &gate, "x").await;
        assert_eq!(worker.idle(), idle, "{name}");
    }
}

#[tokio::test]
async fn a_dropped_invocation_leaves_nothing_behind() {
    // Room for a single instance: were it not given back, the next one would wait for ever.
    let engine = Engine::new(1).unwrap();
    let component = |bytes: Vec<u8>| Component::load(&engine, &bytes, &Limits::default()).unwrap();
    let spins = Handler::new(component(evil("spins-in-start")), Settings::default()).unwrap().worker();
    let honest = Handler::new(component(fixture("honest")), settings(Limits::default())).unwrap().worker();
    let gate = gate(policy());
    for round in 0..20 {
        let spinning = invoke(&spins, &gate, "x");
        assert!(tokio::time::timeout(Duration::from_millis(5), spinning).await.is_err());
        let payload = format!("{round}");
        let next = tokio::time::timeout(Duration::from_secs(10), invoke(&honest, &gate, &payload));
        assert_eq!(next.await.unwrap().end, HandlerEnd::Ok);
    }
}

#[tokio::test]
async fn more_invocations_than_instances_wait_for_room() {
    let engine = Engine::new(2).unwrap();
    let component = Component::load(&engine, &evil("spins-in-start"), &Limits::default()).unwrap();
    let limits = Limits { cpu_ms: 20, ..Limits::default() };
    let worker = Handler::new(component, settings(limits)).unwrap().worker();
    let gate = gate(policy());
    let five = || invoke(&worker, &gate, "x");
    let (a, b, c, d, e) = tokio::join!(five(), five(), five(), five(), five());
    for invocation in [a, b, c, d, e] {
        assert_eq!(invocation.end, failed("used 20 ms of CPU time"));
    }
}

#[tokio::test]
async fn a_computing_guest_gives_way_on_its_thread() {
    let limits = Limits { cpu_ms: 300, ..Limits::default() };
    let spins = handler(&evil("spins-in-start"), settings(limits)).worker();
    let honest = handler(&fixture("honest"), settings(Limits::default())).worker();
    let gate = gate(policy());
    let spinning = invoke(&spins, &gate, "x");
    let others = async {
        for n in 0..5 {
            let payload = format!("{n}");
            assert_eq!(invoke(&honest, &gate, &payload).await.end, HandlerEnd::Ok);
            tokio::task::yield_now().await;
        }
        std::time::Instant::now()
    };
    let ended = async {
        let invocation = spinning.await;
        (std::time::Instant::now(), invocation)
    };
    let ((spun, invocation), others) = tokio::join!(ended, others);
    assert_eq!(invocation.end, failed("used 300 ms of CPU time"));
    assert!(others < spun, "the honest ones were done first");
}

#[test]
fn an_invocation_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let (worker, gate) = (counting(Reuse::Fresh), gate(policy()));
    let invocation = invoke(&worker, &gate, "x");
    is_send(&worker);
    is_send(&invocation);
}
