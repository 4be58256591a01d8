//! A handler at work: it asks for its keys one after the other, and returns.
//!
//! For each key that is new it stages a commit and one output. Told that a key is no duplicate and not its own, it is
//! put off at once.

use crate::config::{Fault, Message};
use crate::moves::Kind;
use crate::mutation::Mutation;
use crate::record::{self, Answer, Ask, Record, Stage};
use crate::state::{At, Plan, State, Told, Worker};
use crate::step::Steps;

/// What a worker's handler can do.
pub fn steps(steps: &mut Steps<'_>, worker: usize) {
    let me = &steps.now.workers[worker];
    let message = steps.config.messages[usize::from(me.message)];
    match me.at {
        At::Run(place) => match message.keys.get(usize::from(place)) {
            Some(&key) => seen(steps, worker, key, place),
            None => returns(steps, worker, message),
        },
        At::Looked(place) => claims_blindly(steps, worker, message.keys[usize::from(place)], place),
        At::Answered(place) => hears(steps, worker, message.keys[usize::from(place)], place),
        _ => {}
    }
}

/// Cache, then this process, then the store.
fn seen(steps: &mut Steps<'_>, worker: usize, key: usize, place: u8) {
    let (config, now) = (steps.config, steps.now);
    let print = config.messages[usize::from(now.workers[worker].message)].print;
    let cached = now.hosts[config.host_of(worker)].l1[key];
    if cached != 0 && !now.around.refused {
        if cached == print {
            steps.can(Kind::CacheHit, worker, key, |state| told(state, worker, key, place, Told::Other));
        } else {
            steps.can(Kind::CacheMismatch, worker, key, |state| ends(state, worker, Plan::Die));
        }
        return;
    }
    if let Some(leader) = leader(steps, worker, key) {
        let leader_ends = !matches!(now.workers[leader].at, At::Run(_) | At::Answered(_));
        if leader_ends && config.lacks(Mutation::Rule7InProcess) {
            steps.can(Kind::Hears, worker, key, |state| told(state, worker, key, place, Told::Other));
        } else {
            in_flight(steps, worker, key, place, Kind::WaitsInProcess);
        }
        return;
    }
    if !now.around.refused {
        asks(steps, worker, key, place);
    }
}

/// Another worker of this process that has the key.
fn leader(steps: &Steps<'_>, worker: usize, key: usize) -> Option<usize> {
    let (config, now) = (steps.config, steps.now);
    let is_leader = |&other: &usize| {
        let at = now.workers[other].at;
        other != worker && now.workers[other].has(key) && !matches!(at, At::Idle | At::Ack)
    };
    config.workers_of(config.host_of(worker)).find(is_leader)
}

/// What this worker would ask the store.
fn question(steps: &Steps<'_>, worker: usize) -> Ask {
    let me = &steps.now.workers[worker];
    Ask {
        by: steps.now.attempt(steps.config, worker),
        print: steps.config.messages[usize::from(me.message)].print,
        alone: me.alone,
        suspect_after: steps.config.suspect_after(),
    }
}

fn asks(steps: &mut Steps<'_>, worker: usize, key: usize, place: u8) {
    let (config, now) = (steps.config, steps.now);
    let stored = now.server.records[key];
    let ask = question(steps, worker);
    match record::claim(stored, ask, config.lacking) {
        // Whatever this server knows of the key, the one before it may have granted it since (rule 20).
        Answer::First(_)
            if now.around.quarantine && (stored.is_none() || !config.lacks(Mutation::Rule20Present)) =>
        {
            in_flight(steps, worker, key, place, Kind::Quarantined);
        }
        Answer::First(granted) => {
            let lapsed = stored.is_some_and(|record| record.stage == Stage::Claimed { lapsed: true });
            let two_steps = if lapsed { Mutation::Row8 } else { Mutation::Row1 };
            if config.lacks(two_steps) {
                steps.can(Kind::Look, worker, key, |state| state.workers[worker].at = At::Looked(place));
                return;
            }
            let kind = if lapsed { Kind::TakesOver } else { Kind::First };
            first(steps, worker, key, place, granted, kind);
        }
        Answer::Owned(granted) => {
            steps.can(Kind::Owned, worker, key, |state| granted_to(state, worker, key, place, granted));
        }
        Answer::Committed => {
            steps.can(Kind::Duplicate, worker, key, |state| {
                let me = &mut state.workers[worker];
                (me.at, me.dirty) = (At::Answered(place), false);
            });
        }
        Answer::InFlight => in_flight(steps, worker, key, place, Kind::Waits),
        Answer::Mismatch => steps.can(Kind::Mismatch, worker, key, |state| ends(state, worker, Plan::Die)),
        Answer::Suspect { .. } => {
            steps.can(Kind::Suspect, worker, key, |state| {
                state.workers[worker].alone = true;
                ends(state, worker, Plan::Defer);
            });
        }
        Answer::Dead { origin } => met_dead(steps, worker, key, place, origin),
    }
}

fn first(steps: &mut Steps<'_>, worker: usize, key: usize, place: u8, granted: Record, kind: Kind) {
    if steps.config.may(Fault::LostReply) && steps.now.around.left.faults > 0 {
        steps.can(Kind::LosesClaimReply, worker, key, |state| {
            state.around.left.faults -= 1;
            state.server.records[key] = Some(granted);
        });
    }
    let kind = if granted.died_alone { Kind::DiedAlone } else { kind };
    steps.can(kind, worker, key, |state| {
        state.server.records[key] = Some(granted);
        granted_to(state, worker, key, place, granted);
    });
}

