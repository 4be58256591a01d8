//! What time and data are charged to whom.

#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use oncegate_dedup::store::{
    Claim, ClaimOutcome, Entry, Forgotten, Listing, MemoryStore, Page, SettleOutcome, Settlement, Store,
    StoreError,
};
use oncegate_dedup::{Deferral, Fence, HandlerEnd, Key, Policy, SystemClock, Verdict};
use oncegate_sandbox::{Limits, Settings};

type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store that answers every claim alike, or none.
#[derive(Debug)]
struct Stub {
    claims: Option<ClaimOutcome>,
    rest: MemoryStore,
}

impl Stub {
    fn new(claims: Option<ClaimOutcome>) -> Arc<Self> {
        Arc::new(Self { claims, rest: MemoryStore::new(Arc::new(SystemClock)) })
    }
}

impl Store for Stub {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> Answer<'a, Vec<ClaimOutcome>> {
        Box::pin(async move {
            match &self.claims {
                Some(outcome) => vec![outcome.clone(); claims.len()],
                None => std::future::pending().await,
            }
        })
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> Answer<'a, Vec<SettleOutcome>> {
        self.rest.check(settlements)
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> Answer<'a, Vec<SettleOutcome>> {
        self.rest.settle(settlements)
    }

    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Result<Option<Entry>, StoreError>> {
        self.rest.get(key)
    }

    fn list<'a>(&'a self, page: &'a Page) -> Answer<'a, Result<Listing, StoreError>> {
        self.rest.list(page)
    }

    fn forget<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        keep_ms: u64,
    ) -> Answer<'a, Result<Forgotten, StoreError>> {
        self.rest.forget(key, expected, keep_ms)
    }

    fn describe(&self) -> String {
        "a stub".to_owned()
    }
}

fn honest(limits: Limits) -> oncegate_sandbox::Worker {
    handler(&fixture("honest"), settings(limits)).worker()
}

#[tokio::test]
async fn waiting_costs_no_cpu_time() {
    let gate = gate(Policy { in_flight_wait_ms: 300, ..policy() });
    let mut other = attempt(&gate, "other");
    other.seen(b"contended").await.unwrap();
    let begun = Instant::now();
    let invocation = invoke(&honest(Limits { cpu_ms: 50, ..Limits::default() }), &gate, "contended").await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(invocation.end, HandlerEnd::Ok);
    assert!(invocation.usage.cpu_ns < 50_000_000, "{:?}", invocation.usage);
    let verdict = invocation.attempt.verdict(&invocation.end, 0);
    assert!(matches!(verdict, Verdict::Defer(Deferral::InFlight(_))), "{verdict:?}");
}

#[tokio::test]
async fn waiting_costs_wall_time() {
    let gate = gate(Policy { in_flight_wait_ms: 20_000, ..policy() });
    let mut other = attempt(&gate, "other");
    other.seen(b"contended").await.unwrap();
    let begun = Instant::now();
    let invocation = invoke(&honest(Limits { wall_ms: 100, ..Limits::default() }), &gate, "contended").await;
    assert_eq!(invocation.end, out_of_time("still running after 100 ms"));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(100) && took < Duration::from_secs(5), "{took:?}");
    // The key is still the other's.
    assert_eq!(other.commit(b"contended", None), Ok(()));
}

#[tokio::test]
async fn a_store_that_never_answers_is_not_waited_for_and_not_the_handler_s_fault() {
    let gate = gate_on(policy(), Stub::new(None));
    let invocation = invoke(&honest(Limits { wall_ms: 50, ..Limits::default() }), &gate, "x").await;
    assert_eq!(invocation.end, out_of_time("still running after 50 ms"));
    let verdict = invocation.attempt.verdict(&invocation.end, 0);
    assert!(matches!(verdict, Verdict::Defer(Deferral::Unavailable(_))), "{verdict:?}");
}

