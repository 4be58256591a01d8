//! Instances that have had enough, and messages that met one of those.

#![cfg(test)]

mod common;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use common::*;
use oncegate_dedup::store::{
    Claim, ClaimOutcome, Entry, Forgotten, Listing, MemoryStore, Page, SettleOutcome, Settlement, Store,
    StoreError,
};
use oncegate_dedup::{
    AttemptId, Clock, Deferral, Fence, Gate, HandlerEnd, Key, Policy, State, SystemClock, Verdict,
};
use oncegate_sandbox::{Component, Engine, Handler, Invocation, Limits, Reuse, Settings, Worker};

/// Eight MiB of memory, and as long as it takes.
fn limits() -> Limits {
    Limits { memory_bytes: 8 << 20, table_elements: 10_000, ..Limits::default() }
}

fn leaking(limits: Limits, reuse: Reuse) -> Worker {
    handler(&fixture("leaks"), Settings { reuse, ..settings(limits) }).worker()
}

fn reused() -> Worker {
    leaking(limits(), Reuse::DEFAULT)
}

/// What it wrote: how often its instance was called, and what it was told of its key.
fn lines(invocation: &Invocation) -> Vec<&str> {
    invocation.logs.lines.iter().map(|line| line.text.as_str()).collect()
}

/// Takes three MiB, for good: the worker's next message comes upon an instance that has five left.
async fn use_up(worker: &Worker, gate: &Arc<Gate>) {
    let invocation = invoke(worker, gate, "3to").await;
    assert_eq!((&invocation.end, invocation.recycled.is_some()), (&HandlerEnd::Ok, false));
    settle(gate, invocation).await;
    assert_eq!(worker.idle(), 1);
}

/// What was committed of a key, and how often a handler failed on it.
async fn record(gate: &Arc<Gate>, key: &str) -> (State, Option<Vec<u8>>, u32) {
    let entry = gate.store().get(&Key::new(&policy().namespace, key.as_bytes())).await.unwrap().unwrap();
    let record = entry.record.unwrap();
    (record.state, record.receipt, record.attempts)
}

#[tokio::test]
async fn an_instance_is_recycled_after_the_call_that_passes_half_of_its_memory_limit() {
    for (memory_bytes, calls) in [(8 << 20, 4), (4 << 20, 2), (16 << 20, 8)] {
        let worker = leaking(Limits { memory_bytes, ..limits() }, Reuse::DEFAULT);
        let gate = gate(policy());
        // One MiB with each call, beside the page that it begins with.
        for call in (1..=calls).chain(1..=calls).chain(1..=1) {
            let invocation = invoke(&worker, &gate, "1to").await;
            assert_eq!(lines(&invocation)[0].chars().next(), char::from_digit(call, 10));
            assert_eq!((&invocation.end, &invocation.recycled), (&HandlerEnd::Ok, &None));
            settle(&gate, invocation).await;
        }
    }
}

#[tokio::test]
async fn who_sets_another_bound_gets_that_one() {
    for (max_memory, calls) in [(1 << 20, 1), (6 << 20, 6)] {
        let worker = leaking(limits(), Reuse::Reused { max_calls: 100, max_memory: Some(max_memory) });
        let gate = gate(policy());
        for call in (1..=calls).chain(1..=1) {
            let invocation = invoke(&worker, &gate, "1to").await;
            assert_eq!(lines(&invocation)[0].chars().next(), char::from_digit(call, 10));
            settle(&gate, invocation).await;
        }
    }
}

#[tokio::test]
async fn a_message_that_meets_the_limit_of_a_used_instance_runs_again_in_a_fresh_one() {
    for (payload, first) in [
        ("6to", "failed: memory limit 8 MiB reached; last log lines: info: 2n"),
        ("6ro", "failed: no memory (memory limit 8 MiB reached)"),
        ("6jo", "rejected it: no memory"),
        // Tables fill up alike.
        ("1to9", "failed: table limit 10000 elements reached; last log lines: info: 2n"),
        ("1ro9", "failed: no memory (table limit 10000 elements reached)"),
    ] {
        let (worker, gate) = (reused(), gate(policy()));
        match payload.len() {
            3 => use_up(&worker, &gate).await,
            _ => settle(&gate, invoke(&worker, &gate, "0to5").await).await,
        }
        let invocation = invoke(&worker, &gate, payload).await;
        assert_eq!((&invocation.end, invocation.faulted), (&HandlerEnd::Ok, false), "{payload}");
        let said = invocation.recycled.as_deref();
        assert_eq!(
            said,
            Some(&*format!("an instance that had served 1 message before {first}")),
            "{payload}"
        );
        // Nothing of the first run is left: its instance was called for the second time.
        assert_eq!(lines(&invocation), ["1n"], "{payload}");
        let outputs: Vec<_> = invocation.outputs.iter().map(|output| (output.under, output.index)).collect();
        assert_eq!((outputs, &invocation.outputs[0].payload), (vec![(Some(0), 0)], &b"1".to_vec()));
        assert_eq!(invocation.usage.host_calls, 8, "of both");
        settle(&gate, invocation).await;
        assert_eq!(record(&gate, payload).await, (State::Committed, Some(b"1".to_vec()), 1), "{payload}");
        // What is too full for the next one is not kept, the fresh one is.
        let kept = usize::from(payload.len() == 4);
        assert_eq!(worker.idle(), kept, "{payload}");
    }
}

