//! The cache's bound is in bytes, and a bound that is only counted is none: this compares it with what a process
//! really uses. A test binary of its own, because it measures its whole process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use oncegate_dedup::store::{
    Claim, ClaimOutcome, Committed, Entry, Forgotten, Listing, Page, SettleOutcome, Settlement, Store,
    StoreError,
};
use oncegate_dedup::{Fence, Gate, Key, L1Limits, Namespace, Origin, Policy, SystemClock};

/// Knows every key as committed, and keeps nothing.
#[derive(Debug)]
struct AllCommitted;

impl Store for AllCommitted {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        let committed = |_| {
            ClaimOutcome::Committed(Committed {
                receipt: Some(vec![7; 24]),
                fingerprint: None,
                left_ms: 3_600_000,
            })
        };
        ready(claims.iter().map(committed).collect()).boxed()
    }

    fn check<'a>(&'a self, _: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        ready(Vec::new()).boxed()
    }

    fn settle<'a>(&'a self, _: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        ready(Vec::new()).boxed()
    }

    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        ready(Ok(None)).boxed()
    }

    fn list<'a>(&'a self, _: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>> {
        ready(Ok(Listing { entries: Vec::new(), next: None })).boxed()
    }

    fn forget<'a>(
        &'a self,
        _: &'a Key,
        _: Option<Fence>,
        _: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>> {
        ready(Ok(Forgotten::Absent)).boxed()
    }

    fn describe(&self) -> String {
        "everything is committed".to_owned()
    }
}

/// Bytes that the process holds in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn the_cache_uses_about_as_much_memory_as_it_may() {
    let bound = 64 << 20;
    let limits = L1Limits { bytes: bound, ..L1Limits::default() };
    let policy = Policy::new(Namespace::new("n").unwrap());
    let gate = Gate::new(policy, limits, Arc::new(AllCommitted), Arc::new(SystemClock)).unwrap();
    let before = resident();
    // More than fit, with keys of 16 bytes.
    for number in 0..250_000_u64 {
        let mut attempt = gate.attempt(Origin::of("s", "m"), None);
        attempt.seen(format!("key-{number:012}").as_bytes()).await.unwrap();
    }
    let used = resident().saturating_sub(before);
    let percent = used * 100 / bound;
    eprintln!("bound {} MiB, used {} MiB ({percent} %)", bound >> 20, used >> 20);
    assert!((80..=110).contains(&percent), "the bound is {bound} bytes, and {used} are used");
}
