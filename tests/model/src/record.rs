//! A record's life: what a claim, a settle, an operator and time make of what the store holds for one key.
//!
//! Functions without a clock and without a network. What [`walk`](crate::walk) plays against the real stores are
//! these, so that the model is searched with the same transitions that the stores are held to.

use crate::mutation::{Lacking, Mutation};

/// What the store holds for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// Where in its life it is.
    pub stage: Stage,
    /// The sequence of its fence.
    pub seq: u8,
    /// The attempt of its fence; [`NOBODY`] if no living attempt bears that id, or an operator wrote it.
    pub by: u8,
    /// Attempts that the handler used up.
    pub attempts: u8,
    /// Attempts that nobody ended, because their host died.
    pub deaths: u8,
    /// The claim was taken by a delivery that ran alone.
    pub alone: bool,
    /// The attempt before was alone, too, and its host died.
    pub died_alone: bool,
    /// Of which payload it is; zero if none is bound.
    pub print: u8,
    /// An operator forgot it, and it has not been committed since: who had the key before is to settle it no more.
    pub forgotten: bool,
}

/// The id of attempts that nobody waits for any more, and of an operator. Ids are drawn at random and never used
/// again, so that all of these are one.
pub const NOBODY: u8 = 0;

/// Where in its life a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Somebody has the right to settle the key.
    Claimed {
        /// The store's clock says that the lease is over.
        lapsed: bool,
    },
    /// Whoever comes may try.
    Released,
    /// The effect happened.
    Committed,
    /// Given up.
    Dead {
        /// The delivery that died.
        origin: u8,
    },
}

/// Who asks for a key, and how.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The attempt.
    pub by: u8,
    /// Over its payload.
    pub print: u8,
    /// It runs alone in its host.
    pub alone: bool,
    /// Beyond so many host deaths only such a one may have the key.
    pub suspect_after: u8,
}

/// What a claim is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The key is the asker's from now on; the record is what the store writes.
    First(Record),
    /// It was already: a reply was lost.
    Owned(Record),
    /// Somebody else's.
    InFlight,
    /// The effect happened.
    Committed,
    /// It happened for another payload.
    Mismatch,
    /// Given up, over this delivery.
    Dead {
        /// Which.
        origin: u8,
    },
    /// Only for somebody who runs alone.
    Suspect {
        /// After so many host deaths.
        deaths: u8,
    },
}

/// Answers a claim.
pub fn claim(stored: Option<Record>, ask: Ask, lacking: Lacking) -> Answer {
    let Some(record) = stored else {
        return grant(
            ask,
            Counts { seq: 1, attempts: 1, deaths: 0, died_alone: false, forgotten: false },
            lacking,
        );
    };
    let Record { attempts, deaths, forgotten, .. } = record;
    let mut counts = Counts { seq: record.seq + 1, attempts, deaths, died_alone: false, forgotten };
    match record.stage {
        Stage::Committed if record.print != ask.print && record.print != 0 && ask.print != 0 => {
            return Answer::Mismatch;
        }
        Stage::Committed => return Answer::Committed,
        Stage::Dead { origin } => return Answer::Dead { origin },
        Stage::Claimed { .. } if record.by == ask.by => {
            return if lacking.has(Mutation::Row10) { Answer::Committed } else { Answer::Owned(record) };
        }
        Stage::Claimed { lapsed: false } => return Answer::InFlight,
        Stage::Claimed { lapsed: true } if lacking.has(Mutation::Row31) => {}
        // Its host died, which is no fault of the handler's.
        Stage::Claimed { lapsed: true } => {
            counts.deaths += 1;
            counts.died_alone = record.alone && counts.deaths > ask.suspect_after;
        }
        Stage::Released => counts.attempts += 1,
    }
    if counts.deaths > ask.suspect_after && !ask.alone {
        return Answer::Suspect { deaths: counts.deaths };
    }
    grant(ask, counts, lacking)
}

struct Counts {
    seq: u8,
    attempts: u8,
    deaths: u8,
    died_alone: bool,
    forgotten: bool,
}

fn grant(ask: Ask, counts: Counts, lacking: Lacking) -> Answer {
    let Counts { seq, attempts, deaths, died_alone, forgotten } = counts;
    let stage = if lacking.has(Mutation::Row2) { Stage::Committed } else { Stage::Claimed { lapsed: false } };
    let Ask { by, print, alone, .. } = ask;
    Answer::First(Record { stage, seq, by, attempts, deaths, alone, died_alone, print, forgotten })
}