#[tokio::test]
async fn a_used_instance_that_has_no_handle_left_is_another_such_case() {
    let settings = Settings { reuse: Reuse::DEFAULT, ..settings(Limits::default()) };
    let (worker, gate) = (handler(&fixture("wasi"), settings).worker(), gate(policy()));
    assert_eq!(invoke(&worker, &gate, "f").await.recycled, None, "it was fresh");
    invoke(&worker, &gate, "s").await;
    let invocation = invoke(&worker, &gate, "f").await;
    // This one hoards them, so that no instance has enough.
    assert_eq!(invocation.end, failed("handle limit 1024 reached"));
    let first = "an instance that had served 1 message before failed: handle limit 1024 reached";
    assert_eq!(invocation.recycled.as_deref(), Some(first));
}

#[tokio::test]
async fn the_end_in_a_fresh_instance_counts_whatever_it_is() {
    let (worker, gate) = (reused(), gate(policy()));
    use_up(&worker, &gate).await;
    let invocation = invoke(&worker, &gate, "9to").await;
    assert_eq!(invocation.end, failed("memory limit 8 MiB reached; last log lines: info: 1n"));
    assert!(invocation.recycled.is_some() && invocation.faulted);
    assert_eq!((invocation.attempt.staged(), invocation.outputs.len()), (1, 0));
    settle(&gate, invocation).await;
    // One attempt, not two.
    assert_eq!(record(&gate, "9to").await, (State::Released, None, 1));
}

#[tokio::test]
async fn a_fresh_instance_that_meets_its_limit_has_failed() {
    for reuse in [Reuse::Fresh, Reuse::DEFAULT] {
        let (worker, gate) = (leaking(limits(), reuse), gate(policy()));
        let invocation = invoke(&worker, &gate, "9ro").await;
        assert_eq!(invocation.end, failed("no memory (memory limit 8 MiB reached)"));
        assert_eq!(invocation.recycled, None);
    }
}

#[tokio::test]
async fn what_ended_well_or_failed_at_something_else_does_not_run_again() {
    let (worker, gate) = (reused(), gate(policy()));
    use_up(&worker, &gate).await;
    let content = invoke(&worker, &gate, "9oo").await;
    assert_eq!((&content.end, &content.recycled), (&HandlerEnd::Ok, &None));
    assert_eq!(lines(&content), ["2n"], "it was refused memory and did its work");
    let worker = leaking(Limits { cpu_ms: 50, ..limits() }, Reuse::DEFAULT);
    use_up(&worker, &gate).await;
    let spins = invoke(&worker, &gate, "1ts").await;
    assert_eq!(spins.end, failed("used 50 ms of CPU time; last log lines: info: 2n"));
    assert_eq!(spins.recycled, None);
}

#[tokio::test]
async fn cpu_time_is_counted_anew() {
    let worker = leaking(Limits { cpu_ms: 100, ..limits() }, Reuse::DEFAULT);
    let gate = gate(policy());
    use_up(&worker, &gate).await;
    // Refused, it goes on, and computes for ever: twice.
    let invocation = invoke(&worker, &gate, "6os").await;
    assert_eq!(invocation.end, failed("used 100 ms of CPU time; last log lines: info: 1n"));
    assert!(invocation.recycled.is_some());
    assert!(invocation.usage.cpu_ns >= 200_000_000, "{:?}", invocation.usage);
}

#[tokio::test]
async fn a_second_run_is_told_what_the_first_was_told() {
    let gate = gate(Policy { in_flight_wait_ms: 0, ..policy() });
    let mut other = attempt(&gate, "other");
    other.seen(b"6to").await.unwrap();
    let worker = reused();
    use_up(&worker, &gate).await;
    let invocation = invoke(&worker, &gate, "6to").await;
    assert_eq!((lines(&invocation), invocation.recycled.is_some()), (vec!["1f"], true));
    let verdict = invocation.attempt.verdict(&invocation.end, 0);
    assert!(matches!(verdict, Verdict::Defer(Deferral::InFlight(_))), "{verdict:?}");

    other.commit(b"6to", Some(b"receipt".to_vec())).unwrap();
    gate.settle(other.end(&Verdict::Apply)).await;
    let worker = reused();
    use_up(&worker, &gate).await;
    let invocation = invoke(&worker, &gate, "6to").await;
    assert_eq!((lines(&invocation), invocation.recycled.is_some()), (vec!["1d"], true));
    assert_eq!((&invocation.end, invocation.outputs.len()), (&HandlerEnd::Ok, 0));
    assert_eq!(invocation.attempt.verdict(&invocation.end, 0), Verdict::Apply);
}

