//! A driver as a component, in the real sandbox behind the real gate.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use oncegate_dedup::store::{MemoryStore, SettleOutcome, Store};
use oncegate_dedup::{
    Attempt, Clock, Death, Ending, Fingerprint, Gate, HandlerEnd, Origin, Policy, SystemClock, Verdict,
};
use oncegate_sandbox::{
    Cache, Compiler, Component, Engine, Handler, Header, Invocation, Reuse, Settings, StagedOutput, Topics,
    Worker,
};

use crate::case::{Before, Case, Gating, Limits, Message};
use crate::clock::Still;
use crate::found::{End, Found, Output};
use crate::outage::Outage;
use crate::planted::{plant, policy};

/// Nothing of what is tested takes long, but the machine may be busy and the engine not optimised.
const CPU_MS: u64 = 120_000;
const WALL_MS: u64 = 300_000;
const LEASE_MS: u64 = 600_000;
/// How much machine code is kept.
const CACHE_BYTES: u64 = 1 << 30;

/// Whether each delivery of a case has an instance of its own, or all of them one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instances {
    /// Its own.
    Fresh,
    /// The same, as long as it returns.
    Reused,
}

/// A driver, compiled.
#[derive(Debug)]
pub struct Real {
    component: Component,
    runtime: tokio::runtime::Runtime,
}

impl Real {
    /// Reads and compiles a component. The code is kept in the folder `cache` beside it, if that can be.
    pub fn read(path: &Path) -> Result<Self> {
        let limits = Limits::default().sandbox();
        let bytes = oncegate_sandbox::read(path, &limits)?;
        let cache = path.parent().and_then(|folder| Cache::open(&folder.join("cache"), CACHE_BYTES).ok());
        let compiler = Compiler::in_this_process();
        Self::load(&bytes, cache.map_or(compiler.clone(), |cache| compiler.with_cache(cache)))
    }

    /// Compiles a component.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        Self::load(bytes, Compiler::in_this_process())
    }

    fn load(bytes: &[u8], compiler: Compiler) -> Result<Self> {
        let engine = Engine::with_compiler(1, compiler)?;
        let component = Component::load(&engine, bytes, &Limits::default().sandbox())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Self { component, runtime })
    }

    /// Runs a case, and says what differs from what has to come of it, a line each. Fails if the case cannot be run.
    pub fn check(&self, case: &Case, language: &str, instances: Instances) -> Result<Vec<String>> {
        let check = async {
            let host = Host::of(&self.component, case, instances).await?;
            let mut differences = Vec::new();
            for (index, delivery) in case.deliveries.iter().enumerate() {
                let found = host.deliver(delivery.message()).await;
                differences.extend(case.differences(index, &found, language));
            }
            anyhow::Ok(differences)
        };
        self.runtime.block_on(check).with_context(|| format!("case {}", case.name))
    }
}

impl Limits {
    fn sandbox(&self) -> oncegate_sandbox::Limits {
        let usual = oncegate_sandbox::Limits::default();
        let or = |limit: Option<u32>, usual: usize| limit.map_or(usual, |limit| limit as usize);
        oncegate_sandbox::Limits {
            memory_bytes: or(self.memory_bytes, usual.memory_bytes),
            outputs: self.outputs.unwrap_or(usual.outputs),
            output_bytes: or(self.output_bytes, usual.output_bytes),
            output_headers: or(self.output_headers, usual.output_headers),
            output_name_bytes: or(self.output_name_bytes, usual.output_name_bytes),
            cpu_ms: CPU_MS,
            wall_ms: WALL_MS,
            ..usual
        }
    }

    fn policy(&self) -> Result<Policy> {
        let usual = policy()?;
        Ok(Policy {
            keys_per_delivery: self.keys.unwrap_or(usual.keys_per_delivery),
            key_bytes: self.key_bytes.unwrap_or(usual.key_bytes),
            receipt_bytes: self.receipt_bytes.unwrap_or(usual.receipt_bytes),
            lease_ms: LEASE_MS,
            handler_limit_ms: WALL_MS,
            in_flight_wait_ms: 0,
            max_attempts: u32::MAX,
            ..usual
        })
    }
}

struct Host {
    gate: Arc<Gate>,
    worker: Worker,
    outputs: Gating,
}

