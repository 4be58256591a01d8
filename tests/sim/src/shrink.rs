//! Cuts a plan that fails down to what it needs to fail.

use std::sync::Arc;

use crate::batch::run_caught;
use crate::plan::{BodyEnd, Fault, Plan};

/// Runs that it may take.
const MOST_RUNS: u32 = 600;

/// A plan that fails in the same way, with as few messages, faults and hosts as could be found.
pub fn shrunk(plan: &Plan, kind: &str) -> Plan {
    let mut shrink = Shrink { best: plan.clone(), kind, runs: 0 };
    loop {
        let before = shrink.size();
        shrink.fewer_of(
            |plan| plan.faults.len(),
            |plan, place, count| drop(plan.faults.drain(place..place + count)),
        );
        shrink.fewer_of(
            |plan| plan.published.len(),
            |plan, place, count| drop(plan.published.drain(place..place + count)),
        );
        shrink.fewer_hosts();
        shrink.simpler_bodies();
        if shrink.size() == before || shrink.runs >= MOST_RUNS {
            return shrink.best;
        }
    }
}

/// How a run failed, in a word: what of a shorter one is to be the same.
pub fn kind(violations: &[String]) -> &str {
    violations.first().and_then(|first| first.split([' ', ':']).next()).unwrap_or_default()
}

struct Shrink<'a> {
    best: Plan,
    kind: &'a str,
    runs: u32,
}

impl Shrink<'_> {
    fn size(&self) -> usize {
        self.best.faults.len() + self.best.published.len() + self.best.hosts
    }

    /// Takes a plan for the best if it fails still.
    fn offer(&mut self, plan: Plan) -> bool {
        if self.runs >= MOST_RUNS {
            return false;
        }
        self.runs += 1;
        let plan = Arc::new(plan);
        let verdict = run_caught(&plan, false);
        let fails = verdict.violations.iter().any(|what| what.starts_with(self.kind));
        if fails {
            self.best = Arc::unwrap_or_clone(plan);
        }
        fails
    }

    /// Leaves out halves, then quarters, and so on down to one by one.
    fn fewer_of(&mut self, length: impl Fn(&Plan) -> usize, leave_out: impl Fn(&mut Plan, usize, usize)) {
        let mut count = length(&self.best).div_ceil(2);
        while count > 0 {
            let mut place = 0;
            while place < length(&self.best) {
                let mut plan = self.best.clone();
                let some = count.min(length(&plan) - place);
                leave_out(&mut plan, place, some);
                if !self.offer(plan) {
                    place += count;
                }
            }
            count /= 2;
        }
    }

    fn fewer_hosts(&mut self) {
        while self.best.hosts > 1 {
            let mut plan = self.best.clone();
            plan.hosts -= 1;
            let hosts = plan.hosts;
            plan.faults.retain(|fault| !matches!(fault,
                Fault::Crash { host, .. } | Fault::Pause { host, .. } | Fault::Stop { host, .. } | Fault::Cut { host, .. }
                    if *host >= hosts));
            if !self.offer(plan) {
                return;
            }
        }
    }

    fn simpler_bodies(&mut self) {
        for body in 0..self.best.bodies.len() {
            if !self.best.published.iter().any(|sent| sent.body == body) {
                continue;
            }
            let mut plan = self.best.clone();
            let simple = &mut plan.bodies[body];
            (simple.work_ms, simple.outputs, simple.end) = (0, 1, BodyEnd::Commits);
            self.offer(plan);
        }
    }
}
