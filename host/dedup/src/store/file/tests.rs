//! Tests of what only the embedded store has to hold; what every store has to hold is in the suite for all.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::*;
use crate::store::{
    Absent, Action, Claim, ClaimOutcome, Granted, KeySettle, SettleOutcome, Settlement, Store,
};
use crate::{AttemptId, Clock, Fence, Key, Namespace, SystemClock};

mod clock;
mod expiry;
mod fault;
mod format;
mod hold;
mod kill;
mod log;
mod suite;

const LEASE_MS: u64 = 60_000;
const KEEP_MS: u64 = 600_000;
const WINDOW_MS: u64 = 3_600_000;

/// A clock that tests move by hand.
#[derive(Debug, Default)]
struct ManualClock {
    now_ms: AtomicU64,
    wall_ms: AtomicU64,
}

impl ManualClock {
    fn at(wall_ms: u64) -> Arc<Self> {
        let clock = Self::default();
        clock.wall_ms.store(wall_ms, Ordering::SeqCst);
        Arc::new(clock)
    }

    fn pass(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        self.pass(ms);
        ready(()).boxed()
    }

    fn attempt_id(&self) -> AttemptId {
        SystemClock.attempt_id()
    }
}

/// A folder in memory where there is one: for tests that write much and ask nothing of the disk.
fn folder_in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Small, so that what happens rarely happens in tests.
fn small() -> FileOptions {
    FileOptions { cache_bytes: 1 << 20, memtable_bytes: 128 << 10, claim_log_bytes: 32 << 10 }
}

fn open(path: &Path, clock: &Arc<ManualClock>) -> Arc<FileStore> {
    FileStore::open(path, clock.clone(), small()).unwrap()
}

fn key(name: &str) -> Key {
    Key::new(&Namespace::new("test").unwrap(), name.as_bytes())
}

fn claim_of(name: &str) -> Claim {
    Claim {
        key: key(name),
        attempt: SystemClock.attempt_id(),
        fingerprint: None,
        lease_ms: LEASE_MS,
        keep_ms: KEEP_MS,
        suspect_after: 20,
        alone: false,
    }
}

fn claim(store: &FileStore, name: &str) -> ClaimOutcome {
    store.claim_one(&claim_of(name))
}

fn first(outcome: ClaimOutcome) -> Granted {
    match outcome {
        ClaimOutcome::First(granted) => granted,
        other => panic!("not claimed: {other:?}"),
    }
}

fn settlement(name: &str, fence: Fence, action: Action) -> Settlement {
    let key = KeySettle { key: key(name), fence, fingerprint: None, action };
    Settlement { keys: vec![key], absent: Absent::Refuse }
}

fn commit(name: &str, fence: Fence) -> Settlement {
    let receipt = Some(format!("receipt of {name}").into_bytes());
    settlement(name, fence, Action::Commit { receipt, window_ms: WINDOW_MS })
}

fn release(name: &str, fence: Fence) -> Settlement {
    settlement(name, fence, Action::Release { failed: true, error: "it failed".to_owned(), keep_ms: KEEP_MS })
}

fn applied() -> SettleOutcome {
    SettleOutcome::Applied { late: 0 }
}

/// Settles, and insists that all of it is applied.
fn settle(store: &FileStore, settlements: &[Settlement]) {
    let prepared = store.prepare(settlements);
    assert!(prepared.outcomes().iter().all(|outcome| *outcome == applied()), "{prepared:?}");
    prepared.commit(&[]).unwrap();
}

fn is_committed(store: &FileStore, name: &str) -> bool {
    matches!(claim(store, name), ClaimOutcome::Committed(_))
}

