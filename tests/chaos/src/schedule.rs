//! Which fault strikes when and whom: drawn from the seed, before anything is started.

use oncegate_tests::{Call, Moment};

use crate::dice::Dice;
use crate::fault::{Fault, Gate};
use crate::servers::Side;
use crate::shape::{Control, Pipeline, Shape};

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A host dies at a gate.
    KillAt(Pipeline, Gate),
    /// A host stands still at a gate.
    StopAt(Pipeline, Gate),
    /// A host dies.
    Kill,
    /// A host stands still.
    Stop,
    /// All connections of a host are cut.
    Cut,
    /// A call of a host, or its reply, is lost.
    Lose(Call, Moment),
    /// A host is not let in for a while.
    Refuse,
    /// All that a host says and hears is held up for a while.
    Slow,
    /// A host is asked to end.
    Drain,
    /// A server dies and is started again.
    ServerKill(Side),
    /// A server stands still.
    ServerStop(Side),
    /// A server's disk is full for a while.
    DiskFull(Side),
    /// The primary dies, and another server takes its place.
    FailoverKill,
    /// The primary stands still, another server takes its place, and it goes on as if nothing had been.
    FailoverStop,
    /// What has the hash tag moves to another master.
    MoveSlot,
}

impl Kind {
    /// What the evidence calls it, when it has struck.
    pub fn name(self) -> &'static str {
        match self {
            Kind::KillAt(..) | Kind::Kill => "kill",
            Kind::StopAt(..) | Kind::Stop => "stop",
            Kind::Cut | Kind::Lose(_, Moment::Before) => "cut",
            Kind::Lose(_, Moment::After) => "reply_lost",
            Kind::Refuse => "refused",
            Kind::Slow => "throttled",
            Kind::Drain => "drained",
            Kind::ServerKill(_) => "redis_killed",
            Kind::ServerStop(_) => "redis_stopped",
            Kind::DiskFull(_) => "disk_full",
            Kind::FailoverKill | Kind::FailoverStop => "failover",
            Kind::MoveSlot => "slot_moved",
        }
    }

    /// At which gate.
    pub fn gate(self) -> Option<(Pipeline, Gate)> {
        match self {
            Kind::KillAt(pipeline, gate) | Kind::StopAt(pipeline, gate) => Some((pipeline, gate)),
            _ => None,
        }
    }

    /// Whether a fault is one of this kind.
    pub fn is(self, fault: &Fault) -> bool {
        fault.name == self.name() && self.gate().is_none_or(|gate| fault.gate == Some(gate))
    }
}

/// A fault that is to strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// What.
    pub kind: Kind,
    /// Whom, where there is a choice.
    pub whom: usize,
    /// How much later than the one before, in milliseconds.
    pub after_ms: u64,
    /// How long it lasts, where it does, in milliseconds.
    pub lasts_ms: u64,
    /// At which of the calls that it is about, counted from 1.
    pub nth: u64,
    /// One of two ways, where there are two.
    pub other_way: bool,
}

/// Draws without end: first each kind once, those that a run has to have before the others, then any.
#[derive(Debug, Clone)]
pub struct Schedule {
    dice: Dice,
    kinds: Vec<Kind>,
    needed: usize,
    /// What is still to come once.
    first: Vec<Kind>,
}

/// Calls of which each and its reply are lost.
const CALLS: [Call; 8] = [
    Call::Claim,
    Call::Settle,
    Call::Check,
    Call::Append,
    Call::Mark,
    Call::Acknowledge,
    Call::Keep,
    Call::Command("XREADGROUP"),
];

impl Schedule {
    /// The schedule of a seed.
    pub fn of(seed: u64, shape: Shape, control: Option<Control>, disks: bool) -> Self {
        let mut dice = Dice::of(seed, "schedule");
        let mut needed = needed(shape, control, disks);
        let mut other = other(shape, control);
        dice.shuffle(&mut needed);
        dice.shuffle(&mut other);
        let mut first = [needed.clone(), other.clone()].concat();
        first.reverse();
        Self { dice, needed: needed.len(), kinds: [needed, other].concat(), first }
    }

    /// The kinds without which a run shows nothing.
    pub fn needed(&self) -> &[Kind] {
        &self.kinds[..self.needed]
    }

    /// The next fault.
    pub fn draw(&mut self) -> Draw {
        let next = self.first.pop();
        // Drawn in any case, so that what comes later does not depend on what came first.
        let place = self.dice.place(self.kinds.len());
        let kind = next.unwrap_or(self.kinds[place]);
        self.details(kind)
    }

