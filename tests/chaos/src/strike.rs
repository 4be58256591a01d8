//! Faults that strike a host when a certain call goes over its wires.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use oncegate_tests::{Call, Moment, Then, Which, signal};

use crate::asked;
use crate::fault::{Fault, Gate};
use crate::host::Host;
use crate::schedule::Draw;
use crate::shape::Pipeline;
use crate::witness::{Reach, Witness};

/// How many hosts stand still at a gate, counted by those that wait for them.
pub type UnderWay = Arc<AtomicUsize>;

/// Which call, and on which side of it, is a gate.
fn call_of(pipeline: Pipeline, gate: Gate) -> (Call, Moment) {
    match (gate, pipeline) {
        (Gate::BeforeClaim, _) => (Call::Claim, Moment::Before),
        (Gate::AfterClaim, _) => (Call::Claim, Moment::After),
        (Gate::BeforeStep, _) => (Call::Settle, Moment::Before),
        (Gate::AfterEffect, Pipeline::Ordered) => (Call::Mark, Moment::Before),
        // Where one step settles there is none; an adapter by GET and SET has one.
        (Gate::AfterEffect, Pipeline::Atomic) => (Call::Command("SET"), Moment::Before),
        (Gate::AfterCommit, _) => (Call::Acknowledge, Moment::Before),
        (Gate::AfterAck, Pipeline::Atomic) => (Call::Settle, Moment::After),
        (Gate::AfterAck, Pipeline::Ordered) => (Call::Acknowledge, Moment::After),
    }
}

/// Whether a call is of the pipeline, and one that the gate is about.
fn is_about(witness: &Witness, host: u32, pipeline: Pipeline, gate: Gate, words: &[&[u8]]) -> bool {
    let keys = asked::keys(words);
    match gate {
        Gate::BeforeClaim | Gate::AfterClaim => keys.iter().any(|key| pipeline.key_of(key).is_some()),
        Gate::AfterEffect if pipeline == Pipeline::Atomic => true,
        // What is only given up is marked, too.
        Gate::AfterEffect => witness.has_sent(host, keys),
        _ => keys.iter().any(|key| *key == pipeline.source().as_bytes()),
    }
}

/// Makes a rule on all wires of a host, which acts once.
fn once(
    host: &Host,
    (call, moment): (Call, Moment),
    nth: u64,
    condition: impl Fn(&[&[u8]]) -> bool + Clone + Send + 'static,
    action: impl Fn() -> Then + Clone + Send + 'static,
) {
    let done = Arc::new(AtomicBool::new(false));
    for wire in &host.wires {
        let (done, action) = (Arc::clone(&done), action.clone());
        wire.rule_for(call, condition.clone(), Which::Nth(nth), moment, move || {
            if done.swap(true, Ordering::SeqCst) { Then::Pass } else { action() }
        });
    }
}

fn at_gate(
    host: &Host,
    witness: &Witness,
    nth: u64,
    (pipeline, gate): (Pipeline, Gate),
    action: impl Fn() -> Then + Clone + Send + 'static,
) {
    let (number, looks) = (host.number, witness.clone());
    let condition = move |words: &[&[u8]]| is_about(&looks, number, pipeline, gate, words);
    once(host, call_of(pipeline, gate), nth, condition, action);
}

/// The host dies at the gate.
pub fn kill_at(host: &Host, witness: &Witness, draw: Draw, pipeline: Pipeline, gate: Gate) {
    let (pid, number, witness_too, busy) = (host.pid(), host.number, witness.clone(), Arc::clone(&host.busy));
    at_gate(host, witness, draw.nth, (pipeline, gate), move || {
        if busy.swap(true, Ordering::SeqCst) {
            return Then::Pass;
        }
        // Noted before: whoever sees it dead forgets what it had.
        witness_too.strikes(Fault::of("kill", number).at(pipeline, gate), Reach::Dead(number));
        signal::kill(pid);
        Then::Cut
    });
}

/// The host stands still at the gate, and its call with it or not.
pub fn stop_at(
    host: &Host,
    witness: &Witness,
    under_way: &UnderWay,
    draw: Draw,
    pipeline: Pipeline,
    gate: Gate,
) {
    let stands = Stands::of(host, witness, under_way, draw.lasts_ms);
    at_gate(host, witness, draw.nth, (pipeline, gate), move || {
        let fault = Fault::of("stop", stands.number).at(pipeline, gate);
        if draw.other_way {
            stands.still(fault);
        } else {
            let stands = stands.clone();
            std::thread::spawn(move || stands.still(fault));
        }
        Then::Pass
    });
}

/// The host stands still from now on.
pub fn stop(host: &Host, witness: &Witness, under_way: &UnderWay, draw: Draw) {
    let stands = Stands::of(host, witness, under_way, draw.lasts_ms);
    let fault = Fault::of("stop", stands.number);
    std::thread::spawn(move || stands.still(fault));
}

/// What a host needs to stand still and go on.
#[derive(Clone)]
struct Stands {
    pid: u32,
    number: u32,
    lasts_ms: u64,
    busy: Arc<AtomicBool>,
    under_way: UnderWay,
    witness: Witness,
}

impl Stands {
    fn of(host: &Host, witness: &Witness, under_way: &UnderWay, lasts_ms: u64) -> Self {
        Self {
            pid: host.pid(),
            number: host.number,
            lasts_ms,
            busy: Arc::clone(&host.busy),
            under_way: Arc::clone(under_way),
            witness: witness.clone(),
        }
    }

    /// Stands still for its time.
    fn still(&self, fault: Fault) {
        if self.busy.swap(true, Ordering::SeqCst) {
            return;
        }
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let entry = self.witness.strikes(fault, Reach::Host(self.number));
        signal::stop(self.pid);
        std::thread::sleep(Duration::from_millis(self.lasts_ms));
        self.witness.struck(Fault::of("resume", self.number), Reach::Host(self.number));
        signal::go_on(self.pid);
        self.witness.ends(entry);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.busy.store(false, Ordering::SeqCst);
    }
}

/// A call of the host is lost, or its reply.
pub fn lose(host: &Host, witness: &Witness, draw: Draw, call: Call, moment: Moment) {
    let (number, witness) = (host.number, witness.clone());
    let name = if moment == Moment::After { "reply_lost" } else { "cut" };
    once(
        host,
        (call, moment),
        draw.nth,
        |_| true,
        move || {
            // An effect whose reply is lost with its connection is noted by whoever looks at the wire.
            witness.struck(Fault::of(name, number).about(&format!("{call:?}")), Reach::Nobody);
            Then::Cut
        },
    );
}

/// Notes a fault of a host that lasts for a while.
pub fn during(witness: &Witness, under_way: &UnderWay, fault: Fault, lasts: Duration) {
    let reach = fault.host.map_or(Reach::Nobody, Reach::Host);
    let relieved = Fault { name: "relieved", ..fault.clone() };
    let entry = witness.strikes(fault, reach);
    let (witness, under_way) = (witness.clone(), Arc::clone(under_way));
    under_way.fetch_add(1, Ordering::SeqCst);
    std::thread::spawn(move || {
        std::thread::sleep(lasts);
        witness.struck(relieved, reach);
        witness.ends(entry);
        under_way.fetch_sub(1, Ordering::SeqCst);
    });
}
