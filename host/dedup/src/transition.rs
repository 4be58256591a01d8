//! The rules of a record's life, as functions of what is stored and what is asked.
//!
//! Nothing here reads a clock or touches a store: each function takes the record as it stands and says what
//! is answered and what is written. Stores that run code of their own (a Lua script) say the same in their
//! language; the conformance suite holds them to it.

use crate::policy::LONGEST_MS;
use crate::record::{Record, State, Unreadable, clipped};
use crate::store::{
    Absent, Action, Claim, ClaimOutcome, Committed, Forgotten, Granted, KeySettle, Marked, Requeued,
    SettleOutcome, Settlement,
};
use crate::{AttemptId, Fence, Key};

/// A record together with what the store's clock says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The record.
    pub record: Record,
    /// What is left of its life, in milliseconds.
    pub left_ms: u64,
    /// Its claim was left by a process that is known to be gone.
    pub void: bool,
}

impl Held {
    /// What is left of the claim's lease, in milliseconds. The record holds its own keep, because hosts may
    /// differ in theirs.
    pub fn lease_left_ms(&self) -> u64 {
        if self.void { 0 } else { self.left_ms.saturating_sub(self.record.keep_ms) }
    }
}

/// A record to be written, and how long it lives from now, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The record.
    pub record: Record,
    /// Its life.
    pub life_ms: u64,
}

/// Decides a claim.
pub fn claim(stored: Option<&Held>, claim: &Claim) -> (ClaimOutcome, Option<Write>) {
    let Some(held) = stored else {
        return grant(
            claim,
            Counts { sequence: 1, attempts: 1, host_deaths: 0, died_alone: false, forgotten: false },
            "",
        );
    };
    let record = &held.record;
    match record.state {
        State::Committed => (committed(held, claim), None),
        State::Dead => (ClaimOutcome::Dead { reason: record.text.clone(), origin: record.origin }, None),
        State::Claimed if record.fence.attempt == claim.attempt => {
            (ClaimOutcome::Owned(granted(record)), None)
        }
        State::Claimed if held.lease_left_ms() > 0 => {
            (ClaimOutcome::InFlight { left_ms: held.lease_left_ms() }, None)
        }
        // The lease is over and nobody ended the attempt: its host died. That is no fault of the handler's,
        // so its attempt moves from the one count to the other.
        State::Claimed => {
            let host_deaths = record.host_deaths.saturating_add(1);
            let died_alone = record.alone && host_deaths > claim.suspect_after;
            takeover(
                record,
                claim,
                Counts {
                    sequence: record.fence.sequence.saturating_add(1),
                    attempts: record.attempts.max(1),
                    host_deaths,
                    died_alone,
                    forgotten: record.forgotten,
                },
            )
        }
        State::Released => takeover(
            record,
            claim,
            Counts {
                sequence: record.fence.sequence.saturating_add(1),
                attempts: record.attempts.saturating_add(1),
                host_deaths: record.host_deaths,
                died_alone: false,
                forgotten: record.forgotten,
            },
        ),
    }
}

fn committed(held: &Held, claim: &Claim) -> ClaimOutcome {
    match (held.record.fingerprint, claim.fingerprint) {
        (Some(stored), Some(asked)) if stored != asked => ClaimOutcome::Mismatch { stored },
        _ => ClaimOutcome::Committed(Committed {
            receipt: held.record.receipt.clone(),
            fingerprint: held.record.fingerprint,
            left_ms: held.left_ms,
        }),
    }
}

struct Counts {
    sequence: u64,
    attempts: u32,
    host_deaths: u32,
    died_alone: bool,
    /// An operator forgot the key, and it has had no other end since. Kept through claims and releases: whoever had the
    /// key before has lost it, also when an attempt of after has released it.
    forgotten: bool,
}

fn takeover(record: &Record, claim: &Claim, counts: Counts) -> (ClaimOutcome, Option<Write>) {
    if counts.host_deaths > claim.suspect_after && !claim.alone {
        return (ClaimOutcome::Suspect { host_deaths: counts.host_deaths }, None);
    }
    grant(claim, counts, &record.text)
}

