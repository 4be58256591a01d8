//! One process of a host: the real gate, pipeline and settle, between simulated servers.

use std::sync::Arc;

use oncegate::fingerprint::FingerprintOf;
use oncegate::pipeline::{
    Backoff, Budget, Order, Outputs, QuarantineRules, Rules, Stages, Stop, WaitingBound, stages,
};
use oncegate::settle::{Atomic, Ordered, Settle};
use oncegate::summary::{End, Event, Tally};
use oncegate_broker::Acks;
use oncegate_dedup::{Gate, L1Limits, Namespace, Policy};
use oncegate_sandbox::Limits;

use crate::clock::HostClock;
use crate::counts::Met;
use crate::encoder::LineEncoder;
use crate::executor::{Executor, Job};
use crate::facts::NAMESPACE;
use crate::handler::SimHandler;
use crate::plan::{Line, Plan, Shape};
use crate::rng::Rng;
use crate::sim::{Cell, Sim};
use crate::sink::SimSink;
use crate::source::{SimHolding, SimSource};
use crate::step::SimStep;
use crate::store::SimStore;
use crate::wire::Wire;

/// Longer than any run.
const WINDOW_MS: u64 = 3_600_000;

/// Starts a process in the place of a host.
pub fn start(sim: &Arc<Sim>, executor: &mut Executor, host: usize) {
    let (stop, tally) = (Arc::new(Stop::default()), Arc::new(Tally::default()));
    let (life, plan) = {
        let mut world = sim.world();
        let life = world.begin_life(host, Arc::clone(&stop), Arc::clone(&tally));
        (life, Arc::clone(&world.plan))
    };
    let wire = |line: Line| Wire {
        sim: Arc::clone(sim),
        link: sim.world().open_link(host, life, line),
        host,
        life,
        patience_us: plan.policy.patience_ms * 1000,
    };
    let (store, source, sink) = (wire(Line::Store), wire(Line::Source), wire(Line::Sink));
    let clock = HostClock::new(Arc::clone(sim), Rng::of(plan.seed, 100 + life * 16 + host as u64));
    let replicas = u32::from(plan.policy.replicated);
    let sim_store = Arc::new(SimStore { wire: store.clone(), replicas });
    let l1 = L1Limits { bytes: if plan.policy.l1 { 1 << 20 } else { 0 }, ..L1Limits::default() };
    let gate = Gate::new(policy(&plan), l1, sim_store, clock).expect("the drawn policy is valid");
    let holding = SimHolding::new(source);
    let acks: Arc<dyn Acks> = Arc::clone(&holding) as _;
    let sinks = || Box::new(SimSink::new(sink.clone()));
    let ordered =
        Ordered::new(Arc::clone(&gate), sinks(), sinks(), Some(Arc::clone(&acks)), Arc::clone(&stop));
    let mut settle: Box<dyn Settle> = match plan.shape {
        Shape::Ordered => Box::new(ordered),
        Shape::Atomic => {
            let step = SimStep { wire: store.clone(), consumer: holding.consumer() };
            Box::new(Atomic::new(Arc::clone(&gate), Box::new(step), ordered, Arc::clone(&stop)))
        }
    };
    let Stages { read, work, settle: settler, last } = stages(gate, Some(acks), rules(&plan), tally, stop);
    let handler = SimHandler { wire: store, plan: Arc::clone(&plan) };
    let mut spawn = |name, job: Job| {
        let ended = Cell::new();
        let ends = Arc::clone(&ended);
        executor.spawn(
            host,
            name,
            Box::pin(async move {
                job.await;
                ends.put(());
            }),
        );
        ended
    };
    let mut working = Vec::new();
    for stage in work {
        let handler = handler.clone();
        working.push(spawn("worker", Box::pin(async move { stage.run(&handler).await })));
    }
    working.push(spawn("settler", Box::pin(async move { settler.run(settle.as_mut()).await })));
    let mut from = SimSource::new(Arc::clone(&holding), plan.policy.most_held);
    let reading = spawn("reader", Box::pin(async move { read.run(&mut from).await }));
    spawn("keeper", Box::pin(holding.keep()));
    let sim = Arc::clone(sim);
    let end = async move {
        for stage in working {
            stage.taken().await;
        }
        last.close().await;
        reading.taken().await;
        last.leave().await;
        if let Err(failure) = last.end() {
            sim.world().failed(host, &failure.to_string());
        }
    };
    spawn("end", Box::pin(end));
}

fn policy(plan: &Plan) -> Policy {
    let drawn = &plan.policy;
    Policy {
        window_ms: WINDOW_MS,
        lease_ms: drawn.lease_ms,
        margin_ms: drawn.margin_ms,
        handler_limit_ms: drawn.handler_limit_ms,
        keep_ms: drawn.keep_ms,
        redelivery_ms: Some(drawn.takeover_ms),
        in_flight_wait_ms: drawn.in_flight_wait_ms,
        max_backoff_ms: drawn.backoff_ms.1,
        max_attempts: drawn.max_attempts,
        host_deaths: drawn.host_deaths,
        ..Policy::new(Namespace::new(NAMESPACE).expect("it is a namespace"))
    }
}

/// Often and briefly, so that deliveries are put off for it in many places.
const QUARANTINE: QuarantineRules =
    QuarantineRules { percent: 30, window: 10, least: 3, pause_min_ms: 20, pause_max_ms: 200, probes: None };

fn rules(plan: &Plan) -> Rules {
    let drawn = &plan.policy;
    Rules {
        name: "sim".to_owned(),
        source: "in".to_owned(),
        topic: "in".to_owned(),
        outputs: if drawn.free { Outputs::Free } else { Outputs::Gated },
        output_encoder: Arc::new(LineEncoder),
        dead_letter_encoder: Arc::new(LineEncoder),
        order: Order::None,
        fingerprint: if drawn.fingerprint { FingerprintOf::Payload } else { FingerprintOf::Off },
        backoff: Backoff { min_ms: drawn.backoff_ms.0, max_ms: drawn.backoff_ms.1 },
        waiting: WaitingBound { count: 1_000, bytes: 1 << 20 },
        quarantine: if plan.seed.is_multiple_of(3) { QUARANTINE } else { QuarantineRules::NEVER },
        budget: Budget::default(),
        threads: drawn.workers,
        concurrency: drawn.concurrency,
        nice: 0,
        log_level: None,
        limits: Limits::default(),
    }
}

impl crate::world::World {
    /// A process ended with a failure: only a stop that lost patience may.
    fn failed(&mut self, host: usize, why: &str) {
        crate::say!(self, "host {host} failed: {why}");
        if self.slots[host].restart_ms.is_none() && !self.ending {
            self.facts.violated(format!("FAILED: host {host}: {why}"));
        }
    }

    /// Every hand-over of a process that ended in order has exactly one end.
    pub fn look_at_tally(&mut self, host: usize, tally: &Tally) {
        let (read, ended, undone) =
            (tally.count(Event::Read), tally.ended_in_all(), tally.ended(End::Undone));
        let handed_out = self.slots[host].handed_out;
        self.counts.add(Met::Quarantines, tally.count(Event::Quarantine));
        if ended != read || read > handed_out {
            self.facts.violated(format!(
                "CONSERVATION: host {host} was handed {handed_out} deliveries, read {read} and ended {ended} of them"
            ));
        }
        if self.ending && self.plan.faults.is_empty() && (undone > 0 || read != handed_out) {
            self.facts.violated(format!(
                "CONSERVATION: host {host} left {undone} of {read} deliveries undone, {handed_out} handed out, with nothing wrong"
            ));
        }
    }
}
