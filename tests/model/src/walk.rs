//! Walks: what a store is asked and answers, by the very [transitions](crate::record) that the searches take.
//!
//! A walk is two keys, three attempts, an operator and a clock, without hosts and networks: each step is one call of a
//! store with the answer that the model gives. Played against the real stores, walks tie the model to the code.

use std::collections::HashMap;

use crate::config::KEYS;
use crate::mutation::Lacking;
use crate::record::{self, Answer, Ask, End, Judged, NOBODY, Record, Requeued, Settle, Stage};

/// How long a lease is, in ticks of a walk's clock.
pub const LEASE: u8 = 1;
/// How long a keep is.
pub const KEEP: u8 = 3;
/// How long a window is.
pub const WINDOW: u8 = 5;
/// After how many host deaths a key is a suspect.
pub const SUSPECT_AFTER: u8 = 1;
/// How many attempts there are; their ids begin with 1.
pub const ATTEMPTS: u8 = 3;
/// A sequence that nobody was ever given.
pub const NEVER: u8 = 200;
/// The highest sequence that the search for all kinds of steps goes to.
const HIGHEST: u8 = 4;

/// The fingerprint of an attempt's payload: the last one has another.
pub fn print_of(attempt: u8) -> u8 {
    if attempt == ATTEMPTS { 2 } else { 1 }
}

/// What is asked of a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// An attempt asks for a key.
    Claim {
        /// Which attempt.
        attempt: u8,
        /// Which key.
        key: usize,
        /// It runs alone.
        alone: bool,
    },
    /// An attempt ends, with each key by the fence that it was given last.
    Settle {
        /// Which attempt.
        attempt: u8,
        /// Its keys, and what becomes of each.
        ends: Vec<(usize, u8, Kept)>,
        /// Its outputs are out.
        accept_absent: bool,
    },
    /// An operator forgets a key, if it bears the fence that this attempt was given.
    Forget {
        /// Which key.
        key: usize,
        /// Whose fence it must bear, if it must.
        attempt: Option<u8>,
    },
    /// An operator requeues the dead letter of an attempt.
    Requeue {
        /// Which key.
        key: usize,
        /// Whose letter.
        attempt: u8,
    },
    /// A tick of the clock.
    Tick,
}

/// What becomes of a key, as a call says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// Committed.
    Commit,
    /// Released; whether an attempt is used up.
    Release(bool),
    /// Dead, over the delivery of the attempt's own number.
    Die,
}

/// What a store must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// To a claim; with what is left of a lease or a window, in ticks.
    Claimed(Answer, u8),
    /// To a settle: how many keys were late.
    Applied(u8),
    /// To a settle: the place of the first key whose fence is lost.
    Lost(usize),
    /// To an operator: it is done.
    Done,
    /// There is no such record.
    Absent,
    /// The record is another one, and stays.
    Kept(Record),
    /// To a tick: nothing.
    Nothing,
}

/// A step of a walk.
#[derive(Debug, Clone)]
pub struct Step {
    /// What is asked.
    pub call: Call,
    /// The fences that were shown, by key: what each attempt was given last.
    pub shown: [u8; KEYS],
    /// What must be answered.
    pub reply: Reply,
    /// What the store must hold afterwards, and for how many ticks.
    pub left: [Option<(Record, u8)>; KEYS],
}

/// A store as the model has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Shelf {
    held: [Option<(Record, u8)>; KEYS],
    /// The sequence that each attempt was given last for each key.
    given: [[u8; KEYS]; ATTEMPTS as usize],
}