fn grant(claim: &Claim, counts: Counts, first_error: &str) -> (ClaimOutcome, Option<Write>) {
    // Each by itself: a sum that met its end would leave a lease of nothing, once keep is taken off.
    let (lease_ms, keep_ms) = (claim.lease_ms.min(LONGEST_MS), claim.keep_ms.min(LONGEST_MS));
    let record = Record {
        state: State::Claimed,
        fence: Fence { sequence: counts.sequence, attempt: claim.attempt },
        attempts: counts.attempts,
        host_deaths: counts.host_deaths,
        keep_ms,
        fingerprint: claim.fingerprint,
        forgotten: counts.forgotten,
        alone: claim.alone,
        died_alone: counts.died_alone,
        origin: None,
        text: first_error.to_owned(),
        receipt: None,
    };
    let outcome = ClaimOutcome::First(granted(&record));
    (outcome, Some(Write { record, life_ms: lease_ms + keep_ms }))
}

fn granted(record: &Record) -> Granted {
    let Record { fence, attempts, host_deaths, died_alone, .. } = *record;
    Granted { fence, attempts, host_deaths, died_alone }
}

/// How the settlement of one key would end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyEnd {
    /// This is to be written.
    Apply {
        /// The record and its life.
        write: Box<Write>,
        /// A commit whose claim was gone.
        late: bool,
    },
    /// The same attempt has settled the key so already, or there is nothing left to release.
    Already,
    /// The fence is lost.
    Lost,
}

/// Decides the end of one key.
pub fn settle(stored: Option<&Held>, settle: &KeySettle, absent: Absent) -> KeyEnd {
    let Some(held) = stored else {
        return match (&settle.action, absent) {
            (Action::Release { .. }, _) => KeyEnd::Already,
            (_, Absent::Accept) => apply(None, settle, true),
            (_, Absent::Refuse) => KeyEnd::Lost,
        };
    };
    let record = &held.record;
    let ours = record.fence == settle.fence;
    let same_attempt = record.fence.attempt == settle.fence.attempt;
    match (record.state, &settle.action) {
        (State::Claimed, _) if ours => apply(Some(record), settle, false),
        (State::Released, Action::Release { .. }) if ours => KeyEnd::Already,
        // An attempt gave the key up, and nobody has taken it: a late end by an earlier attempt still holds.
        // An operator's forget is another thing: whoever had the key before has lost it.
        (State::Released, Action::Commit { .. } | Action::Die { .. }) if !record.forgotten => {
            apply(Some(record), settle, !ours)
        }
        // A late commit has a sequence of its own, so the attempt alone identifies a repetition.
        (State::Committed, Action::Commit { .. }) if same_attempt => KeyEnd::Already,
        (State::Dead, Action::Die { .. }) if same_attempt => KeyEnd::Already,
        _ => KeyEnd::Lost,
    }
}

/// Decides the end of a delivery, all of its keys or none: the answer, and what is to be written for it.
pub fn settle_all(
    settlement: &Settlement,
    mut load: impl FnMut(&Key) -> Result<Option<Held>, Unreadable>,
) -> (SettleOutcome, Vec<(&Key, Write)>) {
    let mut writes = Vec::with_capacity(settlement.keys.len());
    let mut late_keys = 0;
    for (index, settled) in settlement.keys.iter().enumerate() {
        let held = match load(&settled.key) {
            Ok(held) => held,
            Err(unreadable) => return (SettleOutcome::Unreadable(unreadable), Vec::new()),
        };
        match settle(held.as_ref(), settled, settlement.absent) {
            KeyEnd::Apply { write, late } => {
                late_keys += u32::from(late);
                writes.push((&settled.key, *write));
            }
            KeyEnd::Already => {}
            KeyEnd::Lost => return (SettleOutcome::Lost { key: index }, Vec::new()),
        }
    }
    (SettleOutcome::Applied { late: late_keys }, writes)
}

fn apply(stored: Option<&Record>, settle: &KeySettle, late: bool) -> KeyEnd {
    KeyEnd::Apply { write: Box::new(ended(stored, settle, late)), late }
}

/// What an end writes over a record, or where there is none.
pub(crate) fn ended(stored: Option<&Record>, settle: &KeySettle, late: bool) -> Write {
    // The sequence rises within a record's life also when an earlier attempt's commit comes late.
    let sequence = match stored {
        Some(record) if late => record.fence.sequence.saturating_add(1),
        _ => settle.fence.sequence,
    };
    let mut record = Record {
        state: State::Released,
        fence: Fence { sequence, attempt: settle.fence.attempt },
        attempts: stored.map_or(1, |record| record.attempts),
        host_deaths: stored.map_or(0, |record| record.host_deaths),
        keep_ms: 0,
        fingerprint: settle.fingerprint,
        forgotten: false,
        alone: false,
        died_alone: false,
        origin: None,
        text: String::new(),
        receipt: None,
    };
    let life_ms = match &settle.action {
        Action::Commit { receipt, window_ms } => {
            record.state = State::Committed;
            record.receipt.clone_from(receipt);
            *window_ms
        }
        Action::Release { failed, error, keep_ms } => {
            record.forgotten = stored.is_some_and(|record| record.forgotten);
            if !failed {
                record.attempts = record.attempts.saturating_sub(1);
            }
            let first = stored.map_or("", |record| record.text.as_str());
            record.text = clipped(if first.is_empty() { error } else { first }).to_owned();
            *keep_ms
        }
        Action::Die { reason, origin, window_ms } => {
            record.state = State::Dead;
            record.origin = Some(*origin);
            record.text = clipped(reason).to_owned();
            *window_ms
        }
    };
    Write { record, life_ms: life_ms.min(LONGEST_MS) }
}

