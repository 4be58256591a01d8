//! What goes wrong. Lost replies are where their requests are.

use crate::config::{Config, Fault, KEYS, MESSAGES};
use crate::handler::ends;
use crate::moves::Kind;
use crate::mutation::Mutation;
use crate::record::{Record, Stage};
use crate::settle::judge;
use crate::state::{At, Entry, Host, Plan, Server, State, Worker};
use crate::step::Steps;

/// What can go wrong, and what comes of what went wrong.
pub fn steps(steps: &mut Steps<'_>) {
    hosts(steps);
    if steps.now.around.left.faults > 0 {
        workers(steps);
        servers(steps);
    }
    if steps.now.replica.is_some() {
        let config = steps.config;
        steps.can(Kind::Follows, 0, 0, |state| {
            (state.replica, state.around.word) = (None, false);
        });
        steps.can(Kind::FailsOver, 0, 0, |state| fail_over(config, state));
    }
}

fn hosts(steps: &mut Steps<'_>) {
    let (config, now) = (steps.config, steps.now);
    for host in 0..config.host_count() {
        let busy = config.workers_of(host).any(|worker| now.workers[worker].at != At::Idle);
        if now.hosts[host].paused {
            steps.can(Kind::Wakes, host, 0, |state| wake(config, state, host));
        } else if busy && now.around.left.faults > 0 {
            if config.may(Fault::Crash) {
                steps.can(Kind::Crashes, host, 0, |state| {
                    state.around.left.faults -= 1;
                    crash(config, state, host);
                });
            }
            if config.may(Fault::Pause) {
                steps.can(Kind::Pauses, host, 0, |state| {
                    state.around.left.faults -= 1;
                    pause(config, state, host);
                });
            }
        }
    }
}

/// A host dies, and another process takes its place. It knows nothing of what was.
pub fn crash(config: &Config, state: &mut State, host: usize) {
    for worker in config.workers_of(host) {
        let me = state.workers[worker];
        if me.at == At::Idle {
            continue;
        }
        // Without a key there is no mark: nothing tells the next one that it was done.
        let unmarked = me.at == At::Ack && me.keys().next().is_none() && me.plan != Plan::DiedBefore;
        if matches!(me.at, At::Mark | At::Wait) || unmarked {
            excuse(config, state, worker);
        }
        state.drop_delivery(config, worker, me.has_given_up());
    }
    state.hosts[host] = Host::default();
}

/// A fault befell a worker whose effects may be out, or are about to be: should they come twice, this is why.
fn excuse(config: &Config, state: &mut State, worker: usize) {
    let Worker { message, plan, .. } = state.workers[worker];
    let message = usize::from(message);
    let sink = &mut state.server.sink;
    match plan {
        Plan::Die => sink.excused_letter[message] = true,
        _ => config.messages[message].places().iter().for_each(|&place| sink.excused[place] = true),
    }
}

/// A host stands still. Outside a transaction nothing can hold back an output whose fences were checked before.
fn pause(config: &Config, state: &mut State, host: usize) {
    state.hosts[host].paused = true;
    for worker in config.workers_of(host) {
        let me = state.workers[worker];
        if matches!(me.at, At::Output | At::Mark | At::Wait) {
            excuse(config, state, worker);
        }
        if me.at != At::Idle {
            letters_are_excused(state, usize::from(me.message));
        }
    }
}

/// A dead letter is fenced by the keys that its delivery holds. Without any, two who have one delivery write two.
fn letters_are_excused(state: &mut State, message: usize) {
    state.server.sink.excused_letter[message] = true;
}

/// A host goes on. By its own clock, which counted on, a handler whose lease is over is stopped; a settle whose time was
/// looked at before goes on as if nothing had been.
fn wake(config: &Config, state: &mut State, host: usize) {
    state.hosts[host].paused = false;
    for worker in config.workers_of(host) {
        let me = &mut state.workers[worker];
        if me.overslept && matches!(me.at, At::Run(_) | At::Looked(_) | At::Answered(_)) {
            me.late = true;
            ends(state, worker, Plan::Defer);
        }
    }
}

