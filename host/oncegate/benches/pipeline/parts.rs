//! What all whole runs have in common.

use std::sync::Arc;
use std::time::Duration;

use oncegate::fingerprint::FingerprintOf;
use oncegate::pipeline::{Backoff, Budget, Order, Outputs, QuarantineRules, Rules, WaitingBound};
use oncegate::summary::{End, Tally};
use oncegate_broker::{Encoder, Source};
use oncegate_dedup::store::Store;
use oncegate_dedup::{Gate, L1Limits, Namespace, Policy, SystemClock};
use oncegate_sandbox::Limits;

/// Handlers that may be under way at once: what a configuration has that does not say.
pub const CONCURRENCY: usize = 64;

/// Threads that run handlers.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The payload of a payment: 256 bytes or so with what is around it.
pub fn payment(number: usize) -> String {
    format!(
        "{{\"payment_id\":\"pay-{number:09}\",\"account\":\"acct-{:05}\",\"amount_cents\":{},\"currency\":\"EUR\",\"note\":\"{:0>64}\"}}",
        number % 1000,
        100 + number % 997,
        number
    )
}

/// A gate with the default policy.
pub fn gate(store: Arc<dyn Store>) -> Arc<Gate> {
    let policy = Policy::new(Namespace::new("payment").unwrap());
    Gate::new(policy, L1Limits::default(), store, Arc::new(SystemClock)).unwrap()
}

/// The default rules, for messages of this source and topic.
pub fn rules(
    source: &dyn Source,
    topic: &str,
    output_encoder: Arc<dyn Encoder>,
    dead_letter_encoder: Arc<dyn Encoder>,
) -> Rules {
    Rules {
        name: "payment".to_owned(),
        source: source.name().to_owned(),
        topic: topic.to_owned(),
        outputs: Outputs::Gated,
        output_encoder,
        dead_letter_encoder,
        order: Order::None,
        fingerprint: FingerprintOf::Payload,
        backoff: Backoff { min_ms: 100, max_ms: 30_000 },
        waiting: WaitingBound { count: 10_000, bytes: 64 << 20 },
        quarantine: QuarantineRules::NEVER,
        budget: Budget::default(),
        threads: threads(),
        concurrency: CONCURRENCY,
        nice: 0,
        log_level: None,
        limits: Limits::default(),
    }
}

/// Says so if a run did something else than what it is measured for.
pub fn expect(end: End, tally: &Tally, elapsed: Duration) {
    if tally.ended(end) != tally.ended_in_all() {
        println!("note: not all deliveries ended as {end:?}: {}", tally.json(&[], elapsed));
    }
}
