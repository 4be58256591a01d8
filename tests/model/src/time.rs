//! Time, as events: a lease, a keep, a window, a quarantine ends.
//!
//! A lease ends whenever the store's clock says so; but who is awake and in time acts before that, because its own timer
//! began earlier and ends earlier. So the lease of somebody who is awake ends only after its timer has.

use crate::config::KEYS;
use crate::moves::Kind;
use crate::mutation::Mutation;
use crate::record::{Record, Stage};
use crate::state::{At, Plan, State, Worker};
use crate::step::Steps;

/// What time can do.
pub fn steps(steps: &mut Steps<'_>) {
    for key in 0..KEYS {
        if let Some(record) = steps.now.server.records[key] {
            record_ends(steps, key, record);
        }
    }
    let now = steps.now;
    let works_on = |worker: usize| {
        let me = &now.workers[worker];
        is_in_time(steps, worker) && me.at != At::Ack && me.keys().any(|key| me.old[key])
    };
    if now.around.quarantine && !(0..steps.config.workers()).any(works_on) {
        let config = steps.config;
        steps.can(Kind::QuarantineEnds, 0, 0, |state| {
            state.around.quarantine = false;
            for worker in 0..config.workers() {
                let sleeps = !state.is_awake(config, worker);
                let me = &mut state.workers[worker];
                me.overslept |= sleeps && me.keys().any(|key| me.old[key]);
            }
        });
    }
}

/// Whether a worker is awake, and its own timer has not ended.
fn is_in_time(steps: &Steps<'_>, worker: usize) -> bool {
    let me = &steps.now.workers[worker];
    steps.now.is_awake(steps.config, worker) && !me.late && !me.overslept
}

fn record_ends(steps: &mut Steps<'_>, key: usize, record: Record) {
    let (config, now) = (steps.config, steps.now);
    // A keep and a window are longer than a lease: whoever claimed the key before is out of time.
    let acts = |worker: usize| {
        let me = &now.workers[worker];
        is_in_time(steps, worker) && me.has(key) && me.acts()
    };
    let may_age = now.around.left.ages > 0 && !(0..config.workers()).any(acts);
    match record.stage {
        Stage::Claimed { lapsed: false } => {
            let has = |worker: usize| {
                now.workers[worker].at != At::Idle && now.attempt(config, worker) == record.by
            };
            let in_time = (0..config.workers()).any(|worker| has(worker) && is_in_time(steps, worker));
            let may = !in_time || config.lacks(Mutation::Row4);
            if may && !config.lacks(Mutation::Row3) {
                steps.can(Kind::Lapses, 0, key, |state| {
                    state.server.records[key] =
                        Some(Record { stage: Stage::Claimed { lapsed: true }, ..record });
                    for worker in (0..config.workers()).filter(|worker| has(*worker)) {
                        state.workers[worker].overslept |= !state.is_awake(config, worker);
                    }
                });
            }
        }
        Stage::Claimed { lapsed: true } | Stage::Released if may_age => {
            steps.can(Kind::KeepEnds, 0, key, |state| {
                state.around.left.takes(|left| &mut left.ages);
                state.server.records[key] = None;
                sleepers_are_late(state, key);
            });
        }
        Stage::Committed | Stage::Dead { .. } if may_age => {
            let lacks_14 = config.lacks(Mutation::Row14);
            steps.can(Kind::WindowEnds, 0, key, |state| {
                state.around.left.takes(|left| &mut left.ages);
                state.server.records[key] = None;
                sleepers_are_late(state, key);
                if record.stage == Stage::Committed {
                    begins_anew(state, key);
                }
                // A cache's entry lives no longer than the store's, nor does one that is on its way.
                if !lacks_14 {
                    state.hosts.iter_mut().for_each(|host| host.l1[key] = 0);
                    state.workers.iter_mut().for_each(|worker| worker.dirty = true);
                }
            });
        }
        _ => {}
    }
}

/// So much time has gone by that whoever had the key before, and stands still, has no lease left.
fn sleepers_are_late(state: &mut State, key: usize) {
    for worker in &mut state.workers {
        worker.overslept |= worker.has(key) && worker.acts();
    }
}

/// From here on another effect of this key is legitimate. Who is between the check of its fences and its marks is excused
/// for all of its keys, because their marks are made together or not at all.
pub fn begins_anew(state: &mut State, key: usize) {
    state.workers.iter_mut().for_each(|worker| worker.overtaken[key] = false);
    let sink = &mut state.server.sink;
    sink.effects[key] = 0;
    // What befell somebody before, and is not over yet, still explains what comes of it.
    sink.excused[key] &= state.workers.iter().any(|worker| worker.keys().next().is_some());
    let between = |worker: &&Worker| worker.has(key) && matches!(worker.at, At::Output | At::Mark);
    for worker in state.workers.iter().filter(between) {
        worker.keys().for_each(|key| sink.excused[key] = true);
        sink.excused_letter[usize::from(worker.message)] |= worker.plan == Plan::Die;
    }
}