impl Shelf {
    /// Asks it.
    pub fn ask(&mut self, call: &Call) -> Step {
        let mut shown = [NEVER; KEYS];
        let reply = match call {
            Call::Claim { attempt, key, alone } => self.claim(*attempt, *key, *alone),
            Call::Settle { attempt, ends, accept_absent } => {
                shown = self.fences(*attempt);
                self.settle(*attempt, ends, *accept_absent)
            }
            Call::Forget { key, attempt } => {
                attempt.iter().for_each(|attempt| shown = self.fences(*attempt));
                self.forget(*key, *attempt)
            }
            Call::Requeue { key, attempt } => {
                shown = self.fences(*attempt);
                self.requeue(*key, *attempt)
            }
            Call::Tick => self.tick(),
        };
        Step { call: call.clone(), shown, reply, left: self.held }
    }

    fn record(&self, key: usize) -> Option<Record> {
        self.held[key].map(|(record, _)| record)
    }

    /// The sequences that an attempt shows: those that it was given last.
    fn fences(&self, attempt: u8) -> [u8; KEYS] {
        self.given[usize::from(attempt - 1)].map(|seq| if seq == 0 { NEVER } else { seq })
    }

    fn claim(&mut self, attempt: u8, key: usize, alone: bool) -> Reply {
        let ask = Ask { by: attempt, print: print_of(attempt), alone, suspect_after: SUSPECT_AFTER };
        let answer = record::claim(self.record(key), ask, Lacking::NOTHING);
        let left = self.held[key].map_or(0, |(_, left)| left);
        if let Answer::First(record) = answer {
            self.held[key] = Some((record, LEASE + KEEP));
            self.given[usize::from(attempt - 1)][key] = record.seq;
        }
        let left = if answer == Answer::InFlight { left.saturating_sub(KEEP) } else { left };
        Reply::Claimed(answer, left)
    }

    fn settle(&mut self, attempt: u8, ends: &[(usize, u8, Kept)], accept_absent: bool) -> Reply {
        let fences = self.fences(attempt);
        let (mut writes, mut late_keys) = (Vec::new(), 0);
        for (place, (key, print, kept)) in ends.iter().enumerate() {
            let (end, life) = match kept {
                Kept::Commit => (End::Commit, WINDOW),
                Kept::Release(failed) => (End::Release { failed: *failed }, KEEP),
                Kept::Die => (End::Die { origin: attempt }, WINDOW),
            };
            let asked = Settle { seq: fences[*key], by: attempt, print: *print, end, accept_absent };
            match record::settle(self.record(*key), asked, Lacking::NOTHING) {
                Judged::Write { record, late } => {
                    late_keys += u8::from(late);
                    writes.push((*key, record, life));
                }
                Judged::Already => {}
                Judged::Lost => return Reply::Lost(place),
            }
        }
        writes.into_iter().for_each(|(key, record, life)| self.held[key] = Some((record, life)));
        Reply::Applied(late_keys)
    }

    fn forget(&mut self, key: usize, attempt: Option<u8>) -> Reply {
        let Some(found) = self.record(key) else { return Reply::Absent };
        let bears = |attempt: u8| found.by == attempt && found.seq == self.fences(attempt)[key];
        if attempt.is_some_and(|attempt| !bears(attempt)) {
            return Reply::Kept(found);
        }
        self.held[key] = record::forget(Some(found), Lacking::NOTHING).map(|record| (record, KEEP));
        Reply::Done
    }

    fn requeue(&mut self, key: usize, attempt: u8) -> Reply {
        let found = self.record(key);
        let seq = self.fences(attempt)[key];
        match (record::requeue(found, seq, attempt, Lacking::NOTHING), found) {
            (Requeued::Done(record), _) => {
                self.held[key] = Some((record, KEEP));
                Reply::Done
            }
            (Requeued::Before, _) => Reply::Done,
            (Requeued::Kept, Some(found)) => Reply::Kept(found),
            (Requeued::Kept | Requeued::Absent, _) => Reply::Absent,
        }
    }

    fn tick(&mut self) -> Reply {
        for held in &mut self.held {
            let Some((record, left)) = held else { continue };
            *left -= 1;
            if let Stage::Claimed { lapsed } = &mut record.stage {
                *lapsed = *left <= KEEP;
            }
            if *left == 0 {
                *held = None;
            }
        }
        Reply::Nothing
    }
}