    /// This fault again: the first one did not strike.
    pub fn again(&mut self, kind: Kind) -> Draw {
        self.details(kind)
    }

    fn details(&mut self, kind: Kind) -> Draw {
        let dice = &mut self.dice;
        let other_way = dice.happens(50);
        let whom = dice.place(1_000);
        let after_ms = dice.between(300, 1_500);
        let nth = dice.between(1, 3);
        let (short, long) = (dice.between(300, 1_500), dice.between(5_500, 8_000));
        let lasts_ms = match kind {
            // In a part of the cases longer than a lease.
            Kind::StopAt(_, Gate::BeforeStep | Gate::AfterEffect) => long,
            Kind::Stop | Kind::StopAt(..) | Kind::Refuse if other_way => long,
            Kind::ServerStop(_) if other_way => long,
            Kind::Slow => 3_000,
            _ => short,
        };
        Draw { kind, whom, after_ms, lasts_ms, nth, other_way }
    }
}

/// What a run has to have: without it, the run shows nothing.
fn needed(shape: Shape, control: Option<Control>, disks: bool) -> Vec<Kind> {
    let mut needed = vec![Kind::Kill, Kind::Stop, Kind::Cut];
    if control.is_some() {
        // What fails does so soon.
        needed.push(Kind::ServerKill(Side::Main));
        if control == Some(Control::Plain) {
            needed.push(Kind::KillAt(Pipeline::Atomic, Gate::AfterEffect));
        }
        return needed;
    }
    for gate in Gate::of(Pipeline::Ordered) {
        needed.push(Kind::KillAt(Pipeline::Ordered, *gate));
    }
    needed.extend([
        Kind::StopAt(Pipeline::Atomic, Gate::BeforeStep),
        Kind::StopAt(Pipeline::Ordered, Gate::AfterEffect),
        Kind::Lose(Call::Claim, Moment::After),
        Kind::Lose(Call::Settle, Moment::After),
        Kind::Slow,
    ]);
    let sides = [Side::Main, Side::Sink];
    match shape {
        Shape::Single => {
            needed.extend(sides.map(Kind::ServerKill));
            needed.extend(sides.map(Kind::ServerStop));
            if disks {
                needed.extend(sides.map(Kind::DiskFull));
            }
        }
        Shape::Cluster => {
            needed.extend(sides.map(Kind::ServerKill));
            needed.extend([Kind::ServerStop(Side::Main), Kind::MoveSlot]);
        }
        Shape::Sentinel => needed.extend([Kind::FailoverKill, Kind::FailoverStop]),
    }
    needed
}

/// What a run has as well, if it lasts.
fn other(shape: Shape, control: Option<Control>) -> Vec<Kind> {
    if control == Some(Control::Plain) {
        // It calls no scripts: its gates are not known by them, but for the one that it has of its own.
        let at_its_gate = Kind::StopAt(Pipeline::Atomic, Gate::AfterEffect);
        return vec![Kind::Refuse, Kind::ServerStop(Side::Main), at_its_gate];
    }
    let mut other = vec![Kind::Refuse, Kind::Drain, Kind::Slow];
    if shape != Shape::Single {
        other.extend([Kind::ServerKill(Side::Sink), Kind::ServerStop(Side::Sink)]);
    }
    if shape == Shape::Sentinel {
        // What this shape is for.
        other.extend([[Kind::FailoverKill, Kind::FailoverStop]; 3].concat());
    }
    for gate in Gate::of(Pipeline::Atomic) {
        other.push(Kind::KillAt(Pipeline::Atomic, *gate));
    }
    for gate in Gate::of(Pipeline::Ordered) {
        other.push(Kind::StopAt(Pipeline::Ordered, *gate));
    }
    for call in CALLS {
        other.extend([Kind::Lose(call, Moment::Before), Kind::Lose(call, Moment::After)]);
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Vec<Draw> {
        let mut schedule = Schedule::of(seed, Shape::Single, None, true);
        (0..200).map(|_| schedule.draw()).collect()
    }

    #[test]
    fn a_seed_draws_the_same_twice_and_another_seed_something_else() {
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn what_a_run_has_to_have_comes_first_and_everything_comes() {
        let kinds: Vec<Kind> = drawn(1).iter().map(|draw| draw.kind).collect();
        let needed = needed(Shape::Single, None, true);
        assert!(kinds[..needed.len()].iter().all(|kind| needed.contains(kind)));
        let all = [needed, other(Shape::Single, None)].concat();
        assert!(all.iter().all(|kind| kinds[..all.len()].contains(kind)));
        assert!(kinds.contains(&Kind::KillAt(Pipeline::Ordered, Gate::AfterEffect)));
    }
}
