//! The end of a delivery in one step: marks, outputs and acknowledgement, or none of them. And releases, which are the
//! same in every world.

use crate::config::{Config, Fault, KEYS};
use crate::moves::Kind;
use crate::mutation::Mutation;
use crate::record::{self, End, Judged, Record, Settle, Stage};
use crate::state::{At, Entry, Plan, State, Told, Worker};
use crate::step::Steps;

/// What a worker can do at the end of a delivery.
pub fn steps(steps: &mut Steps<'_>, worker: usize) {
    let me = &steps.now.workers[worker];
    match me.at {
        At::Release if !steps.now.around.refused => releases(steps, worker),
        At::Settle if steps.config.is_atomic() => settles(steps, worker),
        At::Confirm => confirmed(steps, worker),
        _ => {}
    }
}

/// How a settle would end: what would be written, and which key is somebody else's.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Per key.
    pub writes: [Option<Record>; KEYS],
    /// A claim was gone.
    pub late: bool,
    /// How many keys this attempt had settled before.
    pub before: usize,
    /// The first key that is somebody else's: then nothing is written.
    pub lost: Option<usize>,
}

/// Judges all keys of a worker's delivery at once.
pub fn judge(config: &Config, state: &State, worker: usize, accept_absent: bool) -> Verdict {
    let me = &state.workers[worker];
    let end = match me.plan {
        Plan::Die | Plan::DiedBefore => End::Die { origin: me.origin() },
        _ => End::Commit,
    };
    let (by, print) = (state.attempt(config, worker), config.messages[usize::from(me.message)].print);
    let mut verdict = Verdict::default();
    for key in me.keys() {
        let stored = state.server.records[key];
        match record::settle(
            stored,
            Settle { seq: me.seq[key], by, print, end, accept_absent },
            config.lacking,
        ) {
            Judged::Write { record, late } => {
                verdict.writes[key] = Some(record);
                verdict.late |= late;
            }
            Judged::Already => verdict.before += 1,
            Judged::Lost if me.plan == Plan::Die && config.lacks(Mutation::Rule14Fence) => {
                let dead =
                    |record: Record| Record { stage: Stage::Dead { origin: me.origin() }, by, ..record };
                verdict.writes[key] = stored.map(dead);
            }
            Judged::Lost if config.lacks(Mutation::Rule9) => {}
            Judged::Lost => verdict.lost = verdict.lost.or(Some(key)),
        }
    }
    verdict
}

/// Writes what was judged. Whoever else believed that such a key was its own is overtaken.
pub fn write(state: &mut State, worker: usize, verdict: &Verdict) {
    for (key, record) in verdict.writes.iter().enumerate() {
        let Some(record) = record else { continue };
        state.server.records[key] = Some(*record);
        if record.stage == Stage::Committed {
            let others = state.workers.iter_mut().enumerate().filter(|(other, _)| *other != worker);
            others.for_each(|(_, other)| other.overtaken[key] = other.has(key));
        }
    }
}

/// What the sink is given at the end of a worker's delivery: the effects of its keys, or its dead letter.
pub fn put_out(config: &Config, state: &mut State, worker: usize) {
    let me = state.workers[worker];
    let number = usize::from(me.message);
    let message = config.messages[number];
    let (sink, broker) = (&mut state.server.sink, &mut state.server.broker);
    match me.plan {
        Plan::Die => broker.letters[number] = (broker.letters[number] + 1).min(2),
        Plan::Apply => {
            for &place in message.places() {
                if me.has(place) || message.keys.is_empty() {
                    sink.effects[place] = (sink.effects[place] + 1).min(2);
                    sink.done[place] |= 1 << message.print;
                }
            }
        }
        Plan::Defer | Plan::Fail | Plan::DiedBefore => {}
    }
}

/// A refused settle: nothing is applied, and the delivery is made again if it still is this worker's (rule 10).
pub fn refused(config: &Config, state: &mut State, worker: usize) {
    if config.lacks(Mutation::Rule10) {
        acknowledge(state, worker);
    }
    state.again(config, worker);
}

/// Ends the entry of a worker's delivery.
pub fn acknowledge(state: &mut State, worker: usize) {
    state.server.broker.entries[usize::from(state.workers[worker].message)] = Entry::Acked;
}

/// What a worker's settled delivery leaves in its host's cache, unless something was heard since.
pub fn fill_cache(config: &Config, state: &mut State, worker: usize) {
    let me = state.workers[worker];
    if me.plan == Plan::Apply && !me.dirty {
        let print = config.messages[usize::from(me.message)].print;
        let by = state.attempt(config, worker);
        let records = state.server.records;
        // Where a settle may apply some of its keys, it knows which.
        let applied = |key: &usize| {
            !config.lacks(Mutation::Rule9) || records[*key].is_some_and(|record| record.by == by)
        };
        let host = &mut state.hosts[config.host_of(worker)];
        me.keys().filter(applied).for_each(|key| host.l1[key] = print);
    }
}

