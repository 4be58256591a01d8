//! What a key costs in the embedded store: its claim, and its settle in a group.

#![expect(clippy::expect_used, reason = "a bench that cannot run is to stop")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use divan::counter::ItemsCount;
use futures_util::FutureExt as _;
use oncegate_dedup::store::{
    Absent, Action, Claim, ClaimOutcome, FileOptions, FileStore, KeySettle, Settlement, Store,
};
use oncegate_dedup::{Clock, Key, Namespace, SystemClock};

/// Deliveries settled together.
const GROUP: u64 = 256;

fn main() {
    divan::main();
}

struct Bench {
    store: Arc<FileStore>,
    namespace: Namespace,
    next: AtomicU64,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        // On the disk of the build, because a folder for temporary files may be in memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made here");
        let path = folder.path().join("gate.db");
        let store = FileStore::open(&path, Arc::new(SystemClock), FileOptions::default()).expect("it opens");
        let namespace = Namespace::new("payment").expect("a namespace");
        Self { store, namespace, next: AtomicU64::new(0), _folder: folder }
    }

    /// Claims a key that was never seen, as a settlement that commits it.
    fn claim(&self) -> Settlement {
        // In no order, like ids of payments.
        let number = self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let key = Key::new(&self.namespace, format!("pay-{number:016x}").as_bytes());
        let claim = Claim {
            key,
            attempt: SystemClock.attempt_id(),
            fingerprint: None,
            lease_ms: 60_000,
            keep_ms: 3_600_000,
            suspect_after: 20,
            alone: false,
        };
        let outcome =
            self.store.claim(std::slice::from_ref(&claim)).now_or_never().and_then(|mut all| all.pop());
        let Some(ClaimOutcome::First(granted)) = outcome else { unreachable!("{outcome:?}") };
        let action = Action::Commit { receipt: Some(vec![7; 24]), window_ms: 3_600_000 };
        let keys = vec![KeySettle { key: claim.key, fence: granted.fence, fingerprint: None, action }];
        Settlement { keys, absent: Absent::Refuse }
    }

    fn group(&self) -> Vec<Settlement> {
        (0..GROUP).map(|_| self.claim()).collect()
    }

    fn settle(&self, group: &[Settlement]) {
        self.store.prepare(group).commit(&[]).expect("it is written");
    }
}

/// Claims, one at a time.
#[divan::bench(threads = [1, 2], sample_count = 200, sample_size = 500)]
fn claim(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    bencher.counter(ItemsCount::new(1u64)).bench(|| bench.claim());
}

/// The settle of a group of claims, on the disk.
#[divan::bench(sample_count = 400, sample_size = 1)]
fn settle(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    bencher
        .counter(ItemsCount::new(GROUP))
        .with_inputs(|| bench.group())
        .bench_local_refs(|group| bench.settle(group));
}

/// Both: the claims of a group one at a time, then its settle.
#[divan::bench(sample_count = 400, sample_size = 1)]
fn claim_and_settle(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    bencher.counter(ItemsCount::new(GROUP)).bench_local(|| bench.settle(&bench.group()));
}
