//! What must hold in every state, and over every step.
//!
//! Told from what the store, the source and the sink show, not from the rules that led there: a step that breaks a rule
//! in the world of a [mutation](crate::mutation) is judged as any other.
//!
//! Inside the store's own transaction no effect may come twice, whatever goes wrong. Outside it a double is explained only
//! by one of these, each of which sets the ghost `excused` of its key when it happens:
//!
//! - a crash or a pause of the host, a mark that took longer than the lease, or a failover, between effect and mark;
//! - a pause between the last look at fences and clock and the effect;
//! - a failover in that moment which brings an older claim back, or lets another's late mark come first;
//! - a failover that undoes a mark where nobody waits for replicas, or an operator's word, which never waits;
//! - a store that was emptied, and accepted by an operator;
//! - an operator's forget between the last look and the mark.
//!
//! Two letters for one delivery that holds no key are explained by a pause or by a source that gives it out twice: there
//! is nothing to fence them by.

use std::fmt;

use crate::config::{Config, KEYS, Message};
use crate::moves::{Kind, Move};
use crate::record::{Record, Stage};
use crate::state::{At, Entry, State, Worker};

/// An invariant that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Broken {
    /// Two attempts act on one key, and neither a fence nor a timer is between them.
    TwoOwners,
    /// A commit was unset by neither its window nor an operator.
    CommitUnset,
    /// A record was changed by somebody whose fence it does not bear.
    NotItsFence,
    /// A claim was taken from somebody whose lease is not over.
    TakenTooEarly,
    /// A sequence did not rise.
    SequenceFell,
    /// A cache answered with a commit that the store does not have.
    StaleCache,
    /// A settle was refused although nobody else has had the key.
    RefusedForNothing,
    /// An effect happened twice in the store's own transaction.
    DoubledInside,
    /// An effect happened twice, and no fault lay between it and its commit.
    DoubledOutside,
    /// An attempt's effect was applied although another one had committed the key meanwhile.
    Overtaken,
    /// A message was acknowledged without its effect and without a dead letter.
    Lost,
    /// A message was given up twice, and no fault explains it.
    TwoLetters,
    /// A delivery was acknowledged before the replicas had its marks.
    NotReplicated,
    /// From here on nothing leads to an end, however long one waits.
    Stuck,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoOwners => "two unfenced owners of one key",
            Self::CommitUnset => "a commit was unset",
            Self::NotItsFence => "a record was changed under another's fence",
            Self::TakenTooEarly => "a claim was taken before its lease was over",
            Self::SequenceFell => "a sequence did not rise",
            Self::StaleCache => "the cache answered what the store does not have",
            Self::RefusedForNothing => "a settle was refused, and nobody else had the key",
            Self::DoubledInside => "an effect happened twice inside the transaction",
            Self::DoubledOutside => "an effect happened twice, and no fault explains it",
            Self::Overtaken => "an effect was applied after another's commit",
            Self::Lost => "a message was acknowledged without its effect: lost",
            Self::TwoLetters => "a message was dead-lettered twice",
            Self::NotReplicated => "acknowledged before the replicas had its marks",
            Self::Stuck => "it never ends",
        })
    }
}

/// The invariant that a state breaks, if any.
pub fn of_state(config: &Config, state: &State) -> Option<Broken> {
    if (0..KEYS).any(|key| owners(config, state, key) > 1) {
        return Some(Broken::TwoOwners);
    }
    let sink = &state.server.sink;
    for key in (0..KEYS).filter(|key| sink.effects[*key] > 1) {
        match config.is_atomic() {
            true => return Some(Broken::DoubledInside),
            false if !sink.excused[key] => return Some(Broken::DoubledOutside),
            false => {}
        }
    }
    let broker = &state.server.broker;
    for (number, message) in config.messages.iter().enumerate() {
        if broker.letters[number] > 1 && (config.is_atomic() || !sink.excused_letter[number]) {
            return Some(Broken::TwoLetters);
        }
        if broker.entries[number] == Entry::Acked && !is_accounted_for(state, number, message) {
            return Some(Broken::Lost);
        }
    }
    None
}

/// Whether an acknowledged message has had its effects, or was given up.
fn is_accounted_for(state: &State, number: usize, message: &Message) -> bool {
    let (broker, sink) = (&state.server.broker, &state.server.sink);
    let done = |place: &usize| sink.done[*place] & (1 << message.print) != 0;
    broker.letters[number] > 0 || broker.requeueing[number] || message.places().iter().all(done)
}

/// Attempts that act on a key in the store's present epoch, awake and in time by their own timers.
fn owners(config: &Config, state: &State, key: usize) -> usize {
    let owns = |&worker: &usize| {
        let me = &state.workers[worker];
        me.has(key)
            && !me.old[key]
            && !me.late
            && !me.overslept
            && me.acts()
            && state.is_awake(config, worker)
    };
    (0..config.workers()).filter(owns).count()
}