fn settles(steps: &mut Steps<'_>, worker: usize) {
    let (config, now) = (steps.config, steps.now);
    let me = &now.workers[worker];
    let number = usize::from(me.message);
    let verdict = judge(config, now, worker, false);
    let again = me.sent && config.lacks(Mutation::Rule9Repeat);
    if !now.holds_entry(worker) && !config.lacks(Mutation::Rule24) && !again {
        not_pending(steps, worker, &verdict);
        return;
    }
    if let Some(key) = verdict.lost {
        steps.can(Kind::Refused, worker, key, |state| refused(config, state, worker));
        return;
    }
    if let Some(key) = gone_mark(config, now, worker) {
        steps.can(Kind::MarkGone, worker, key, |state| refused(config, state, worker));
        return;
    }
    let settled = |state: &mut State| {
        write(state, worker, &verdict);
        put_out(config, state, worker);
        acknowledge(state, worker);
        state.workers[worker].dirty = false;
    };
    let kind = if verdict.late { Kind::SettlesLate } else { Kind::Settles };
    steps.can(kind, worker, number, |state| {
        settled(state);
        state.workers[worker].at = At::Confirm;
    });
    if config.may(Fault::LostReply) && now.around.left.faults > 0 {
        steps.can(Kind::LosesSettleReply, worker, number, |state| {
            settled(state);
            state.around.left.faults -= 1;
            state.workers[worker].sent = true;
        });
    }
}

/// A key that the delivery relies on as settled, because it was told so, and that is not: a failover or the end of its
/// window has taken the mark since.
fn gone_mark(config: &Config, state: &State, worker: usize) -> Option<usize> {
    let me = &state.workers[worker];
    let print = config.messages[usize::from(me.message)].print;
    // It has to be the mark that was told of: that of this very death, or a commit of this payload (rules 14 and 15).
    let is_mark = |key: usize| {
        let Some(record) = state.server.records[key] else { return false };
        match record.stage {
            Stage::Committed | Stage::Dead { .. } if config.lacks(Mutation::Rule14Dead) => true,
            Stage::Dead { origin } => me.plan == Plan::DiedBefore && origin == me.origin(),
            Stage::Committed => me.plan != Plan::DiedBefore && record.print == print,
            Stage::Claimed { .. } | Stage::Released => false,
        }
    };
    let relied_on = (0..KEYS).filter(|key| me.told[*key] == Told::Other);
    let mut gone = relied_on.filter(|key| !is_mark(*key));
    if config.lacks(Mutation::Row29Gone) { None } else { gone.next() }
}

/// The entry is not pending for this delivery: either this attempt has settled it, or it is somebody else's. Without a
/// key only the entry that is gone can tell.
fn not_pending(steps: &mut Steps<'_>, worker: usize, verdict: &Verdict) {
    let (config, now) = (steps.config, steps.now);
    let me = &now.workers[worker];
    let number = usize::from(me.message);
    let keys = me.keys().count();
    let settled = match keys {
        0 => now.server.broker.entries[number] == Entry::Acked,
        _ => verdict.before == keys,
    };
    if settled {
        steps.can(Kind::SettledBefore, worker, number, |state| {
            let me = &mut state.workers[worker];
            // What happened between the settle and this repetition is not known: nothing is cached.
            (me.at, me.dirty) = (At::Confirm, true);
        });
    } else {
        steps.can(Kind::NotPending, worker, number, |state| {
            state.drop_delivery(config, worker, false);
        });
    }
}

fn confirmed(steps: &mut Steps<'_>, worker: usize) {
    let config = steps.config;
    let number = usize::from(steps.now.workers[worker].message);
    steps.can(Kind::Confirmed, worker, number, |state| {
        fill_cache(config, state, worker);
        let letter = state.workers[worker].plan == Plan::Die;
        state.drop_delivery(config, worker, letter);
    });
}

/// Gives back by their fences what the attempt claimed, also where it never heard that it did. The delivery is made
/// again by a new attempt.
fn releases(steps: &mut Steps<'_>, worker: usize) {
    let (config, now) = (steps.config, steps.now);
    let me: Worker = now.workers[worker];
    let number = usize::from(me.message);
    let message = config.messages[number];
    let by = now.attempt(config, worker);
    let end = End::Release { failed: me.plan == Plan::Fail };
    steps.can(Kind::Releases, worker, number, |state| {
        for &key in message.keys {
            let stored = state.server.records[key];
            let unheard = stored.filter(|record| record.by == by).map(|record| record.seq);
            let Some(seq) = (if me.has(key) { Some(me.seq[key]) } else { unheard }) else { continue };
            let asked = Settle { seq, by, print: message.print, end, accept_absent: false };
            if let Judged::Write { record, .. } = record::settle(stored, asked, config.lacking) {
                state.server.records[key] = Some(record);
            }
        }
        state.again(config, worker);
    });
}
