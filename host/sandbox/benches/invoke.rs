//! One call of an honest handler, fresh and reused: a new key (two host calls more than a duplicate), and a
//! duplicate that the cache answers.

#![expect(clippy::expect_used, reason = "nothing is measured if the setting cannot be made")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use oncegate_dedup::store::MemoryStore;
use oncegate_dedup::{Gate, HandlerEnd, Namespace, Origin, Policy, SystemClock};
use oncegate_sandbox::{Component, Engine, Handler, Limits, Message, Reuse, Settings, Topics, Worker};
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

struct Setting {
    worker: Worker,
    gate: Arc<Gate>,
    runtime: Runtime,
    next: AtomicU64,
}

impl Setting {
    fn new(reuse: Reuse) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/honest.wat");
        let bytes = wat::parse_file(path).expect("the fixture is text");
        let engine = Engine::new(4).expect("an engine");
        let component = Component::load(&engine, &bytes, &Limits::default()).expect("a handler");
        let settings = Settings { reuse, topics: Topics::Any, ..Settings::default() };
        let worker = Handler::new(component, settings).expect("limits").worker();
        let clock = Arc::new(SystemClock);
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let policy = Policy::new(Namespace::new("bench").expect("a namespace"));
        let gate = Gate::new(policy, Default::default(), store, clock).expect("a policy");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { worker, gate, runtime, next: AtomicU64::new(0) }
    }

    fn message(payload: &[u8]) -> Message {
        Message {
            id: "m".to_owned(),
            topic: "in".to_owned(),
            key: None,
            headers: Vec::new(),
            payload: payload.to_vec(),
            attempt: 1,
            published_ms: None,
        }
    }

    async fn call(&self, payload: &[u8]) -> usize {
        let attempt = self.gate.attempt(Origin::of("in", "m"), None);
        let invocation = self.worker.invoke(&Self::message(payload), attempt).await;
        assert_eq!(invocation.end, HandlerEnd::Ok);
        invocation.outputs.len()
    }

    fn new_key(&self, bencher: Bencher) {
        bencher.bench(|| {
            let key = self.next.fetch_add(1, Ordering::Relaxed).to_string();
            self.runtime.block_on(self.call(key.as_bytes()))
        });
    }

    /// Many calls for each entry into the runtime, as a pipeline's worker makes them.
    fn duplicate(&self, bencher: Bencher) {
        const CALLS: usize = 100;
        self.runtime.block_on(async {
            let mut attempt = self.gate.attempt(Origin::of("in", "m"), None);
            attempt.seen(b"k").await.expect("a new key");
            attempt.commit(b"k", None).expect("a claimed key");
            let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
            self.gate.settle(attempt.end(&verdict)).await;
        });
        bencher.counter(CALLS).bench(|| {
            self.runtime.block_on(async {
                for _ in 0..CALLS {
                    assert_eq!(self.call(b"k").await, 0);
                }
            });
        });
    }
}

#[divan::bench]
fn fresh_new_key(bencher: Bencher) {
    Setting::new(Reuse::Fresh).new_key(bencher);
}

#[divan::bench]
fn fresh_duplicate_x100(bencher: Bencher) {
    Setting::new(Reuse::Fresh).duplicate(bencher);
}

#[divan::bench]
fn reused_new_key(bencher: Bencher) {
    Setting::new(Reuse::DEFAULT).new_key(bencher);
}

#[divan::bench]
fn reused_duplicate_x100(bencher: Bencher) {
    Setting::new(Reuse::DEFAULT).duplicate(bencher);
}