/// What kind of step it is: what the record was to whoever asks, what was asked, and what came of it.
type KindOf = (&'static str, &'static str, &'static str);

fn kind_of(before: &Shelf, step: &Step) -> KindOf {
    let (key, by, asked) = match &step.call {
        Call::Claim { attempt, key, alone } => {
            (*key, *attempt, if *alone { "claims alone" } else { "claims" })
        }
        Call::Settle { attempt, ends, accept_absent } => match ends.first() {
            Some((key, _, Kept::Commit)) if *accept_absent => (*key, *attempt, "commits what is out"),
            Some((key, _, Kept::Commit)) => (*key, *attempt, "commits"),
            Some((key, _, Kept::Release(true))) => (*key, *attempt, "releases as failed"),
            Some((key, _, Kept::Release(false))) => (*key, *attempt, "releases"),
            Some((key, _, Kept::Die)) => (*key, *attempt, "dies"),
            None => (0, *attempt, "settles nothing"),
        },
        Call::Forget { key, attempt: Some(attempt) } => (*key, *attempt, "is forgotten by its fence"),
        Call::Forget { key, attempt: None } => (*key, NOBODY, "is forgotten"),
        Call::Requeue { key, attempt } => (*key, *attempt, "is requeued"),
        Call::Tick => (0, NOBODY, "gets older"),
    };
    (stage_of(before, key, by), asked, came_of(&step.reply))
}

fn stage_of(shelf: &Shelf, key: usize, by: u8) -> &'static str {
    let Some(record) = shelf.record(key) else { return "an absent key" };
    let bears = by != NOBODY && record.by == by && record.seq == shelf.fences(by)[key];
    match (record.stage, bears) {
        (Stage::Claimed { lapsed: false }, true) => "its own claim",
        (Stage::Claimed { lapsed: false }, false) => "another's claim",
        (Stage::Claimed { lapsed: true }, true) => "its own lapsed claim",
        (Stage::Claimed { lapsed: true }, false) => "another's lapsed claim",
        (Stage::Released, _) if record.forgotten && record.by == NOBODY => "a forgotten key",
        (Stage::Released, _) if record.forgotten => "a key released after it was forgotten",
        (Stage::Released, true) => "a key that it released",
        (Stage::Released, false) => "a released key",
        (Stage::Committed, true) => "its own commit",
        (Stage::Committed, false) => "another's commit",
        (Stage::Dead { .. }, true) => "its own dead key",
        (Stage::Dead { .. }, false) => "another's dead key",
    }
}

fn came_of(reply: &Reply) -> &'static str {
    match reply {
        Reply::Claimed(Answer::First(record), _) if record.died_alone => "is had, its host died alone",
        Reply::Claimed(Answer::First(_), _) => "is had",
        Reply::Claimed(Answer::Owned(_), _) => "is owned",
        Reply::Claimed(Answer::InFlight, _) => "is in flight",
        Reply::Claimed(Answer::Committed, _) => "is a duplicate",
        Reply::Claimed(Answer::Mismatch, _) => "is a mismatch",
        Reply::Claimed(Answer::Dead { .. }, _) => "is dead",
        Reply::Claimed(Answer::Suspect { .. }, _) => "is a suspect",
        Reply::Applied(0) => "is applied",
        Reply::Applied(_) => "is applied late",
        Reply::Lost(_) => "is lost",
        Reply::Done => "is done",
        Reply::Absent => "is absent",
        Reply::Kept(_) => "is kept",
        Reply::Nothing => "nothing",
    }
}