impl Host {
    async fn of(component: &Component, case: &Case, instances: Instances) -> Result<Self> {
        let store = store(&case.before).await?;
        let gate = Gate::new(case.limits.policy()?, Default::default(), store, Arc::new(SystemClock))?;
        let settings = Settings {
            limits: case.limits.sandbox(),
            config: case.config.clone().into_iter().collect(),
            topics: match case.topics() {
                Some(topics) => Topics::Only(topics.map(str::to_owned).collect()),
                None => Topics::Any,
            },
            reuse: match instances {
                Instances::Fresh => Reuse::Fresh,
                Instances::Reused => Reuse::Reused { max_calls: u32::MAX, max_memory: Some(usize::MAX) },
            },
            ..Settings::default()
        };
        let worker = Handler::new(component.clone(), settings)?.worker();
        Ok(Self { gate, worker, outputs: case.outputs })
    }

    async fn deliver(&self, message: Message) -> Found {
        let (origin, fingerprint) =
            (Origin::of(&message.topic, &message.id), Fingerprint::of(&message.payload));
        let attempt = self.gate.attempt(origin, Some(fingerprint));
        let Invocation { attempt, end, outputs, logs, .. } =
            self.worker.invoke(&message.into(), attempt).await;
        let (verdict, end, reason) = self.judge(&attempt, &end, &outputs);
        let log = logs.lines.into_iter().map(|line| (line.level.as_str().to_owned(), line.text)).collect();
        let settled = self.settle(attempt.end(&verdict)).await;
        let staged = outputs.into_iter().map(Output::from).collect();
        match settled {
            None | Some(SettleOutcome::Applied { .. }) => Found::of(end, &reason, staged, log),
            Some(_) if end == End::Deferred => Found::of(end, &reason, staged, log),
            Some(other) => Found::of(End::Other, &format!("{end}, settled as {other:?}"), staged, log),
        }
    }

    fn judge(&self, attempt: &Attempt, end: &HandlerEnd, outputs: &[StagedOutput]) -> (Verdict, End, String) {
        let mut verdict = attempt.verdict(end, 0);
        if verdict == Verdict::Apply && self.outputs == Gating::Gated && !are_covered(attempt, outputs) {
            verdict = Verdict::Die(Death::EffectWithoutCommit(String::new()));
        }
        let (end, reason) = match &verdict {
            Verdict::Apply => (End::Applied, String::new()),
            Verdict::Defer(deferral) => (End::Deferred, format!("{deferral:?}")),
            Verdict::Fail(reason) => (End::Retry, reason.clone()),
            Verdict::Die(Death::Rejected(reason)) => (End::Reject, reason.clone()),
            Verdict::Die(Death::KeyIsDead(reason)) | Verdict::DiedBefore(reason) => {
                (End::Dead, reason.clone())
            }
            Verdict::Die(death @ Death::Mismatch { .. }) => (End::Mismatch, death.to_string()),
            Verdict::Die(Death::EffectWithoutCommit(_)) => (End::EffectWithoutCommit, String::new()),
            other => (End::Other, format!("{other:?}")),
        };
        (verdict, end, reason)
    }

    /// None: there was nothing to settle.
    async fn settle(&self, ending: Ending) -> Option<SettleOutcome> {
        match ending.is_empty() {
            true => None,
            false => Some(self.gate.settle(ending).await),
        }
    }
}

async fn store(before: &[Before]) -> Result<Arc<dyn Store>> {
    if before.iter().any(|before| matches!(before, Before::Store { .. })) {
        return Ok(Arc::new(Outage));
    }
    let clock: Arc<dyn Clock> = Arc::new(Still);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock));
    for before in before {
        plant(&store, before).await?;
    }
    Ok(store)
}

/// As the host decides it: an output belongs to the key that was new most recently before it.
fn are_covered(attempt: &Attempt, outputs: &[StagedOutput]) -> bool {
    outputs.iter().all(|output| match output.under {
        Some(key) => attempt.is_staged(key),
        None => attempt.staged() > 0,
    })
}

impl From<Message> for oncegate_sandbox::Message {
    fn from(message: Message) -> Self {
        let Message { id, topic, key, headers, payload, attempt, published_ms } = message;
        let headers = headers.into_iter().map(|(name, value)| Header { name, value }).collect();
        Self { id, topic, key, headers, payload, attempt, published_ms }
    }
}

impl From<StagedOutput> for Output {
    fn from(staged: StagedOutput) -> Self {
        let StagedOutput { topic, key, headers, payload, .. } = staged;
        Self { topic, key, headers, payload }
    }
}
