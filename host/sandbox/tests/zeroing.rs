//! What one handler leaves behind is not there for the next: memories, tables and stacks are cleared between two of
//! them, in a pool with a single place as without a pool.

#![cfg(test)]

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use common::*;
use oncegate_dedup::store::{MemoryStore, Store};
use oncegate_dedup::{HandlerEnd, Policy, SystemClock, Verdict};
use oncegate_sandbox::{Allocation, Component, Engine, Handler, Limits, Reuse, Settings, Worker};

/// An engine with room for one instance, so that each has the place of the one before; without a pool if the
/// environment says so.
fn one_place() -> Engine {
    let engine = Engine::new(1).unwrap();
    let on_demand = matches!(engine.allocation(), Allocation::OnDemand { .. });
    assert_eq!(on_demand, std::env::var_os("ON_DEMAND").is_some(), "{:?}", engine.allocation());
    engine
}

fn worker(engine: &Engine, name: &str, reuse: Reuse) -> Worker {
    let component = Component::load(engine, &evil(name), &Limits::default()).unwrap();
    Handler::new(component, Settings { reuse, ..settings(Limits::default()) }).unwrap().worker()
}

#[tokio::test]
async fn no_mark_in_memories_or_tables_is_found_by_the_next_handler() {
    let (engine, gate) = (one_place(), gate(policy()));
    let two = ["leaves-marks", "leaves-other-marks"].map(|name| worker(&engine, name, Reuse::Fresh));
    for round in 0..20 {
        for worker in &two {
            assert_eq!(invoke(worker, &gate, "x").await.end, HandlerEnd::Ok, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_mark_that_is_there_is_found() {
    let (engine, gate) = (one_place(), gate(policy()));
    // One instance for both messages: it comes upon its own marks.
    let reused = Reuse::Reused { max_calls: 10, max_memory: None };
    let worker = worker(&engine, "leaves-marks", reused);
    assert_eq!(invoke(&worker, &gate, "x").await.end, HandlerEnd::Ok);
    assert_eq!(invoke(&worker, &gate, "x").await.end, failed("trapped: unreachable"));
}

/// The mark that `marks-its-stack` works out, bit by bit the other way round: were it here as it is, it would be found
/// here.
fn inverted_mark() -> [u64; 2] {
    [0x1234_5678_9abc_def1_u64, 0x0fed_cba9_8765_4321].map(|half| !half.wrapping_mul(3))
}

/// How often the mark stands anywhere in this process's writable memory.
fn marks_in_this_process() -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [mut at, end] = [range.0, range.1].map(|address| u64::from_str_radix(address, 16).unwrap());
        while at < end {
            let length = buffer.len().min((end - at) as usize);
            // What was unmapped meanwhile, or cannot be read, holds nothing.
            let Ok(read) = memory.read_at(&mut buffer[..length], at) else { break };
            found += marks_in(&buffer[..read]);
            // What was found is not to be found again, here.
            buffer[..read].fill(0);
            at += read.max(1) as u64;
        }
    }
    found
}

fn marks_in(bytes: &[u8]) -> usize {
    let mark = inverted_mark();
    let half = |bytes: &[u8]| !u64::from_le_bytes(bytes.try_into().unwrap());
    let words: Vec<u64> = bytes.chunks_exact(8).map(half).collect();
    words.windows(2).filter(|pair| **pair == mark).count()
}

#[tokio::test]
async fn a_mark_on_a_stack_is_gone_with_its_handler() {
    let engine = one_place();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let patient = Policy { in_flight_wait_ms: 20_000, ..policy() };
    let [here, elsewhere] = [(); 2].map(|()| gate_on(patient.clone(), store.clone()));
    let mut other = attempt(&elsewhere, "other");
    other.seen(b"key").await.unwrap();

    let worker = worker(&engine, "marks-its-stack", Reuse::Fresh);
    let mut invocation = pin!(invoke(&worker, &here, "x"));
    let mut polled = invocation.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "it waits for the key");
    assert!(marks_in_this_process() >= 5_000, "the search finds what is there");

    elsewhere.settle(other.end(&Verdict::Apply)).await;
    if polled.is_pending() {
        polled = Poll::Ready(invocation.await);
    }
    let Poll::Ready(invocation) = polled else { unreachable!() };
    assert_eq!(invocation.end, HandlerEnd::Ok);
    assert_eq!(marks_in_this_process(), 0);
}

#[test]
fn without_address_space_for_a_pool_nothing_is_found_either() {
    in_a_process_with(
        "export ON_DEMAND=1 && ulimit -v 4000000",
        &[
            "no_mark_in_memories_or_tables_is_found_by_the_next_handler",
            "a_mark_that_is_there_is_found",
            "a_mark_on_a_stack_is_gone_with_its_handler",
        ],
    );
}