/// Every call that can be made about the first key.
fn calls() -> Vec<Call> {
    let mut calls = vec![Call::Tick, Call::Forget { key: 0, attempt: None }];
    for attempt in 1..=ATTEMPTS {
        calls.extend([false, true].map(|alone| Call::Claim { attempt, key: 0, alone }));
        for kept in [Kept::Commit, Kept::Release(true), Kept::Release(false), Kept::Die] {
            for accept_absent in [false, true] {
                let ends = vec![(0, print_of(attempt), kept)];
                calls.push(Call::Settle { attempt, ends, accept_absent });
            }
        }
        calls.push(Call::Forget { key: 0, attempt: Some(attempt) });
        calls.push(Call::Requeue { key: 0, attempt });
    }
    calls
}

/// For every kind of step that the model knows, from every kind of record, a shortest walk that ends with it: from a
/// search through all that can become of one key, with sequences up to four.
pub fn covering() -> Vec<(String, Vec<Step>)> {
    let calls = calls();
    let mut shelves = vec![(Shelf::default(), None::<(usize, usize)>)];
    let mut known = HashMap::from([(Shelf::default(), 0)]);
    let mut kinds: HashMap<KindOf, ()> = HashMap::new();
    let mut walks = Vec::new();
    let mut next = 0;
    while next < shelves.len() {
        let before = shelves[next].0;
        for (number, call) in calls.iter().enumerate() {
            let mut after = before;
            let kind = kind_of(&before, &after.ask(call));
            if kinds.insert(kind, ()).is_none() {
                let (found, asked, came) = kind;
                walks.push((format!("{found} {asked}: {came}"), walk_to(&shelves, &calls, next, number)));
            }
            let rests = after.held[0].is_some_and(|(record, _)| record.seq > HIGHEST);
            if !rests && !known.contains_key(&after) {
                known.insert(after, shelves.len());
                shelves.push((after, Some((next, number))));
            }
        }
        next += 1;
    }
    walks
}

/// The calls that lead to a shelf, and one more.
fn walk_to(shelves: &[(Shelf, Option<(usize, usize)>)], calls: &[Call], to: usize, last: usize) -> Vec<Step> {
    let mut numbers = vec![last];
    let mut at = to;
    while let Some((from, number)) = shelves[at].1 {
        numbers.push(number);
        at = from;
    }
    let mut shelf = Shelf::default();
    numbers.iter().rev().map(|number| shelf.ask(&calls[*number])).collect()
}

/// A walk of so many steps over both keys, drawn from a seed.
pub fn random(seed: u64, steps: usize) -> Vec<Step> {
    let mut draw = Draw(seed);
    let mut shelf = Shelf::default();
    let mut walk = Vec::with_capacity(steps);
    while walk.len() < steps {
        let call = draw.call();
        let mut after = shelf;
        let step = after.ask(&call);
        // So that a sequence has room in the model's small numbers.
        if after.held.iter().flatten().all(|(record, _)| record.seq < NEVER) {
            shelf = after;
            walk.push(step);
        }
    }
    walk
}

/// Numbers from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn call(&mut self) -> Call {
        let attempt = self.below(u64::from(ATTEMPTS)) as u8 + 1;
        let key = self.below(KEYS as u64) as usize;
        match self.below(20) {
            0..8 => Call::Claim { attempt, key, alone: self.below(3) == 0 },
            8..14 => {
                let count = self.below(3) as usize;
                let keys = (0..count).map(|place| (key + place) % KEYS);
                let ends = keys.map(|key| (key, print_of(attempt), self.kept())).collect();
                Call::Settle { attempt, ends, accept_absent: self.below(4) == 0 }
            }
            14 => Call::Forget { key, attempt: (self.below(2) == 0).then_some(attempt) },
            15 => Call::Requeue { key, attempt },
            _ => Call::Tick,
        }
    }

    fn kept(&mut self) -> Kept {
        match self.below(6) {
            0..3 => Kept::Commit,
            3 => Kept::Release(true),
            4 => Kept::Release(false),
            _ => Kept::Die,
        }
    }
}