fn granted_to(state: &mut State, worker: usize, key: usize, place: u8, granted: Record) {
    told(state, worker, key, place, Told::New);
    let me = &mut state.workers[worker];
    (me.seq[key], me.old[key], me.overtaken[key]) = (granted.seq, false, false);
    me.attempts = me.attempts.max(granted.attempts);
    if granted.died_alone {
        ends(state, worker, Plan::Die);
    }
}

/// The second half of a claim that takes two steps: the key was free when it was looked at.
fn claims_blindly(steps: &mut Steps<'_>, worker: usize, key: usize, place: u8) {
    let Ask { by, print, alone, .. } = question(steps, worker);
    let seq = steps.now.server.records[key].map_or(1, |record| record.seq + 1);
    let stage = Stage::Claimed { lapsed: false };
    let granted =
        Record { stage, seq, by, attempts: 1, deaths: 0, alone, died_alone: false, print, forgotten: false };
    first(steps, worker, key, place, granted, Kind::First);
}

/// Somebody else has the key. Waiting is allowed only to who holds none (rule 16).
fn in_flight(steps: &mut Steps<'_>, worker: usize, key: usize, place: u8, waits: Kind) {
    let (config, now) = (steps.config, steps.now);
    let me = &now.workers[worker];
    let host = config.host_of(worker);
    if config.lacks(Mutation::Row29) || config.lacks(Mutation::Rule7) && me.keys().next().is_some() {
        steps.can(Kind::Duplicate, worker, key, |state| told(state, worker, key, place, Told::Other));
    } else if me.keys().next().is_some() && !config.lacks(Mutation::Rule16) {
        steps.can(Kind::InFlight, worker, key, |state| ends(state, worker, Plan::Defer));
    } else {
        steps.can(waits, worker, key, |state| {
            if config.lacks(Mutation::Row13) {
                state.hosts[host].l1[key] = question_print(state, config.messages, worker);
            }
        });
    }
}

fn question_print(state: &State, messages: &[Message], worker: usize) -> u8 {
    messages[usize::from(state.workers[worker].message)].print
}

fn met_dead(steps: &mut Steps<'_>, worker: usize, key: usize, place: u8, origin: u8) {
    if origin == steps.now.workers[worker].origin() {
        steps.can(Kind::DiedBefore, worker, key, |state| {
            state.workers[worker].told[key] = Told::Other;
            ends(state, worker, Plan::DiedBefore);
        });
    } else if steps.config.lacks(Mutation::Rule14Ack) {
        steps.can(Kind::MetDead, worker, key, |state| told(state, worker, key, place, Told::Other));
    } else {
        steps.can(Kind::MetDead, worker, key, |state| ends(state, worker, Plan::Die));
    }
}

/// The reply that a key is committed arrives, and fills the cache if it is still so as far as one can know (rule 19).
fn hears(steps: &mut Steps<'_>, worker: usize, key: usize, place: u8) {
    let (config, now) = (steps.config, steps.now);
    let fills = !now.workers[worker].dirty || config.lacks(Mutation::Rule19);
    let print = question_print(now, config.messages, worker);
    let host = config.host_of(worker);
    steps.can(Kind::Hears, worker, key, |state| {
        if fills {
            state.hosts[host].l1[key] = print;
        }
        told(state, worker, key, place, Told::Other);
    });
    if config.may(Fault::LostReply) && now.around.left.faults > 0 {
        steps.can(Kind::LosesClaimReply, worker, key, |state| {
            state.around.left.faults -= 1;
            state.workers[worker].at = At::Run(place);
        });
    }
}

fn told(state: &mut State, worker: usize, key: usize, place: u8, what: Told) {
    let me = &mut state.workers[worker];
    me.told[key] = what;
    me.at = At::Run(place + 1);
}

/// The handler is over, and the delivery is to end so. Whether there is time left is looked at here.
pub fn ends(state: &mut State, worker: usize, plan: Plan) {
    let me: &mut Worker = &mut state.workers[worker];
    me.plan = plan;
    me.at = match plan {
        Plan::Defer | Plan::Fail => At::Release,
        Plan::Apply | Plan::Die | Plan::DiedBefore => At::Settle,
    };
}

fn returns(steps: &mut Steps<'_>, worker: usize, message: Message) {
    let (config, now) = (steps.config, steps.now);
    let me = &now.workers[worker];
    let number = usize::from(me.message);
    let works = me.keys().next().is_some() || message.keys.is_empty();
    if message.poison && works {
        let host = config.host_of(worker);
        steps.can(Kind::PoisonKills, worker, number, |state| crate::fault::crash(config, state, host));
        return;
    }
    steps.can(Kind::Ok, worker, number, |state| {
        ends(state, worker, Plan::Apply);
        if config.lacks(Mutation::Rule18Early) {
            crate::settle::fill_cache(config, state, worker);
        }
    });
    if works && now.around.left.fails > 0 {
        let used_up = me.attempts >= config.max_attempts;
        let (kind, plan) = if used_up { (Kind::UsedUp, Plan::Die) } else { (Kind::Fails, Plan::Fail) };
        steps.can(kind, worker, number, |state| {
            state.around.left.takes(|left| &mut left.fails);
            ends(state, worker, plan);
        });
    }
    if works && now.around.left.rejects > 0 {
        steps.can(Kind::Rejects, worker, number, |state| {
            state.around.left.takes(|left| &mut left.rejects);
            ends(state, worker, Plan::Die);
        });
    }
}