fn workers(steps: &mut Steps<'_>) {
    let (config, now) = (steps.config, steps.now);
    for worker in (0..config.workers()).filter(|worker| now.is_awake(config, *worker)) {
        let me = &now.workers[worker];
        let number = usize::from(me.message);
        let works = matches!(me.at, At::Run(_)) && me.keys().next().is_some();
        if config.may(Fault::Slow) && works && !me.late {
            steps.can(Kind::RunsOut, worker, number, |state| {
                state.around.left.faults -= 1;
                state.workers[worker].late = true;
                ends(state, worker, Plan::Fail);
            });
        }
        if config.may(Fault::Slow) && me.at == At::Mark && !me.late {
            steps.can(Kind::MarksSlowly, worker, number, |state| {
                state.around.left.faults -= 1;
                state.workers[worker].late = true;
                excuse(config, state, worker);
            });
        }
        if config.may(Fault::Redelivery) && me.at != At::Idle && now.holds_entry(worker) {
            steps.can(Kind::Redelivers, worker, number, |state| {
                state.around.left.faults -= 1;
                state.server.broker.entries[number] = Entry::Waiting;
                letters_are_excused(state, number);
            });
        }
    }
}

fn servers(steps: &mut Steps<'_>) {
    let (config, now) = (steps.config, steps.now);
    if config.may(Fault::Failover) && now.replica.is_none() && !now.around.refused {
        steps.can(Kind::Lags, 0, 0, |state| {
            state.around.left.faults -= 1;
            state.replica = Some(state.server);
        });
    }
    if config.may(Fault::Empty) && !config.is_atomic() && !now.around.refused && now.replica.is_none() {
        steps.can(Kind::Empties, 0, 0, |state| {
            state.around.left.faults -= 1;
            state.server.records = [None; KEYS];
            // What the store knew is gone, and an operator says to go on all the same.
            state.server.sink.excused = [true; KEYS];
            state.server.sink.excused_letter = [true; MESSAGES];
            state.around.refused = true;
            connections_break(config, state);
        });
    }
}

/// The replica takes the server's place: what it had not heard of is undone. The epoch is new.
fn fail_over(config: &Config, state: &mut State) {
    let Some(replica) = state.replica.take() else { return };
    if config.is_atomic() {
        state.server = replica;
    } else {
        let word = std::mem::take(&mut state.around.word);
        (0..KEYS).for_each(|key| excuse_what_is_undone(config, state, &replica, key, word));
        state.server.records = replica.records;
        for worker in 0..config.workers() {
            let at = state.workers[worker].at;
            // Its fences were checked, and its claim is forgotten in favour of an older one, or of another's late mark: its
            // own will come in vain.
            let in_vain = at == At::Output
                && (judge(config, state, worker, true).lost.is_some() || has_rival(state, worker));
            if in_vain || matches!(at, At::Mark | At::Wait) {
                excuse(config, state, worker);
            }
        }
    }
    state.around.quarantine = !config.lacks(Mutation::Rule20);
    connections_break(config, state);
}

/// Whether somebody else is about to mark a key of this worker's.
fn has_rival(state: &State, worker: usize) -> bool {
    let me = &state.workers[worker];
    let mut others = state.workers.iter().enumerate().filter(|(other, _)| *other != worker);
    others.any(|(_, other)| {
        matches!(other.at, At::Output | At::Mark | At::Wait) && me.keys().any(|key| other.has(key))
    })
}

/// What a failover may undo outside a transaction: marks where nobody waits for the replicas, and an operator's word,
/// which never does.
fn excuse_what_is_undone(config: &Config, state: &mut State, replica: &Server, key: usize, word: bool) {
    let stage = |record: Option<Record>| record.map(|record| record.stage);
    let (now, then) = (stage(state.server.records[key]), stage(replica.records[key]));
    let sink = &mut state.server.sink;
    sink.excused[key] |=
        word || now == Some(Stage::Committed) && then != Some(Stage::Committed) && !config.is_replicated();
    if let Some(Stage::Dead { origin }) = now
        && (word || now != then && !config.is_replicated())
    {
        sink.excused_letter[usize::from(origin) % MESSAGES] = true;
    }
}

/// Replies under way are lost, and no cache is believed any more (rule 18).
fn connections_break(config: &Config, state: &mut State) {
    for host in &mut state.hosts {
        host.told = [false; KEYS];
        if !config.lacks(Mutation::Rule18Epoch) {
            host.l1 = [0; KEYS];
        }
    }
    for worker in &mut state.workers {
        (worker.at, worker.sent) = match worker.at {
            At::Answered(place) => (At::Run(place), false),
            At::Confirm => (At::Settle, true),
            At::Wait => (At::Mark, true),
            at => (at, worker.sent),
        };
        for key in 0..KEYS {
            worker.old[key] |= worker.has(key);
        }
        worker.overtaken = [false; KEYS];
    }
}
