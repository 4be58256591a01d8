//! All that is simulated: time, servers, connections, and what becomes of hosts.

use std::sync::Arc;

use oncegate::pipeline::Stop;
use oncegate::summary::Tally;

use crate::counts::{Counts, Met};
use crate::facts::Facts;
use crate::link::Link;
use crate::plan::{Fault, GATES, Gate, LINES, Plan, When};
use crate::rng::Rng;
use crate::server::Server;
use crate::sim::{Due, Timers};
use crate::trace::Trace;

/// All that is simulated.
#[derive(Debug)]
pub struct World {
    pub plan: Arc<Plan>,
    pub timers: Timers,
    /// Draws how long messages are under way.
    pub rng: Rng,
    pub servers: Vec<Server>,
    pub links: Vec<Link>,
    pub slots: Vec<Slot>,
    pub facts: Facts,
    pub counts: Counts,
    pub trace: Trace,
    /// Nothing goes wrong any more: hosts are stopped in order.
    pub ending: bool,
    /// What the executor has to do.
    pub todo: Vec<Todo>,
}

/// What only the executor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Todo {
    /// Drop a host's tasks.
    Kill(usize),
    /// Start a host.
    Start(usize),
}

/// The place of one host, in which one process follows another.
#[derive(Debug, Default)]
pub struct Slot {
    /// Which process it is.
    pub life: u64,
    pub alive: bool,
    pub paused_until_us: u64,
    pub steps: u64,
    gates: [u64; GATES.len()],
    pub requests: [u64; LINES.len()],
    /// When something went wrong that concerned it, last.
    pub fault_us: Option<u64>,
    pub stop: Option<Arc<Stop>>,
    pub tally: Option<Arc<Tally>>,
    /// What this process was handed.
    pub handed_out: u64,
    /// What its draining is to be followed by, in milliseconds, if somebody stopped it.
    pub restart_ms: Option<u64>,
}