/// Time that goes on by itself, and further whenever somebody claims a key.
#[derive(Debug, Default)]
struct Later {
    later_ms: AtomicU64,
}

impl Clock for Later {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms() + self.later_ms.load(Relaxed)
    }

    fn wall_ms(&self) -> u64 {
        SystemClock.wall_ms() + self.later_ms.load(Relaxed)
    }

    fn sleep(&self, ms: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        SystemClock.sleep(ms)
    }

    fn attempt_id(&self) -> AttemptId {
        SystemClock.attempt_id()
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store that takes its time for each claim, and counts them.
#[derive(Debug)]
struct Slow {
    clock: Arc<Later>,
    takes_ms: u64,
    claims: AtomicU64,
    store: MemoryStore,
}

impl Slow {
    fn new(takes_ms: u64) -> Arc<Self> {
        let clock = Arc::new(Later::default());
        let store = MemoryStore::new(clock.clone());
        Arc::new(Self { clock, takes_ms, claims: AtomicU64::new(0), store })
    }
}

impl Store for Slow {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> Answer<'a, Vec<ClaimOutcome>> {
        self.claims.fetch_add(1, Relaxed);
        self.clock.later_ms.fetch_add(self.takes_ms, Relaxed);
        self.store.claim(claims)
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> Answer<'a, Vec<SettleOutcome>> {
        self.store.check(settlements)
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> Answer<'a, Vec<SettleOutcome>> {
        self.store.settle(settlements)
    }

    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Result<Option<Entry>, StoreError>> {
        self.store.get(key)
    }

    fn list<'a>(&'a self, page: &'a Page) -> Answer<'a, Result<Listing, StoreError>> {
        self.store.list(page)
    }

    fn forget<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        keep_ms: u64,
    ) -> Answer<'a, Result<Forgotten, StoreError>> {
        self.store.forget(key, expected, keep_ms)
    }

    fn describe(&self) -> String {
        "a slow one".to_owned()
    }
}

/// A message whose first run claims its key and is out of memory, and whose second one computes for ever.
async fn computes_for_ever(policy: Policy, limits: Limits, claim_takes_ms: u64) -> Invocation {
    let store = Slow::new(claim_takes_ms);
    let gate = gate_with(policy, store.clone(), store.clock.clone());
    let worker = leaking(limits, Reuse::DEFAULT);
    use_up(&worker, &gate).await;
    let claims = store.claims.load(Relaxed);
    let invocation = invoke(&worker, &gate, "6ts").await;
    assert!(invocation.recycled.is_some(), "{:?}", invocation.end);
    assert_eq!(store.claims.load(Relaxed) - claims, 1, "the second run has the first one's claim");
    invocation
}

#[tokio::test]
async fn the_wall_time_limit_is_for_both_runs() {
    // Were the time counted anew, CPU time would be used up first.
    let limits = Limits { wall_ms: 30_000, cpu_ms: 5_000, ..limits() };
    let invocation = computes_for_ever(policy(), limits, 29_000).await;
    let HandlerEnd::OutOfTime(text) = &invocation.end else { panic!("{:?}", invocation.end) };
    assert!(text.starts_with("still running after 30 s"), "{text}");
}

#[tokio::test]
async fn the_lease_s_timer_is_for_both_runs() {
    let policy = Policy { lease_ms: 60_000, margin_ms: 5_000, ..policy() };
    let limits = Limits { wall_ms: 600_000, cpu_ms: 5_000, ..limits() };
    let invocation = computes_for_ever(policy, limits, 54_000).await;
    let HandlerEnd::OutOfTime(text) = &invocation.end else { panic!("{:?}", invocation.end) };
    assert!(text.starts_with("still running when its lease was about to end"), "{text}");
}

#[tokio::test]
async fn a_second_run_has_its_room_even_if_the_pool_has_none_and_others_wait_for_it() {
    let engine = Engine::new(1).unwrap();
    let worker = |name: &str, reuse| {
        let component = Component::load(&engine, &fixture(name), &limits()).unwrap();
        Handler::new(component, Settings { reuse, ..settings(limits()) }).unwrap().worker()
    };
    let (leaking, honest) = (worker("leaks", Reuse::DEFAULT), worker("honest", Reuse::Fresh));
    let gate = gate(policy());
    use_up(&leaking, &gate).await;
    assert_eq!(engine.free(), 0);
    let waits = invoke(&honest, &gate, "waits");
    let again = async {
        // Behind the one that waits, had it to ask for a place.
        tokio::task::yield_now().await;
        let invocation = invoke(&leaking, &gate, "6to").await;
        assert_eq!((&invocation.end, invocation.recycled.is_some()), (&HandlerEnd::Ok, true));
    };
    let both = async { tokio::join!(waits, again) };
    let (waited, ()) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    assert_eq!(waited.end, HandlerEnd::Ok);
    assert_eq!((engine.free(), leaking.idle()), (1, 0));
}