/// What an attempt asks for at its end, under the fence that it was given.
#[derive(Debug, Clone, Copy)]
pub struct Settle {
    /// The fence's sequence.
    pub seq: u8,
    /// The fence's attempt.
    pub by: u8,
    /// Over its payload.
    pub print: u8,
    /// What becomes of the key.
    pub end: End,
    /// Outputs are out already, so that a mark is taken even where the record is gone.
    pub accept_absent: bool,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The effect happened.
    Commit,
    /// Somebody else may try.
    Release {
        /// The handler used up an attempt.
        failed: bool,
    },
    /// Nobody shall try again.
    Die {
        /// Over which delivery.
        origin: u8,
    },
}

/// What a settle is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// This is written.
    Write {
        /// Over what there was.
        record: Record,
        /// The claim was gone.
        late: bool,
    },
    /// The same attempt did so before, or there is nothing to release.
    Already,
    /// Somebody else's by now: nothing is done.
    Lost,
}

/// Judges the end of one key.
pub fn settle(stored: Option<Record>, asked: Settle, lacking: Lacking) -> Judged {
    let releases = matches!(asked.end, End::Release { .. });
    let Some(record) = stored else {
        return match asked.accept_absent || lacking.has(Mutation::Rule11Absent) {
            _ if releases => Judged::Already,
            true => Judged::Write { record: ended(None, asked, true), late: true },
            false => Judged::Lost,
        };
    };
    let same_attempt = record.by == asked.by;
    let bears = if lacking.has(Mutation::Row9) {
        record.seq == asked.seq
    } else {
        record.seq == asked.seq && same_attempt
    };
    let write = |late| Judged::Write { record: ended(stored, asked, late), late };
    match (record.stage, asked.end) {
        (Stage::Claimed { .. }, End::Release { .. }) if lacking.has(Mutation::Row7) => write(false),
        (Stage::Claimed { .. }, End::Commit) if lacking.has(Mutation::Row5) => write(false),
        (Stage::Claimed { lapsed: true }, End::Commit) if lacking.has(Mutation::Row6) => Judged::Lost,
        (Stage::Claimed { .. }, _) if bears => write(false),
        (Stage::Released, End::Release { .. }) if bears => Judged::Already,
        (Stage::Released, End::Commit | End::Die { .. })
            if !record.forgotten || lacking.has(Mutation::Rule11Forgotten) =>
        {
            write(!bears)
        }
        (Stage::Committed, End::Commit) if same_attempt && !lacking.has(Mutation::Row11) => Judged::Already,
        (Stage::Dead { .. }, End::Die { .. }) if same_attempt => Judged::Already,
        _ => Judged::Lost,
    }
}

fn ended(stored: Option<Record>, asked: Settle, late: bool) -> Record {
    let seq = match stored {
        Some(record) if late => record.seq + 1,
        _ => asked.seq,
    };
    let mut attempts = stored.map_or(1, |record| record.attempts);
    let stage = match asked.end {
        End::Commit => Stage::Committed,
        End::Die { origin } => Stage::Dead { origin },
        End::Release { failed } => {
            attempts = if failed { attempts } else { attempts.saturating_sub(1) };
            Stage::Released
        }
    };
    let deaths = stored.map_or(0, |record| record.deaths);
    let forgotten = stage == Stage::Released && stored.is_some_and(|record| record.forgotten);
    let Settle { by, print, .. } = asked;
    Record { stage, seq, by, attempts, deaths, alone: false, died_alone: false, print, forgotten }
}

/// What a forget leaves: a released record that says who released it, with a raised sequence.
pub fn forget(stored: Option<Record>, lacking: Lacking) -> Option<Record> {
    let record = stored?;
    if lacking.has(Mutation::Rule19Absent) {
        return None;
    }
    Some(Record {
        stage: Stage::Released,
        seq: record.seq + 1,
        by: NOBODY,
        attempts: 0,
        deaths: 0,
        alone: false,
        died_alone: false,
        print: 0,
        forgotten: true,
    })
}

/// What comes of a requeue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeued {
    /// The key may be claimed again; this is written.
    Done(Record),
    /// That was done before.
    Before,
    /// There is no record.
    Absent,
    /// Another record, which stays.
    Kept,
}

/// Clears the record that a dead letter's claim left, and no other one.
pub fn requeue(stored: Option<Record>, seq: u8, by: u8, lacking: Lacking) -> Requeued {
    let Some(record) = stored else { return Requeued::Absent };
    let cleared = |record| forget(Some(record), Lacking::NOTHING).map_or(Requeued::Absent, Requeued::Done);
    match record.stage {
        Stage::Dead { .. } if record.by == by => cleared(record),
        _ if lacking.has(Mutation::Rule14Requeue) => cleared(record),
        Stage::Released if record.forgotten && record.by == NOBODY && record.seq >= seq => Requeued::Before,
        _ => Requeued::Kept,
    }
}
