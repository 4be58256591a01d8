//! All cases, an honest neighbour, and what is asked after each.

use std::sync::Arc;

use oncegate_dedup::store::{MemoryStore, Page, SettleOutcome, Store};
use oncegate_dedup::{Attempt, Clock, Gate, HandlerEnd, Policy, Sighting, State, Verdict};
use oncegate_evil::{Case, matches};
use oncegate_sandbox::{Admission, Component, Handler, Invocation, Limits, Worker};

use crate::common::{attempt, engine, fixture, gate_with, handler, invoke, policy, settings};
use crate::found::Found;
use crate::other_host::{Later, OtherHost};

/// A longer receipt is told by its length.
const LONG_RECEIPT_BYTES: usize = 64;

/// Short, so that hundreds of rounds take seconds. A case that computes names a limit of its own.
fn limits(case: &Case) -> Limits {
    let own = case.limits.clone();
    let usual = Limits::default();
    Limits {
        memory_bytes: own.memory_bytes.unwrap_or(usual.memory_bytes),
        cpu_ms: own.cpu_ms.unwrap_or(usual.cpu_ms),
        wall_ms: own.wall_ms.unwrap_or(usual.wall_ms),
        host_calls: own.host_calls.unwrap_or(1_000),
        host_call_bytes: own.host_call_bytes.unwrap_or(usual.host_call_bytes),
        ..usual
    }
}

fn load(case: &Case) -> Result<Worker, String> {
    let limits = limits(case);
    let component = Component::load(engine(), &case.bytes(), &limits).map_err(|error| error.to_string())?;
    Ok(Handler::new(component, settings(limits)).unwrap().worker())
}

/// One worker for each case that is loaded as it should be, and an honest neighbour.
pub struct Suite {
    admission: Admission,
    honest: Worker,
    running: Vec<(Case, Worker)>,
    /// What is wrong with how cases are loaded or refused, a line for each.
    pub wrong_at_load: Vec<String>,
}

impl Suite {
    pub fn new() -> Self {
        let (mut running, mut wrong_at_load) = (Vec::new(), Vec::new());
        for case in Case::all() {
            match (load(&case), &case.expect.refused) {
                (Ok(worker), None) => running.push((case, worker)),
                (Err(found), Some(expected)) if matches(expected, &found) => {}
                (Err(found), expected) => {
                    wrong_at_load.push(format!("{}: expected {expected:?}, found {found:?}", case.name));
                }
                (Ok(_), Some(_)) => wrong_at_load.push(format!("{}: it is loaded", case.name)),
            }
        }
        let honest = handler(&fixture("honest"), settings(Limits::default())).worker();
        Self { admission: Admission::new(1), honest, running, wrong_at_load }
    }

    /// Runs each case once. What is wrong, a line for each.
    pub async fn round(&self, round: usize) -> Vec<String> {
        let mut wrong = Vec::new();
        for (case, worker) in &self.running {
            let world = World::new();
            let found = world.run(case, worker, &self.admission).await;
            wrong.extend(found.differences(&case.expect).map(|what| format!("{}: {what}", case.name)));
            let payload = format!("{round} after {}", case.name);
            let held = world.held(&self.honest, &self.admission, &payload).await;
            wrong.extend(held.map(|what| format!("after {}: {what}", case.name)));
        }
        wrong
    }
}

/// What one case acts on: a store, and two hosts that share it.
struct World {
    store: Arc<MemoryStore>,
    gate: Arc<Gate>,
    other: OtherHost,
    clock: Arc<Later>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(Later::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let gate = || {
            let policy = Policy { in_flight_wait_ms: 2, ..policy() };
            gate_with(policy, store.clone() as Arc<dyn Store>, clock.clone() as Arc<dyn Clock>)
        };
        Self { gate: gate(), other: OtherHost::new(gate()), store, clock }
    }

