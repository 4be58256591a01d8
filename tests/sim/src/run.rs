//! One run of a plan, from its first message to its verdict.

use std::sync::Arc;

use crate::check;
use crate::counts::Counts;
use crate::executor::Executor;
use crate::host;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::sim::{Due, Sim};
use crate::world::{Todo, World};

/// What came of a run.
#[derive(Debug)]
pub struct Verdict {
    /// What must not be, in words; nothing if all is well.
    pub violations: Vec<String>,
    /// What the run met.
    pub counts: Counts,
    /// Of all that happened: the same plan has the same.
    pub digest: u64,
    /// What happened, in words, if that was wanted.
    pub lines: Vec<String>,
}

/// Steps that a run never needs.
const MOST_STEPS: u64 = 3_000_000;

/// How long hosts have to end in the end, in virtual milliseconds.
const ENDING_MS: u64 = 20_000;

struct Run {
    sim: Arc<Sim>,
    executor: Executor,
    /// Draws whose turn it is.
    rng: Rng,
    steps: u64,
}

/// Runs a plan.
pub fn run(plan: &Arc<Plan>, in_words: bool) -> Verdict {
    let sim = Sim::new(World::new(Arc::clone(plan), in_words));
    let mut run = Run { sim, executor: Executor::default(), rng: Rng::of(plan.seed, 3), steps: 0 };
    run.until_settled(plan);
    run.end();
    let mut world = run.sim.world();
    check::look(&mut world);
    world.counts.runs = 1;
    world.counts.virtual_ms = world.now_ms();
    Verdict {
        violations: std::mem::take(&mut world.facts.violations),
        counts: world.counts,
        digest: world.trace.digest(),
        lines: world.trace.lines().to_vec(),
    }
}

impl Run {
    /// Goes on until every message is settled, or until it should have been.
    fn until_settled(&mut self, plan: &Plan) {
        let quiet_ms = quiet_ms(plan);
        let limit_ms = quiet_ms + bound_ms(plan);
        loop {
            let now_ms = {
                let world = self.sim.world();
                if world.now_ms() >= quiet_ms && world.is_settled() {
                    return;
                }
                world.now_ms()
            };
            if now_ms >= limit_ms {
                let mut world = self.sim.world();
                let open = world.unsettled();
                return world.facts.violated(format!(
                    "LIVENESS: {open} not settled {} ms after the last fault",
                    limit_ms - quiet_ms
                ));
            }
            if !self.step() {
                return;
            }
        }
    }

    /// Stops every host, as an operator would, and lets it end.
    fn end(&mut self) {
        let (limit_ms, hosts) = {
            let mut world = self.sim.world();
            world.ending = true;
            (world.now_ms() + ENDING_MS, world.slots.len())
        };
        for host in 0..hosts {
            let stop = {
                let mut world = self.sim.world();
                world.slots[host].restart_ms = None;
                world.slots[host].stop.clone()
            };
            if let Some(stop) = stop {
                stop.drain();
            }
        }
        while self.sim.world().slots.iter().any(|slot| slot.alive) {
            if self.sim.world().now_ms() >= limit_ms {
                return self
                    .sim
                    .world()
                    .facts
                    .violated("LIVENESS: a host did not end after its stop".to_owned());
            }
            if !self.step() {
                return;
            }
        }
    }

    /// One task goes on, or something else happens. False if nothing is left to happen.
    fn step(&mut self) -> bool {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            self.sim.world().facts.violated(format!("LIVENESS: the hosts spin: {MOST_STEPS} steps"));
            return false;
        }
        self.see_to();
        let Some(task) = self.draw() else { return self.let_time_go_by() };
        let (host, name) = self.executor.whose(task);
        let goes_on = {
            let mut world = self.sim.world();
            world.timers.go_on(1);
            world.trace.mark(task as u64, name.len() as u64);
            let now_us = world.now_us();
            world.trace.mark(1, now_us);
            world.step(host)
        };
        if !goes_on {
            self.executor.put_back(task);
        } else if self.executor.step(task) && self.executor.tasks_of(host) == 0 {
            let mut world = self.sim.world();
            if let Some(tally) = world.slots[host].tally.clone() {
                world.look_at_tally(host, &tally);
            }
            world.ended(host);
        }
        true
    }

    /// Draws a task, unless nothing can go on, or time is drawn to go by first.
    fn draw(&mut self) -> Option<usize> {
        let mut world = self.sim.world();
        let now_us = world.now_us();
        let soon = world.timers.next_in_us().is_some_and(|us| us < 300);
        if soon && self.rng.chance(100) {
            return None;
        }
        let slots = &world.slots;
        let may = |host: usize| slots[host].alive && slots[host].paused_until_us <= now_us;
        self.executor.draw(&mut self.rng, may)
    }

    fn let_time_go_by(&mut self) -> bool {
        let mut world = self.sim.world();
        // What nobody waits for any more is passed over.
        if world.timers.next_in_us().is_none() {
            return false;
        }
        match world.timers.take_next() {
            Some(Due::Do(what)) => what(&mut world),
            Some(Due::Wake(alarm)) => {
                drop(world);
                alarm.ring();
            }
            None => return false,
        }
        true
    }

    fn see_to(&mut self) {
        let todo = std::mem::take(&mut self.sim.world().todo);
        for todo in todo {
            match todo {
                Todo::Kill(host) => self.executor.kill(host),
                Todo::Start(host) => {
                    let starts = {
                        let world = self.sim.world();
                        !world.slots[host].alive && !world.ending
                    };
                    if starts {
                        host::start(&self.sim, &mut self.executor, host);
                    }
                }
            }
        }
    }
}

/// When the last fault is over at the latest.
fn quiet_ms(plan: &Plan) -> u64 {
    plan.faults.iter().map(crate::plan::Fault::over_ms).max().unwrap_or(0).max(LIVELY_MS)
}

/// How long messages are published.
const LIVELY_MS: u64 = 4_000;

/// How long every message may take to be settled, with no further faults.
fn bound_ms(plan: &Plan) -> u64 {
    let drawn = &plan.policy;
    // A claim lapses, an entry is taken over, a new epoch is waited out; then each attempt has its pause.
    let waits_ms = 2 * (drawn.lease_ms + drawn.takeover_ms * 5 / 4) + drawn.lease_ms;
    waits_ms + u64::from(drawn.max_attempts + 2) * (drawn.backoff_ms.1 + drawn.handler_limit_ms) + 3_000
}

impl World {
    /// Whether every message is acknowledged, and hosts are where they should be.
    pub fn is_settled(&self) -> bool {
        let stream = &self.servers[self.broker()].data.stream;
        stream.pending.is_empty() && stream.read == stream.entries.len() && self.is_published()
    }

    /// Whether the broker has everything that it is to be handed. What a failover forgot was handed to it.
    fn is_published(&self) -> bool {
        self.counts.of(crate::counts::Met::Published) >= self.plan.published.len() as u64
    }

    /// What is not settled, in words.
    fn unsettled(&self) -> String {
        let stream = &self.servers[self.broker()].data.stream;
        let number = |id: &(u64, u64)| stream.entry(*id).map_or(0, |entry| entry.number);
        let pending: Vec<String> = stream.pending.keys().map(|id| format!("m{}", number(id))).collect();
        format!("{} and {} unread are", pending.join(", "), stream.entries.len() - stream.read)
    }
}
