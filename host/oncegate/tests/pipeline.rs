//! The pipeline between a source and a settle of the test's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;
use std::time::Duration;

use oncegate::fingerprint::FingerprintOf;
use oncegate::pipeline::{
    self, Backoff, Budget, Handle, Invoke, Order, Outputs, Parts, QuarantineRules, Rules, Stop, WaitingBound,
};
use oncegate::settle::Ordered;
use oncegate::summary::{End, Tally};
use oncegate_broker::{Delivery, Message, NdjsonEncoder, Pending, Source, SourceError, StreamSink};
use oncegate_dedup::store::MemoryStore;
use oncegate_dedup::{Attempt, Gate, HandlerEnd, L1Limits, Namespace, Policy, Sighting, SystemClock};
use oncegate_sandbox::{Invocation, Limits, Logs, Usage};

/// Hands out one message so many times, each time when the one before has ended, and loses its connection before the
/// last.
struct Again {
    left: u64,
    times: u64,
    tally: Arc<Tally>,
}

impl Source for Again {
    fn name(&self) -> &str {
        "again"
    }

    fn receive(&mut self, _: usize) -> Pending<'_, Result<Vec<Delivery>, SourceError>> {
        Box::pin(async {
            while self.tally.ended_in_all() < self.times - self.left {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if self.left == 0 {
                return Ok(Vec::new());
            }
            self.left -= 1;
            let message = Message {
                id: "m".to_owned(),
                topic: "t".to_owned(),
                key: None,
                headers: Vec::new(),
                payload: b"p".to_vec(),
                published_ms: None,
                ticket: None,
            };
            Ok(vec![Delivery::Message(message)])
        })
    }

    fn reconnects(&self) -> u64 {
        u64::from(self.left == 0)
    }
}

/// Commits one key.
struct Commits;

impl Handle for Commits {
    type Worker = Commits;

    fn worker(&self) -> Commits {
        Commits
    }
}

impl Invoke for Commits {
    async fn invoke(&self, _: &oncegate_sandbox::Message, mut attempt: Attempt) -> Invocation {
        if attempt.seen(b"k").await == Ok(Sighting::New) {
            attempt.commit(b"k", None).unwrap();
        }
        let (end, logs, usage) = (HandlerEnd::Ok, Logs::default(), Usage::default());
        Invocation {
            attempt,
            end,
            faulted: false,
            outputs: Vec::new(),
            refused_topic: None,
            logs,
            usage,
            recycled: None,
        }
    }
}

fn rules() -> Rules {
    Rules {
        name: "again".to_owned(),
        source: "again".to_owned(),
        topic: "t".to_owned(),
        outputs: Outputs::Gated,
        output_encoder: Arc::new(NdjsonEncoder),
        dead_letter_encoder: Arc::new(NdjsonEncoder),
        order: Order::None,
        fingerprint: FingerprintOf::Payload,
        backoff: Backoff { min_ms: 1, max_ms: 10 },
        waiting: WaitingBound { count: 100, bytes: 1 << 20 },
        quarantine: QuarantineRules::NEVER,
        budget: Budget::default(),
        threads: 1,
        concurrency: 1,
        nice: 0,
        log_level: None,
        limits: Limits::default(),
    }
}

#[test]
fn what_a_source_brings_over_a_new_connection_is_asked_of_the_store_and_not_of_the_cache() {
    // Rule 18: that connection may lead to a server that has forgotten what the cache remembers.
    let clock = Arc::new(SystemClock);
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let policy = Policy::new(Namespace::new("n").unwrap());
    let gate = Gate::new(policy, L1Limits::default(), store, clock).unwrap();
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(Stop::default()));
    let folder = tempfile::tempdir().unwrap();
    let sink = |name: &str| Box::new(StreamSink::file(folder.path().join(name)).unwrap());
    let mut settle = Ordered::new(Arc::clone(&gate), sink("out"), sink("dead"), None, Arc::clone(&stop));
    let source = Again { left: 3, times: 3, tally: Arc::clone(&tally) };
    let parts = Parts {
        gate,
        source: Box::new(source),
        acks: None,
        settle: &mut settle,
        rules: rules(),
        tally: Arc::clone(&tally),
        stop,
    };
    pipeline::run(&Commits, parts).unwrap();
    let ended = [End::Applied, End::DuplicateL1, End::DuplicateStore].map(|end| tally.ended(end));
    assert_eq!(ended, [1, 1, 1]);
}