    /// Runs a case to its end, as a pipeline would.
    async fn run(&self, case: &Case, worker: &Worker, admission: &Admission) -> Found {
        let before = &case.before;
        self.other.commit(&before.committed, b"before").await;
        let holds = self.other.claim(&before.in_flight).await;
        let permit = admission.acquire().await;
        let invocation = invoke(worker, &self.gate, "evil").await;
        let mut found = Found::of(&invocation);
        if before.loses_its_claims {
            let keys = self.keys().await;
            self.clock.pass(self.gate.policy().lease_ms);
            self.other.commit(&keys, b"other").await;
        }
        let Invocation { attempt, end, .. } = invocation;
        let verdict = attempt.verdict(&end, 0);
        let outcome = self.gate.settle(attempt.end(&verdict)).await;
        drop(permit);
        self.other.release(holds).await;
        found.settled(&verdict, matches!(outcome, SettleOutcome::Applied { .. }), self.commits().await);
        found
    }

    /// What is still held when a case is over, or why the next message is not handled.
    async fn held(
        &self,
        honest: &Worker,
        admission: &Admission,
        payload: &str,
    ) -> impl Iterator<Item = String> + use<> {
        let slots = engine().free();
        let slots = (slots != engine().instances()).then(|| format!("{slots} slots are free"));
        let permit = admission.try_acquire().is_none().then(|| "its permit is held".to_owned());
        let claims = self.records().await.iter().filter(|(_, state, _)| *state == State::Claimed).count();
        let claims = (claims > 0).then(|| format!("{claims} claims are held"));
        let waits = self.waits().await;
        let next = self.next(honest, payload).await;
        [slots, permit, claims, waits, next].into_iter().flatten()
    }

    /// The first key for which this process would still wait.
    async fn waits(&self) -> Option<String> {
        for key in self.keys().await {
            let mut attempt: Attempt = attempt(&self.gate, "waits");
            let sighting = attempt.seen(key.as_bytes()).await;
            self.gate.settle(attempt.end(&Verdict::Apply)).await;
            if matches!(sighting, Ok(Sighting::InFlight(_))) {
                return Some(format!("{key} is waited for"));
            }
        }
        None
    }

    async fn next(&self, honest: &Worker, payload: &str) -> Option<String> {
        let invocation = invoke(honest, &self.gate, payload).await;
        let (end, outputs) = (invocation.end, invocation.outputs.len());
        let outcome = self.gate.settle(invocation.attempt.end(&Verdict::Apply)).await;
        let handled =
            end == HandlerEnd::Ok && outputs == 1 && matches!(outcome, SettleOutcome::Applied { .. });
        (!handled).then(|| format!("the next message: {end:?}, {outputs} outputs, {outcome:?}"))
    }

    /// The names of all keys that are text, as they are.
    async fn keys(&self) -> Vec<String> {
        self.records().await.into_iter().map(|(key, _, _)| key).collect()
    }

    /// The committed keys with their receipts, as they are shown.
    async fn commits(&self) -> Vec<String> {
        let records = self.records().await.into_iter();
        let committed = records.filter(|(_, state, _)| *state == State::Committed);
        committed
            .map(|(key, _, receipt)| match receipt {
                Some(receipt) if receipt.len() > LONG_RECEIPT_BYTES => {
                    format!("{key} -> {} bytes", receipt.len())
                }
                Some(receipt) => format!("{key} -> {}", String::from_utf8_lossy(&receipt)),
                None => key,
            })
            .collect()
    }

    async fn records(&self) -> Vec<(String, State, Option<Vec<u8>>)> {
        let page = Page { namespace: self.gate.policy().namespace.clone(), cursor: None, limit: 1_000 };
        let entries = self.store.list(&page).await.unwrap().entries;
        let record = |entry: oncegate_dedup::store::Entry| {
            let record = entry.record.unwrap();
            (entry.key.name().to_string(), record.state, record.receipt)
        };
        entries.into_iter().map(record).collect()
    }
}