#[tokio::test]
async fn computing_costs_wall_time_too() {
    let limits = Limits { wall_ms: 1_000, cpu_ms: 60_000, ..Limits::default() };
    let worker = handler(&evil("spins-in-handle"), settings(limits)).worker();
    let invocation = invoke(&worker, &gate(policy()), "x").await;
    assert_eq!(invocation.end, out_of_time("still running after 1 s"));
    assert!(invocation.usage.cpu_ns > 100_000_000, "{:?}", invocation.usage);
}

#[tokio::test]
async fn a_claim_s_lease_ends_a_handler_before_somebody_else_may_take_the_key() {
    let policy = Policy { lease_ms: 1_000, margin_ms: 800, handler_limit_ms: 100, ..policy() };
    let limits = Limits { host_calls: u32::MAX, host_call_bytes: usize::MAX, ..Limits::default() };
    let worker = handler(&evil("asks-for-ever"), settings(limits)).worker();
    let begun = Instant::now();
    let invocation = invoke(&worker, &gate(policy), "x").await;
    assert_eq!(invocation.end, out_of_time("still running when its lease was about to end"));
    assert!(begun.elapsed() < Duration::from_millis(1_000));
}

#[tokio::test]
async fn an_aborted_attempt_stops_its_handler_at_once() {
    let gate = gate_on(policy(), Stub::new(Some(ClaimOutcome::Suspect { host_deaths: 21 })));
    let settings = Settings { reuse: oncegate_sandbox::Reuse::DEFAULT, ..settings(Limits::default()) };
    let worker = handler(&evil("asks-for-ever"), settings).worker();
    let invocation = invoke(&worker, &gate, "x").await;
    assert_eq!(invocation.end, HandlerEnd::Aborted);
    assert_eq!((invocation.usage.host_calls, worker.idle()), (1, 0));
    let verdict = invocation.attempt.verdict(&invocation.end, 0);
    assert_eq!(verdict, Verdict::Defer(Deferral::Suspect(21)));
}

#[tokio::test]
async fn what_the_store_said_stays_with_the_host() {
    let secret = "redis://user:secret@10.0.0.1 refused".to_owned();
    let gate = gate_on(policy(), Stub::new(Some(ClaimOutcome::Unavailable(secret.clone()))));
    let invocation = invoke(&honest(Limits::default()), &gate, "x").await;
    assert_eq!(invocation.end, failed("refused"));
    let verdict = invocation.attempt.verdict(&invocation.end, 0);
    assert_eq!(verdict, Verdict::Defer(Deferral::Unavailable(secret)));
}

#[tokio::test]
async fn memory_that_was_refused_and_not_needed_fails_nothing() {
    let limits = Limits { memory_bytes: 64 << 10, ..Limits::default() };
    let worker = handler(&fixture("counting"), settings(limits)).worker();
    let invocation = invoke(&worker, &gate(policy()), "x").await;
    assert_eq!((invocation.end, invocation.usage.memory_bytes), (HandlerEnd::Ok, 64 << 10));
}

#[tokio::test]
async fn a_message_that_does_not_fit_into_the_guest_ends_its_invocation() {
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let worker = handler(&fixture("honest"), settings(limits)).worker();
    let gate = gate(policy());
    let invocation = invoke(&worker, &gate, &"x".repeat(2 << 20)).await;
    assert_eq!(invocation.end, failed("memory limit 1 MiB reached"));
    assert_eq!(invoke(&worker, &gate, "small").await.end, HandlerEnd::Ok);
}

#[tokio::test]
async fn log_beyond_its_limit_is_dropped_counted_and_noted() {
    let limits = Limits { host_calls: 1_000, ..Limits::default() };
    let worker = handler(&evil("logs-for-ever"), settings(limits.clone())).worker();
    let logs = invoke(&worker, &gate(policy()), "x").await.logs;
    // 16 KiB hold 40 lines of 400 bytes.
    assert_eq!((logs.lines.len(), logs.dropped), (40, 960));
    let note = logs.note(&limits).unwrap().to_string();
    assert_eq!(note, "960 log lines dropped (limits: 100 lines, 16 KiB)");
}