/// What an operator's changes bear in place of an attempt: nobody's id, so that no attempt settles by it.
pub(crate) const OPERATOR: AttemptId = AttemptId::from_bytes([0; 16]);

/// Decides a forget: whatever the record was, a released one with a raised sequence takes its place.
pub fn forget(stored: Option<&Record>, expected: Option<Fence>, keep_ms: u64) -> (Forgotten, Option<Write>) {
    match stored {
        None => (Forgotten::Absent, None),
        Some(record) if expected.is_some_and(|fence| fence != record.fence) => {
            (Forgotten::Changed(record.fence), None)
        }
        Some(record) => (Forgotten::Done, Some(forgotten(record.fence.sequence.saturating_add(1), keep_ms))),
    }
}

/// Decides a commit by an operator's word.
pub fn commit_for(
    stored: Option<&Record>,
    expected: Option<Fence>,
    window_ms: u64,
) -> (Marked, Option<Write>) {
    let write = |record: Option<&Record>| Some(committed_for(record, window_ms));
    match stored {
        None if expected.is_some() => (Marked::Absent, None),
        None => (Marked::Done, write(None)),
        // Said again, because the reply was lost or by somebody else: it is what was asked for.
        Some(record) if record.state == State::Committed && record.fence.attempt == OPERATOR => {
            (Marked::Done, None)
        }
        Some(record) if record.state == State::Committed => (Marked::Committed(record.fence), None),
        Some(record) if expected.is_some_and(|fence| fence != record.fence) => {
            (Marked::Changed(record.fence), None)
        }
        Some(record) => (Marked::Done, write(Some(record))),
    }
}

/// The record that an operator's commit leaves. What it was claimed for stays with it: another payload under this
/// key is a mismatch as after any commit.
pub(crate) fn committed_for(stored: Option<&Record>, window_ms: u64) -> Write {
    let sequence = stored.map_or(1, |record| record.fence.sequence.saturating_add(1));
    let record = Record {
        state: State::Committed,
        attempts: stored.map_or(0, |record| record.attempts),
        host_deaths: stored.map_or(0, |record| record.host_deaths),
        fingerprint: stored.and_then(|record| record.fingerprint),
        forgotten: false,
        ..forgotten(sequence, 0).record
    };
    Write { record, life_ms: window_ms.min(LONGEST_MS) }
}

/// Decides a requeue. A dead letter bears the fence that its claim had; a death that came late has raised the
/// record's sequence since, so that here the attempt alone tells which death it is.
pub fn requeue(stored: Option<&Record>, fence: Fence, keep_ms: u64) -> (Requeued, Option<Write>) {
    let Some(record) = stored else { return (Requeued::Absent, None) };
    let Fence { sequence, attempt } = record.fence;
    match record.state {
        State::Dead if attempt == fence.attempt => {
            (Requeued::Done, Some(forgotten(sequence.saturating_add(1), keep_ms)))
        }
        // Done before, and no delivery has come since.
        State::Released if record.is_just_forgotten() && sequence >= fence.sequence => (Requeued::Done, None),
        state => (Requeued::Kept { state, fence: record.fence }, None),
    }
}

/// The record that a forget leaves: released, nobody's, with this sequence.
pub(crate) fn forgotten(sequence: u64, keep_ms: u64) -> Write {
    let record = Record {
        state: State::Released,
        fence: Fence { sequence, attempt: OPERATOR },
        attempts: 0,
        host_deaths: 0,
        keep_ms: 0,
        fingerprint: None,
        forgotten: true,
        alone: false,
        died_alone: false,
        origin: None,
        text: String::new(),
        receipt: None,
    };
    Write { record, life_ms: keep_ms.min(LONGEST_MS) }
}
