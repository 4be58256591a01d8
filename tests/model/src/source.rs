//! The source: it gives each entry to one worker at a time, and again if that one is gone.

use crate::moves::Kind;
use crate::state::{Entry, State, Worker};
use crate::step::Steps;

/// What the source can do.
pub fn steps(steps: &mut Steps<'_>) {
    let (config, now) = (steps.config, steps.now);
    for message in 0..config.messages.len() {
        match now.server.broker.entries[message] {
            Entry::Waiting => {
                for worker in 0..config.workers() {
                    let idle = now.workers[worker] == Worker::IDLE && now.is_awake(config, worker);
                    // A host never takes over an entry that it is still handling (rule 24).
                    let mut beside = config.workers_of(config.host_of(worker));
                    if idle && !beside.any(|worker| now.workers[worker].handles(message)) {
                        steps.can(Kind::Deliver, worker, message, |state| deliver(state, worker, message));
                    }
                }
            }
            // What a host holds it keeps fresh, unless it stands still.
            Entry::Held(worker) if !now.is_awake(config, usize::from(worker)) => {
                steps.can(Kind::TakenFromPaused, usize::from(worker), message, |state| {
                    state.server.broker.entries[message] = Entry::Waiting;
                });
            }
            Entry::Held(_) | Entry::Acked => {}
        }
    }
}

fn deliver(state: &mut State, worker: usize, message: usize) {
    state.server.broker.entries[message] = Entry::Held(worker as u8);
    state.workers[worker] = Worker::begins(message as u8, state.server.broker.lives[message], false);
}
