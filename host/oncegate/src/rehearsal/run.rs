//! The whole of a test: delivery after delivery, and what is to be said of each message.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oncegate_broker::{Message, NdjsonEncoder, Ticket};
use oncegate_dedup::{Clock, Policy, Sighting};
use oncegate_sandbox::Handler;

use super::case::{Case, Cases};
use super::crash::Crash;
use super::delivery::Delivery;
use super::desk::Desk;
use super::ground::{Ground, Time};
use super::host::{Host, Parts};
use super::judge;
use super::report::{Counts, Report};
use super::schedule::{Order, Plan, Progress};
use super::sink::ReasonEncoder;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::fail;
use crate::pipeline::{Budget, Order as Turns, QuarantineRules, Rules};

/// How much of what came of deliveries is kept at once, in bytes.
const MOST_KEPT_BYTES: usize = 256 << 20;

/// What is tried, and how.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    /// Policy, store and limits; where it reads from and writes to is not looked at.
    pub config: &'a Config,
    /// The handler.
    pub handler: &'a Handler,
    /// The messages.
    pub cases: &'a Cases,
    /// What each of them goes through.
    pub plan: &'a Plan,
    /// Whether a store is begun on a Redis that has none.
    pub init_store: bool,
    /// Set if it is to end early.
    pub stop: &'a AtomicBool,
}

/// What is told of each message as soon as it is known.
pub type Tell<'t> = dyn FnMut(&Report<'_>) -> Result<(), Failure> + 't;

impl Rehearsal<'_> {
    /// Delivers everything, and tells of each message in the order of its lines.
    pub fn run(&self, tell: &mut Tell<'_>) -> Result<Counts, Failure> {
        let store = &self.config.store;
        let seed = if let Order::Shuffled(seed) = self.plan.order { seed } else { 0 };
        let time = Time::of(&store.url, seed)?;
        let ground = Ground::open(store, time.clock(), self.init_store)?;
        let parts = Parts {
            desk: Arc::new(Desk::default()),
            handler: self.handler.clone(),
            policy: self.config.policy.clone(),
            l1: self.config.l1,
            rules: self.rules(),
        };
        let cases = self.cases.cases.as_slice();
        let play = Play {
            cases,
            parts,
            ground,
            clock: time.clock(),
            host: None,
            progress: vec![Progress::new(self.plan); cases.len()],
            deliveries: vec![Vec::new(); cases.len()],
            kept_bytes: 0,
            committed: HashMap::new(),
            counts: Counts::default(),
        };
        time.block_on(play.run(self.plan, self.stop, tell))
    }

    /// One delivery after the other, and nothing that would keep one back for the sake of others.
    fn rules(&self) -> Rules {
        Rules {
            name: self.config.name.clone(),
            source: self.cases.source.clone(),
            topic: self.cases.topic.clone(),
            output_encoder: Arc::new(NdjsonEncoder),
            dead_letter_encoder: Arc::new(ReasonEncoder),
            order: Turns::None,
            quarantine: QuarantineRules::NEVER,
            budget: Budget::default(),
            threads: 1,
            concurrency: 1,
            nice: 0,
            log_level: None,
            ..self.config.rules.clone()
        }
    }
}

/// A test that is under way.
struct Play<'a> {
    cases: &'a [Case],
    parts: Parts,
    ground: Ground,
    clock: Arc<dyn Clock>,
    /// None before the first delivery, and after a crash.
    host: Option<Host>,
    progress: Vec<Progress>,
    /// Of each message, until it is told of.
    deliveries: Vec<Vec<Delivery>>,
    kept_bytes: usize,
    /// Which message committed a key.
    committed: HashMap<String, usize>,
    counts: Counts,
}