/// What a world says of itself, if anybody wants to read it.
#[macro_export]
macro_rules! say {
    ($world:expr, $($words:tt)*) => {{
        let now_us = $world.timers.now_us();
        $world.trace.mark(u64::from(line!()), u64::from(column!()));
        $world.trace.say(now_us, || format!($($words)*));
    }};
}

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(plan: Arc<Plan>, in_words: bool) -> Self {
        let mut world = Self {
            timers: Timers::default(),
            rng: Rng::of(plan.seed, 2),
            servers: (0..plan.shape.servers()).map(|_| Server::default()).collect(),
            links: Vec::new(),
            slots: (0..plan.hosts).map(|_| Slot::default()).collect(),
            facts: Facts::new(&plan),
            counts: Counts::default(),
            trace: Trace::new(in_words),
            ending: false,
            todo: Vec::new(),
            plan,
        };
        world.schedule();
        world
    }

    pub fn now_us(&self) -> u64 {
        self.timers.now_us()
    }

    /// The servers' clock. Hosts have others.
    pub fn now_ms(&self) -> u64 {
        self.timers.now_us() / 1000
    }

    /// Has something happen later.
    pub fn after_us(&mut self, us: u64, what: impl FnOnce(&mut World) + Send + 'static) {
        let at_us = self.now_us() + us;
        self.timers.set(at_us, Due::Do(Box::new(what)));
    }

    fn at_ms(&mut self, ms: u64, what: impl FnOnce(&mut World) + Send + 'static) {
        self.timers.set(ms * 1000, Due::Do(Box::new(what)));
    }

    /// Puts down what the plan has for certain times.
    fn schedule(&mut self) {
        let plan = Arc::clone(&self.plan);
        for host in 0..plan.hosts {
            let at_us = self.rng.below(20_000);
            self.after_us(at_us, move |world| world.start(host));
        }
        for (number, message) in plan.published.iter().enumerate() {
            let body = message.body;
            self.at_ms(message.at_ms, move |world| world.publish(number, body));
        }
        for fault in plan.faults.iter().cloned() {
            match fault {
                Fault::Stop { host, at_ms, restart_ms } => {
                    self.at_ms(at_ms, move |world| world.stop(host, restart_ms))
                }
                Fault::Stall { server, at_ms, ms } => self.at_ms(at_ms, move |world| world.stall(server, ms)),
                Fault::Failover { server, at_ms, lag_ms, down_ms } => {
                    // What the replica has by then.
                    self.at_ms(at_ms.saturating_sub(lag_ms), move |world| {
                        world.servers[server].replicate(at_ms)
                    });
                    self.at_ms(at_ms, move |world| world.fail_over(server, at_ms, down_ms));
                }
                Fault::Empty { server, at_ms, down_ms, accepted_ms } => {
                    self.at_ms(at_ms, move |world| world.empty(server, down_ms, accepted_ms));
                }
                Fault::Forget { at_ms, key } => self.at_ms(at_ms, move |world| world.forget(key)),
                Fault::GiveAway { at_ms, nth } => self.at_ms(at_ms, move |world| world.give_away(nth)),
                Fault::Crash { .. } | Fault::Pause { .. } | Fault::Cut { .. } => {}
            }
        }
    }

    fn start(&mut self, host: usize) {
        if !self.slots[host].alive && !self.ending {
            self.todo.push(Todo::Start(host));
        }
    }

    /// A new process takes the place of a host. Says which it is.
    pub fn begin_life(&mut self, host: usize, stop: Arc<Stop>, tally: Arc<Tally>) -> u64 {
        let slot = &mut self.slots[host];
        let life = slot.life + 1;
        slot.life = life;
        slot.alive = true;
        slot.paused_until_us = 0;
        slot.handed_out = 0;
        slot.restart_ms = None;
        slot.stop = Some(stop);
        slot.tally = Some(tally);
        say!(self, "host {host} starts (process {life})");
        life
    }

    /// Whether a process still lives.
    pub fn lives(&self, host: usize, life: u64) -> bool {
        self.slots[host].alive && self.slots[host].life == life
    }

    /// A host passes a gate. False if it does not get behind it, or only later.
    pub fn gate(&mut self, host: usize, life: u64, gate: Gate) -> bool {
        if !self.lives(host, life) {
            return false;
        }
        let nth = &mut self.slots[host].gates[gate.index()];
        *nth += 1;
        let when = When::Gate(gate, *nth);
        self.meet(host, when)
    }

    /// One of a host's tasks would go on. False if it does not, or only later.
    pub fn step(&mut self, host: usize) -> bool {
        self.slots[host].steps += 1;
        let when = When::Step(self.slots[host].steps);
        self.meet(host, when)
    }

    fn meet(&mut self, host: usize, now: When) -> bool {
        let plan = Arc::clone(&self.plan);
        let mut goes_on = true;
        if self.ending {
            return true;
        }
        for fault in &plan.faults {
            match *fault {
                Fault::Crash { host: of, when, restart_ms } if of == host && when == now => {
                    self.crash(host, now, restart_ms);
                    goes_on = false;
                }
                Fault::Pause { host: of, when, ms } if of == host && when == now => {
                    self.pause(host, now, ms);
                    goes_on = false;
                }
                _ => {}
            }
        }
        goes_on
    }

    fn crash(&mut self, host: usize, when: When, restart_ms: u64) {
        if !self.slots[host].alive {
            return;
        }
        say!(self, "HOST {host} DIES {when}");
        self.counts.met(Met::Crashes);
        if let When::Gate(gate, _) = when {
            self.counts.met(match gate {
                Gate::BeforeClaim => Met::CrashBeforeClaim,
                Gate::AfterClaim => Met::CrashAfterClaim,
                Gate::AfterEffect => Met::CrashAfterEffect,
                Gate::AfterCommit => Met::CrashAfterCommit,
                Gate::AfterAck => Met::CrashAfterAck,
            });
        }
        let life = self.slots[host].life;
        self.facts.died(host, life);
        self.end_life(host);
        self.todo.push(Todo::Kill(host));
        self.after_us(restart_ms * 1000, move |world| world.start(host));
    }

    /// A process is no more. What it sent is still under way.
    pub fn end_life(&mut self, host: usize) {
        self.slots[host].alive = false;
        self.slots[host].stop = None;
        let life = self.slots[host].life;
        self.close_links(host, life);
        self.concerns(host);
    }

    /// A host's tasks have all ended.
    pub fn ended(&mut self, host: usize) {
        say!(self, "host {host} has ended in order");
        let restart_ms = self.slots[host].restart_ms;
        self.end_life(host);
        if let Some(restart_ms) = restart_ms {
            self.after_us(restart_ms * 1000, move |world| world.start(host));
        }
    }

    fn pause(&mut self, host: usize, when: When, ms: u64) {
        say!(self, "HOST {host} STANDS STILL for {ms} ms {when}");
        self.counts.met(Met::Pauses);
        if ms > self.plan.policy.lease_ms {
            self.counts.met(Met::PausesBeyondLease);
        }
        let until_us = self.now_us() + ms * 1000;
        let paused = &mut self.slots[host].paused_until_us;
        *paused = until_us.max(*paused);
        self.concerns(host);
        self.after_us(ms * 1000, move |world| {
            say!(world, "host {host} goes on");
            world.concerns(host);
        });
    }

    fn stop(&mut self, host: usize, restart_ms: u64) {
        let slot = &mut self.slots[host];
        if let Some(stop) = slot.stop.clone() {
            slot.restart_ms = Some(restart_ms);
            say!(self, "host {host} is told to stop");
            self.counts.met(Met::Stops);
            stop.drain();
        }
    }

    /// Something went wrong that concerns a host.
    pub fn concerns(&mut self, host: usize) {
        let now_us = self.now_us();
        self.slots[host].fault_us = Some(now_us);
    }

    /// Something went wrong that concerns every host.
    pub fn concerns_all(&mut self) {
        (0..self.slots.len()).for_each(|host| self.concerns(host));
    }
}
