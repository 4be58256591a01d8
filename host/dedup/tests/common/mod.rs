//! A gate on a store whose calls are counted and can go wrong, with time in the hands of the test.

#![allow(dead_code, reason = "no test uses all of it")]

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use oncegate_dedup::store::{
    Claim, ClaimOutcome, Entry, Forgotten, Invalidate, Listing, MemoryStore, Page, SettleOutcome, Settlement,
    Store, StoreError,
};
use oncegate_dedup::{
    AttemptId, Clock, Fence, Fingerprint, Gate, HandlerEnd, Key, L1Limits, Namespace, Origin, Policy, Record,
    SeenError, Sighting, SystemClock, Verdict,
};

/// Time stands still unless a test moves it.
#[derive(Debug, Default)]
pub struct TestClock {
    now_ms: AtomicU64,
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(SeqCst)
    }

    fn wall_ms(&self) -> u64 {
        self.now_ms()
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        SystemClock.sleep(ms)
    }

    fn attempt_id(&self) -> AttemptId {
        SystemClock.attempt_id()
    }
}

/// What happens to calls on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The store does as it is told, and its reply is lost.
    ReplyLost,
    /// The store is not reached.
    NotReached,
    /// The store never answers.
    Hangs,
}

/// A memory store whose calls are counted and can go wrong.
#[derive(Debug)]
pub struct Watched {
    pub inner: MemoryStore,
    claims: AtomicU32,
    settles: AtomicU32,
    fault: Mutex<Fault>,
    pub settle_gate: tokio::sync::Semaphore,
    /// A key that an operator forgets when the store has answered, and its answer is still under way.
    pub forget_behind: Mutex<Option<Key>>,
    /// What a cache may believe; see [`Store::cache_epoch`].
    pub epoch: Mutex<Option<u64>>,
    /// How many replicas are asked for, and whether they are there.
    pub replicas: AtomicU32,
    pub replicas_are_there: AtomicBool,
    /// How long a claim takes on the clock, in milliseconds.
    pub claim_takes_ms: AtomicU64,
    clock: Arc<TestClock>,
}

impl Watched {
    pub fn claims(&self) -> u32 {
        self.claims.load(SeqCst)
    }

    pub fn go_wrong(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }

    async fn operator_acts(&self) {
        let key = self.forget_behind.lock().unwrap().take();
        if let Some(key) = key {
            self.inner.forget(&key, None, 60_000).await.unwrap();
        }
    }
}

impl Store for Watched {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        async move {
            self.claims.fetch_add(1, SeqCst);
            let fault = self.fault();
            let lost = vec![ClaimOutcome::Unavailable("cut".into()); claims.len()];
            if fault == Fault::NotReached {
                return lost;
            }
            let outcomes = self.inner.claim(claims).await;
            self.clock.now_ms.fetch_add(self.claim_takes_ms.load(SeqCst), SeqCst);
            self.operator_acts().await;
            match fault {
                Fault::Hangs => std::future::pending().await,
                Fault::ReplyLost => lost,
                _ => outcomes,
            }
        }
        .boxed()
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.inner.check(settlements)
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        async move {
            self.settles.fetch_add(1, SeqCst);
            let _turn = self.settle_gate.acquire().await.unwrap();
            if self.fault() == Fault::NotReached {
                return vec![SettleOutcome::Unavailable("cut".into()); settlements.len()];
            }
            let outcomes = self.inner.settle(settlements).await;
            self.operator_acts().await;
            outcomes
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        self.inner.get(key)
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.inner.list(page)
    }

    fn forget<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>> {
        self.inner.forget(key, expected, keep_ms)
    }

    fn watch(&self, cache: Weak<dyn Invalidate>) {
        self.inner.watch(cache);
    }

    fn cache_epoch(&self) -> Option<u64> {
        *self.epoch.lock().unwrap()
    }

    fn replicas(&self) -> u32 {
        self.replicas.load(SeqCst)
    }

    fn replicated(&self, _: Option<u64>) -> BoxFuture<'_, Result<(), String>> {
        let there = self.replicas_are_there.load(SeqCst);
        ready(if there { Ok(()) } else { Err("too few".to_owned()) }).boxed()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

pub struct Bench {
    pub clock: Arc<TestClock>,
    pub store: Arc<Watched>,
    pub gate: Arc<Gate>,
}

pub fn bench_with(policy: impl FnOnce(&mut Policy), l1: L1Limits) -> Bench {
    let clock = Arc::new(TestClock { now_ms: AtomicU64::new(1_000_000) });
    let store = Arc::new(Watched {
        inner: MemoryStore::new(clock.clone()),
        claims: AtomicU32::new(0),
        settles: AtomicU32::new(0),
        fault: Mutex::new(Fault::None),
        settle_gate: tokio::sync::Semaphore::new(1),
        forget_behind: Mutex::new(None),
        epoch: Mutex::new(Some(0)),
        replicas: AtomicU32::new(0),
        replicas_are_there: AtomicBool::new(false),
        claim_takes_ms: AtomicU64::new(0),
        clock: clock.clone(),
    });
    let mut rules = Policy::new(Namespace::new("n").unwrap());
    policy(&mut rules);
    let gate = Gate::new(rules, l1, store.clone(), clock.clone()).unwrap();
    Bench { clock, store, gate }
}

pub fn bench() -> Bench {
    bench_with(|_| {}, L1Limits::default())
}

impl Bench {
    pub fn attempt(&self) -> oncegate_dedup::Attempt {
        self.gate.attempt(Origin::of("s", "m"), None)
    }

    pub fn printed(&self, payload: &[u8]) -> oncegate_dedup::Attempt {
        self.gate.attempt(Origin::of("s", "m"), Some(Fingerprint::of(payload)))
    }

    pub async fn settle(&self, attempt: oncegate_dedup::Attempt, end: HandlerEnd) -> Verdict {
        let verdict = attempt.verdict(&end, 0);
        let outcome = self.gate.settle(attempt.end(&verdict)).await;
        assert_eq!(outcome, SettleOutcome::Applied { late: 0 });
        verdict
    }

    pub async fn commit(&self, key: &[u8]) {
        let mut attempt = self.attempt();
        assert_eq!(attempt.seen(key).await, Ok(Sighting::New));
        attempt.commit(key, Some(b"r".to_vec())).unwrap();
        assert_eq!(self.settle(attempt, HandlerEnd::Ok).await, Verdict::Apply);
    }

    pub fn key(&self, name: &[u8]) -> Key {
        Key::new(&self.gate.policy().keys_of(), name)
    }

    /// The record of a key.
    pub async fn record(&self, name: &[u8]) -> Option<Record> {
        self.store.inner.get(&self.key(name)).await.unwrap().map(|entry| entry.record.unwrap())
    }

    pub fn advance(&self, ms: u64) {
        self.clock.now_ms.fetch_add(ms, SeqCst);
    }
}

pub fn duplicate() -> Result<Sighting, SeenError> {
    Ok(Sighting::Duplicate(Some(b"r".to_vec())))
}