/// The invariant that a step breaks, if any.
pub fn of_step(config: &Config, before: &State, happens: Move, after: &State) -> Option<Broken> {
    let what = usize::from(happens.what);
    match happens.kind {
        Kind::CacheHit | Kind::CacheMismatch => {
            let host = &before.hosts[config.host_of(usize::from(happens.who))];
            let stored = before.server.records[what];
            let committed = stored.is_some_and(|record| record.stage == Stage::Committed);
            // An operator's change is on its way to this host: that long, and no longer, it may overlook it.
            if !committed && !host.told[what] {
                return Some(Broken::StaleCache);
            }
        }
        Kind::Refused | Kind::MarkRefused if has_a_right(config, before, happens) => {
            return Some(Broken::RefusedForNothing);
        }
        Kind::Acks if config.is_replicated() && is_ahead_of_replica(config, before, happens) => {
            return Some(Broken::NotReplicated);
        }
        // Whatever it undoes, nobody's rule is broken by it: what may come of it is told by the states.
        Kind::FailsOver => return None,
        _ => {}
    }
    let sinks = |key: usize| before.server.sink.effects[key] < after.server.sink.effects[key];
    let worker = &before.workers[usize::from(happens.who)];
    if config.is_atomic() && (0..KEYS).any(|key| sinks(key) && worker.overtaken[key]) {
        return Some(Broken::Overtaken);
    }
    (0..KEYS).find_map(|key| {
        let (found, left) = (before.server.records[key], after.server.records[key]);
        if is_same(found, left) { None } else { of_change(config, before, happens, key, found, left) }
    })
}

/// Whether two records differ in no more than that an attempt's id is not needed any more.
fn is_same(one: Option<Record>, other: Option<Record>) -> bool {
    let bare = |record: Option<Record>| record.map(|record| Record { by: 0, ..record });
    bare(one) == bare(other)
}

fn of_change(
    config: &Config,
    before: &State,
    happens: Move,
    key: usize,
    found: Option<Record>,
    left: Option<Record>,
) -> Option<Broken> {
    let worker = &before.workers[usize::from(happens.who)];
    let attempt = before.attempt(config, usize::from(happens.who));
    let stage = found.map(|record| record.stage);
    let forgotten = found.is_some_and(|record| record.forgotten);
    let operator = [Kind::WindowEnds, Kind::Forgets, Kind::Empties].contains(&happens.kind);
    if stage == Some(Stage::Committed) && !operator {
        return Some(Broken::CommitUnset);
    }
    let (mut raised, mut bears) = (true, false);
    if let (Some(found), Some(left)) = (found, left) {
        let seq = if worker.has(key) { worker.seq[key] } else { found.seq };
        bears = found.by == attempt && found.seq == seq && worker.at != At::Idle;
        raised = left.seq > found.seq || left.seq == found.seq && (bears || happens.kind == Kind::Lapses);
    }
    let broken = match happens.kind {
        Kind::First | Kind::TakesOver | Kind::DiedAlone | Kind::LosesClaimReply => {
            let taken = matches!(stage, Some(Stage::Claimed { lapsed: false } | Stage::Dead { .. }));
            taken.then_some(Broken::TakenTooEarly)
        }
        Kind::Releases
        | Kind::Settles
        | Kind::SettlesLate
        | Kind::Marks
        | Kind::MarksLate
        | Kind::MarkedBefore
        | Kind::LosesSettleReply => {
            let may = match stage {
                Some(Stage::Claimed { .. }) => bears,
                Some(Stage::Released) => !forgotten && happens.kind != Kind::Releases,
                Some(Stage::Committed | Stage::Dead { .. }) => false,
                // Its outputs are out, and nothing is there that could be somebody else's.
                None => !config.is_atomic(),
            };
            (!may).then_some(Broken::NotItsFence)
        }
        Kind::RequeueClears => (!matches!(stage, Some(Stage::Dead { .. }))).then_some(Broken::NotItsFence),
        Kind::Forgets | Kind::Lapses | Kind::KeepEnds | Kind::WindowEnds | Kind::Empties => None,
        _ => Some(Broken::NotItsFence),
    };
    // Released and forgotten keys stay in their record's life: an operator's change that ends it would let it begin
    // again under fences that were borne before.
    let vanished = happens.kind == Kind::Forgets && left.is_none();
    broken.or((!raised || vanished).then_some(Broken::SequenceFell))
}

/// Whether a refused settle had a right to the key: the record bears its fence, or nobody has taken it since.
fn has_a_right(config: &Config, before: &State, happens: Move) -> bool {
    let (worker, key) = (usize::from(happens.who), usize::from(happens.what));
    let me: &Worker = &before.workers[worker];
    let Some(record) = before.server.records[key] else {
        return happens.kind == Kind::MarkRefused;
    };
    let same_attempt = record.by == before.attempt(config, worker);
    match record.stage {
        Stage::Claimed { .. } => same_attempt && record.seq == me.seq[key],
        Stage::Released => !record.forgotten,
        Stage::Committed => same_attempt,
        Stage::Dead { .. } => false,
    }
}

/// Whether a delivery is acknowledged although the replica does not know of a mark of its.
fn is_ahead_of_replica(config: &Config, before: &State, happens: Move) -> bool {
    let worker = usize::from(happens.who);
    let by = before.attempt(config, worker);
    before.replica.is_some_and(|replica| {
        before.workers[worker].keys().any(|key| {
            let mark = before.server.records[key].filter(|record| record.by == by);
            mark.is_some_and(|mark| replica.records[key].is_none_or(|known| known.stage != mark.stage))
        })
    })
}