/// Runs a future that never waits for anything but its own next poll.
fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_commit_outlives_its_process_and_a_claim_left_behind_is_void_at_once() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let path = folder.path().join("gate.db");
    let store = open(&path, &clock);
    let done = first(claim(&store, "done"));
    let held = first(claim(&store, "held"));
    let failed = first(claim(&store, "failed"));
    settle(&store, &[commit("done", done.fence), release("failed", failed.fence)]);
    assert!(matches!(claim(&store, "held"), ClaimOutcome::InFlight { left_ms: LEASE_MS }));
    drop(store);

    let store = open(&path, &clock);
    let ClaimOutcome::Committed(committed) = claim(&store, "done") else { panic!("it was committed") };
    assert_eq!(committed.receipt.as_deref(), Some(&b"receipt of done"[..]));
    assert_eq!(committed.left_ms, WINDOW_MS);
    let entry = store.entry(&key("held")).unwrap().unwrap();
    assert!(entry.void && entry.lease_left_ms() == 0 && entry.left_ms == LEASE_MS + KEEP_MS, "{entry:?}");
    let again = first(claim(&store, "held"));
    assert_eq!((again.attempts, again.host_deaths, again.fence.sequence), (1, 1, held.fence.sequence + 1));
    let again = first(claim(&store, "failed"));
    assert_eq!((again.attempts, again.host_deaths), (2, 0));
}

#[test]
fn each_death_of_a_host_is_counted_once_however_often_the_store_is_opened() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    for _ in 0..3 {
        drop(open(folder.path(), &clock));
    }
    first(claim(&open(folder.path(), &clock), "k"));
    for _ in 0..3 {
        drop(open(folder.path(), &clock));
    }
    for deaths in 1..=5 {
        let granted = first(claim(&open(folder.path(), &clock), "k"));
        assert_eq!((granted.attempts, granted.host_deaths), (1, deaths));
    }
}

#[test]
fn settles_asked_for_together_share_one_write_to_the_disk() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let names: Vec<_> = (0..40).map(|i| format!("k{i}")).collect();
    let groups: Vec<_> = names.iter().map(|name| [commit(name, first(claim(&store, name)).fence)]).collect();
    let before = store.figures();
    let outcomes = now(futures_util::future::join_all(groups.iter().map(|group| store.settle(group))));
    assert!(outcomes.iter().all(|outcomes| *outcomes == [applied()]));
    let after = store.figures();
    assert_eq!((after.syncs - before.syncs, after.groups - before.groups), (1, 1));
    // Repeated, nothing is written at all.
    assert_eq!(now(store.settle(&groups[0])), [applied()]);
    assert_eq!(store.figures().syncs, after.syncs);
    assert!(names.iter().all(|name| is_committed(&store, name)));
}

#[test]
fn only_a_claim_that_runs_alone_waits_for_the_disk() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let before = store.figures().syncs;
    first(claim(&store, "a"));
    assert_eq!(store.figures().syncs, before);
    first(store.claim_one(&Claim { alone: true, ..claim_of("b") }));
    assert_eq!(store.figures().syncs, before + 1);
}

#[test]
fn a_list_shows_claims_and_commits_in_order_and_page_by_page() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let names: Vec<_> = (10..33).map(|i| format!("k{i}")).collect();
    let granted: Vec<_> = names.iter().map(|name| first(claim(&store, name))).collect();
    for (name, granted) in names.iter().zip(granted).step_by(2) {
        settle(&store, &[commit(name, granted.fence)]);
    }
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = crate::store::Page { namespace: Namespace::new("test").unwrap(), cursor, limit: 5 };
        let listing = now(store.list(&page)).unwrap();
        assert!(listing.entries.len() <= 5);
        listed.extend(listing.entries.into_iter().map(|entry| entry.key));
        cursor = listing.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, names.iter().map(|name| key(name)).collect::<Vec<_>>());
}

#[test]
fn a_forgotten_key_stays_forgotten_to_whoever_had_it() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let granted = first(claim(&store, "k"));
    assert_eq!(now(store.forget(&key("k"), None, KEEP_MS)).unwrap(), crate::store::Forgotten::Done);
    assert_eq!(store.prepare(&[commit("k", granted.fence)]).outcomes(), [SettleOutcome::Lost { key: 0 }]);
    assert_eq!(first(claim(&store, "k")).fence.sequence, granted.fence.sequence + 2);
    let other = crate::store::Forgotten::Absent;
    assert_eq!(now(store.forget(&key("never"), None, KEEP_MS)).unwrap(), other);
}

#[test]
fn a_key_is_claimed_by_one_of_many_threads() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(1_000));
    let store = open(folder.path(), &clock);
    let claimed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for i in 0..500 {
                    if matches!(claim(&store, &format!("k{i}")), ClaimOutcome::First(_)) {
                        claimed.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(claimed.into_inner(), 500);
}