impl Play<'_> {
    async fn run(mut self, plan: &Plan, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Counts, Failure> {
        for index in plan.sequence(self.cases.len()) {
            if stop.load(Ordering::Relaxed) {
                return Err(fail!(Exit::Stopped, "stopped by a signal"));
            }
            if self.is_done(index) {
                continue;
            }
            self.deliver(index).await?;
            // In any other order somebody else's delivery may still have to do with it.
            if plan.order == Order::ByMessage && self.is_done(index) {
                self.tell(index, tell)?;
            }
        }
        if plan.order != Order::ByMessage {
            (0..self.cases.len()).try_for_each(|index| self.tell(index, tell))?;
        }
        if let Some(host) = self.host.take() {
            host.end(&self.parts.desk).await?;
        }
        Ok(self.counts)
    }

    fn is_done(&self, index: usize) -> bool {
        self.progress.get(index).is_none_or(Progress::is_done)
    }

    async fn deliver(&mut self, index: usize) -> Result<(), Failure> {
        let (Some(case), Some(progress)) = (self.cases.get(index), self.progress.get_mut(index)) else {
            return Ok(());
        };
        let left_ms = progress.not_before_ms.saturating_sub(self.clock.now_ms());
        if left_ms > 0 {
            self.clock.sleep(left_ms).await;
        }
        let (planned, count) = progress.next();
        let mut host = match self.host.take() {
            Some(host) => host,
            None => Host::begin(&self.parts, self.ground.store()?, Arc::clone(&self.clock))?,
        };
        let desk = &self.parts.desk;
        let ticket = Ticket { entry: (case.line, 0), count };
        desk.put(Message { ticket: Some(ticket), ..case.message.clone() }, planned);
        host.deliver(desk, self.clock.as_ref(), limit_ms(&self.parts.policy)).await?;
        let delivery =
            desk.collect().map_err(|why| fail!(Exit::Store, "the store does not answer: {why}"))?;
        progress.delivered(delivery.crash.is_some());
        match delivery.crash {
            None => self.host = Some(host),
            Some(crash) => {
                drop(host);
                self.ground.host_died();
                if crash == Crash::BeforeSettle && holds(&delivery) && self.ground.claims_outlive_hosts() {
                    // A broker waits longer before it gives the delivery to another host.
                    progress.not_before_ms = self.clock.now_ms().saturating_add(self.parts.policy.lease_ms);
                }
            }
        }
        self.keep(index, delivery)
    }

    fn keep(&mut self, index: usize, delivery: Delivery) -> Result<(), Failure> {
        self.kept_bytes = self.kept_bytes.saturating_add(delivery.bytes());
        if self.kept_bytes > MOST_KEPT_BYTES {
            return Err(fail!(
                Exit::Failed,
                "what the handler emits and logs takes more than {} MiB: test fewer messages at a time",
                MOST_KEPT_BYTES >> 20
            ));
        }
        for (key, _) in &delivery.commits {
            self.committed.insert(key.clone(), index);
        }
        if let Some(deliveries) = self.deliveries.get_mut(index) {
            deliveries.push(delivery);
        }
        Ok(())
    }

    /// Nothing more comes of a message.
    fn tell(&mut self, index: usize, tell: &mut Tell<'_>) -> Result<(), Failure> {
        let (Some(case), Some(kept)) = (self.cases.get(index), self.deliveries.get_mut(index)) else {
            return Ok(());
        };
        let deliveries = std::mem::take(kept);
        let is_elsewhere = |key: &str| self.committed.get(key).is_some_and(|by| *by != index);
        let faults = judge::faults(&deliveries, case.expect.as_ref(), &is_elsewhere);
        let bytes = deliveries.iter().map(Delivery::bytes).sum::<usize>();
        self.kept_bytes = self.kept_bytes.saturating_sub(bytes);
        let report = Report { case, deliveries: &deliveries, faults };
        self.counts.add(&report);
        tell(&report)
    }
}

/// Whether its claims are there when its host has died.
fn holds(delivery: &Delivery) -> bool {
    let keys = delivery.last_call().map(|call| call.keys.as_slice()).unwrap_or_default();
    keys.iter().any(|key| matches!(key.told, Ok(Sighting::New)))
}

/// Within that time a delivery has ended that can, all its attempts and the leases of others included.
fn limit_ms(policy: &Policy) -> u64 {
    let attempt_ms = policy.handler_limit_ms.saturating_add(policy.max_backoff_ms);
    let leases_ms = policy.lease_ms.saturating_add(policy.margin_ms).saturating_mul(4);
    attempt_ms.saturating_mul(policy.max_attempts.into()).saturating_add(leases_ms).saturating_add(60_000)
}
