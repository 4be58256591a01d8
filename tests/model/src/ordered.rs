//! The end of a delivery where no step can hold all of it: fences, outputs, marks, replicas, acknowledgement, in this
//! order. Once an output may be out, its claim is never released.

use crate::config::Fault;
use crate::handler::ends;
use crate::moves::Kind;
use crate::mutation::Mutation;
use crate::settle::{acknowledge, fill_cache, judge, put_out, refused, write};
use crate::state::{At, Plan, State, Worker};
use crate::step::Steps;

/// What a worker can do at the end of a delivery.
pub fn steps(steps: &mut Steps<'_>, worker: usize) {
    let answers = !steps.now.around.refused;
    match steps.now.workers[worker].at {
        At::Settle if answers && !steps.config.is_atomic() => checks(steps, worker),
        At::Output => puts_out(steps, worker),
        At::Mark if answers => marks(steps, worker),
        At::Wait if answers => replicated(steps, worker),
        At::Ack => acks(steps, worker),
        _ => {}
    }
}

fn checks(steps: &mut Steps<'_>, worker: usize) {
    let (config, now) = (steps.config, steps.now);
    let me = &now.workers[worker];
    let number = usize::from(me.message);
    let verdict = judge(config, now, worker, false);
    if let Some(key) = verdict.lost {
        steps.can(Kind::Refused, worker, key, |state| refused(config, state, worker));
        return;
    }
    // What is nobody's by now could still be marked, but anybody may claim it while the output is on its way.
    if verdict.late {
        steps.can(Kind::NotHeld, worker, number, |state| refused(config, state, worker));
        return;
    }
    // The store may have taken its time: the clock is looked at once more, right before the first output (rule 3).
    if me.overslept && me.keys().next().is_some() && !config.lacks(Mutation::Rule3) {
        steps.can(Kind::TooLate, worker, number, |state| {
            state.workers[worker].late = true;
            ends(state, worker, Plan::Defer);
        });
        return;
    }
    let keys = me.keys().count();
    let next = match me.plan {
        Plan::Die if config.lacks(Mutation::Row32) => At::Mark,
        Plan::Die => At::Output,
        Plan::Apply if keys > 0 || config.messages[number].keys.is_empty() => At::Output,
        _ if keys > 0 => At::Mark,
        _ => At::Ack,
    };
    steps.can(Kind::Checks, worker, number, |state| state.workers[worker].at = next);
}

fn puts_out(steps: &mut Steps<'_>, worker: usize) {
    let config = steps.config;
    let me = &steps.now.workers[worker];
    let number = usize::from(me.message);
    let marked_before = me.plan == Plan::Die && config.lacks(Mutation::Row32);
    let next = if me.keys().next().is_none() || marked_before { At::Ack } else { At::Mark };
    let kind = if me.plan == Plan::Die { Kind::PutsLetter } else { Kind::Outputs };
    steps.can(kind, worker, number, |state| {
        put_out(config, state, worker);
        state.workers[worker].at = next;
    });
}

fn marks(steps: &mut Steps<'_>, worker: usize) {
    let (config, now) = (steps.config, steps.now);
    let me = &now.workers[worker];
    let number = usize::from(me.message);
    let verdict = judge(config, now, worker, !config.lacks(Mutation::Rule11Out));
    if let Some(key) = verdict.lost {
        steps.can(Kind::MarkRefused, worker, key, |state| refused(config, state, worker));
        return;
    }
    let kind = match () {
        () if verdict.late => Kind::MarksLate,
        () if verdict.before > 0 => Kind::MarkedBefore,
        () => Kind::Marks,
    };
    steps.can(kind, worker, number, |state| {
        write(state, worker, &verdict);
        let me = &mut state.workers[worker];
        (me.at, me.dirty) = (At::Wait, verdict.before > 0);
    });
    if config.may(Fault::LostReply) && now.around.left.faults > 0 {
        steps.can(Kind::LosesSettleReply, worker, number, |state| {
            write(state, worker, &verdict);
            state.around.left.faults -= 1;
            state.workers[worker].sent = true;
        });
    }
}

/// Only what the replicas hold is told to anybody without asking the store.
fn replicated(steps: &mut Steps<'_>, worker: usize) {
    let (config, now) = (steps.config, steps.now);
    let number = usize::from(now.workers[worker].message);
    let waits = config.is_replicated() && !config.lacks(Mutation::Row17);
    if waits && now.replica.is_some() {
        return;
    }
    let kind = if waits { Kind::Replicated } else { Kind::Confirmed };
    let marked_before = now.workers[worker].plan == Plan::Die && config.lacks(Mutation::Row32);
    steps.can(kind, worker, number, |state| {
        fill_cache(config, state, worker);
        let me = &mut state.workers[worker];
        (me.at, me.sent) = (if marked_before { At::Output } else { At::Ack }, true);
    });
}

/// What somebody else has by now is theirs to acknowledge, as a duplicate.
fn acks(steps: &mut Steps<'_>, worker: usize) {
    let (config, now) = (steps.config, steps.now);
    let Worker { message, plan, .. } = now.workers[worker];
    let ours = now.holds_entry(worker);
    let kind = if ours { Kind::Acks } else { Kind::AckNotOurs };
    steps.can(kind, worker, usize::from(message), |state: &mut State| {
        if ours {
            acknowledge(state, worker);
        }
        state.drop_delivery(config, worker, plan == Plan::Die);
    });
}
