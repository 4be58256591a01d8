//! What an operator does: forgets a key, delivers a dead letter again, accepts a store that was emptied.

use crate::config::{KEYS, MESSAGES};
use crate::moves::Kind;
use crate::mutation::Mutation;
use crate::record::{self, Requeued};
use crate::state::{At, Entry, State, letter_id};
use crate::step::Steps;
use crate::time::begins_anew;

/// What an operator can do, and what comes of it by itself.
pub fn steps(steps: &mut Steps<'_>) {
    let (config, now) = (steps.config, steps.now);
    if now.around.refused {
        steps.can(Kind::Accepts, 0, 0, |state| state.around.refused = false);
    }
    for host in 0..config.host_count() {
        for key in (0..KEYS).filter(|key| now.hosts[host].told[*key] && !now.hosts[host].paused) {
            let workers = config.workers_of(host);
            steps.can(Kind::Invalidates, host, key, |state| {
                state.hosts[host].told[key] = false;
                state.hosts[host].l1[key] = 0;
                workers.for_each(|worker| state.workers[worker].dirty = true);
            });
        }
    }
    let may = now.around.left.operator > 0 && !now.around.refused;
    for key in (0..KEYS).filter(|key| may && now.server.records[*key].is_some()) {
        forgets(steps, key);
    }
    for message in 0..MESSAGES {
        let broker = &now.server.broker;
        if broker.requeueing[message] {
            steps.can(Kind::RequeueAppends, 0, message, |state| {
                let broker = &mut state.server.broker;
                (broker.requeueing[message], broker.letters[message]) = (false, 0);
                broker.entries[message] = Entry::Waiting;
                broker.lives[message] = broker.lives[message].saturating_add(1);
            });
        } else if may && broker.letters[message] > 0 && broker.entries[message] == Entry::Acked {
            requeues(steps, message);
        }
    }
}

/// Leaves a released record with a raised sequence, and tells every host. Only hosts that know the key, or that are
/// just being told of it, have anything to hear.
fn forgets(steps: &mut Steps<'_>, key: usize) {
    let config = steps.config;
    steps.can(Kind::Forgets, 0, key, |state| {
        state.around.left.takes(|left| &mut left.operator);
        state.around.word = state.replica.is_some();
        state.server.records[key] = record::forget(state.server.records[key], config.lacking);
        begins_anew(state, key);
        for worker in &mut state.workers {
            worker.old[key] |= worker.has(key);
        }
        if config.lacks(Mutation::Row15) {
            return;
        }
        for host in 0..config.host_count() {
            let is_told = |worker: usize| match state.workers[worker].at {
                At::Answered(place) => {
                    config.messages[usize::from(state.workers[worker].message)].keys[usize::from(place)]
                        == key
                }
                At::Confirm | At::Wait => state.workers[worker].has(key),
                _ => false,
            };
            let hears = state.hosts[host].l1[key] != 0 || config.workers_of(host).any(is_told);
            state.hosts[host].told[key] |= hears;
        }
    });
}

/// Clears the keys that the letter's claim left dead. Then the message is appended, then the letter is removed.
fn requeues(steps: &mut Steps<'_>, message: usize) {
    let config = steps.config;
    steps.can(Kind::RequeueClears, 0, message, |state: &mut State| {
        state.around.left.takes(|left| &mut left.operator);
        state.around.word = state.replica.is_some();
        // The letter bears the fence of the attempt that wrote it, which may not have heard yet that it did.
        let wrote =
            |worker: &usize| state.workers[*worker].handles(message) && state.workers[*worker].has_given_up();
        let writers = (0..config.workers()).filter(wrote).map(|worker| state.attempt(config, worker));
        let fences: Vec<u8> = writers.chain([letter_id(message as u8)]).collect();
        for &key in config.messages[message].keys {
            for &by in &fences {
                let stored = state.server.records[key];
                if let Requeued::Done(record) = record::requeue(stored, 0, by, config.lacking) {
                    state.server.records[key] = Some(record);
                }
            }
        }
        state.server.broker.requeueing[message] = true;
    });
}
