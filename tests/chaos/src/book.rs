//! The witness's book: what is between effect and mark, which faults struck meanwhile, and what was acknowledged.
//!
//! What explains that an effect is there twice must not explain too much. Each sending of an effect is covered by one
//! fault at most: by the first that struck between its sending and the reply to its mark, or else by the loss of its own
//! reply. Sent again, it is another copy and has to be covered again.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::asked::Ended;
use crate::fault::{Fault, Struck};
use crate::shape::Pipeline;
use crate::witness::{Ack, now_ms};

/// What is not marked after so long never will be: its host gave it up.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// After so long a replica has what it is to have, if nothing keeps it from it.
const REPLICATED_AFTER: Duration = Duration::from_secs(10);

/// Whose effects a fault can have kept from being marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nobody's.
    Nobody,
    /// One host's, that goes on.
    Host(u32),
    /// One host's, that does not.
    Dead(u32),
    /// Everybody's.
    All,
    /// Everybody's, and what was marked on one server only.
    Unreplicated,
}

impl Reach {
    fn is_of(self, host: u32) -> bool {
        match self {
            Reach::Nobody => false,
            Reach::Host(one) | Reach::Dead(one) => one == host,
            Reach::All | Reach::Unreplicated => true,
        }
    }

    /// Whether what was not sent yet may be sent after it, when it is another's.
    fn delays(self) -> bool {
        !matches!(self, Reach::Nobody | Reach::Dead(_))
    }
}

/// How far the ordered settle of an effect has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing will be looked at any more before it is sent.
    Checked,
    /// It was sent.
    Sent,
    /// Its mark was made, and its delivery not acknowledged; or, of a dead letter, it was acknowledged lately. Another
    /// server may know neither.
    Marked,
}

#[derive(Debug)]
struct Settling {
    stage: Stage,
    since: Instant,
    /// Which sending it was.
    sending: u64,
    /// Whether its host has heard that it was sent.
    heard: bool,
    /// Whether a fault covers the sending.
    covered: bool,
}

impl Settling {
    fn at(stage: Stage) -> Self {
        Self { stage, since: Instant::now(), sending: 0, heard: false, covered: false }
    }
}

/// A host, and the id of an effect, or of an entry that becomes a dead letter.
type Place = (u32, String);

/// All that is kept.
#[derive(Default)]
pub struct Book {
    settling: HashMap<Place, Settling>,
    sendings: u64,
    /// The faults, and those that still go on with whom they reach.
    pub struck: Vec<Struck>,
    open: Vec<(usize, Reach)>,
    /// All acknowledgements that were heard of, and the entries that they were of.
    pub acks: Vec<Ack>,
    pub acked: HashSet<(Pipeline, String)>,
    /// How many calls were not understood.
    pub strange: usize,
    /// Who has handled anything, and who was told that something is another's by now.
    pub at_work: HashSet<u32>,
    pub refused: HashSet<u32>,
    /// The keys of the ordered pipeline's entries, the entries that are to become dead letters, and who has which.
    keys: HashMap<String, Vec<String>>,
    dying: HashSet<String>,
    dying_by: HashMap<String, Vec<String>>,
    held: HashSet<Place>,
}

impl Book {
    /// A message of the ordered pipeline was sent: these are its keys.
    pub fn knows(&mut self, entry: &str, keys: &[String], dies: bool) {
        self.keys.insert(entry.to_owned(), keys.to_vec());
        if dies {
            self.dying.insert(entry.to_owned());
            for key in keys {
                self.dying_by.entry(Pipeline::Ordered.effect_of(key)).or_default().push(entry.to_owned());
            }
        }
    }

    /// A host was handed an entry.
    pub fn holds(&mut self, host: u32, entry: String) {
        for (index, _) in self.open.iter().filter(|(_, reach)| reach.is_of(host) && reach.delays()) {
            self.struck[*index].held.insert(entry.clone());
        }
        self.held.insert((host, entry));
    }

    /// A host has an entry no more.
    pub fn lets_go(&mut self, host: u32, entry: &str) {
        let place = (host, entry.to_owned());
        self.held.remove(&place);
        if let Some(letter) = self.settling.get_mut(&place) {
            *letter = Settling::at(Stage::Marked);
        }
    }

    /// The fence of an effect was looked at.
    pub fn is_checked(&mut self, host: u32, effect: &str) {
        let letters = self.letters_of(host, effect);
        for id in letters.into_iter().chain([effect.to_owned()]) {
            self.settling.entry((host, id)).or_insert(Settling::at(Stage::Checked));
        }
    }

    /// An effect will not be sent. What was sent before may still be on its way.
    pub fn is_dropped(&mut self, host: u32, effect: String) {
        for id in self.letters_of(host, &effect).into_iter().chain([effect]) {
            let place = (host, id);
            if self.settling.get(&place).is_some_and(|settling| settling.stage == Stage::Checked) {
                self.settling.remove(&place);
            }
        }
    }

    /// The entries that a host has and that become dead letters instead of this effect.
    fn letters_of(&self, host: u32, effect: &str) -> Vec<String> {
        let is_held = |entry: &&String| self.held.contains(&(host, (*entry).clone()));
        self.dying_by.get(effect).into_iter().flatten().filter(is_held).cloned().collect()
    }

    /// An effect is sent. Gives which sending it is.
    pub fn is_sent(&mut self, host: u32, id: &str) -> u64 {
        let place = (host, id.to_owned());
        self.sendings += 1;
        let mut settling = Settling { sending: self.sendings, ..Settling::at(Stage::Sent) };
        if let Some(before) = self.settling.remove(&place) {
            let was_sent = before.stage == Stage::Sent;
            // Covered before it was sent; or sent before, without its host hearing of it: then that is why.
            settling.covered = before.stage == Stage::Checked && before.covered;
            if was_sent && !before.covered && !before.heard {
                self.note_loss(host, vec![id.to_owned()]);
            }
        }
        self.settling.insert(place, settling);
        let reaching: Vec<usize> =
            self.open.iter().filter(|(_, reach)| reach.is_of(host)).map(|(index, _)| *index).collect();
        reaching.into_iter().for_each(|index| self.cover(index, host, id));
        self.sendings
    }

    /// The host has heard in time that this sending was done.
    pub fn is_heard(&mut self, host: u32, id: &str, sending: u64) {
        if let Some(settling) = self.settling.get_mut(&(host, id.to_owned()))
            && settling.sending == sending
        {
            settling.heard = true;
        }
    }

    /// The reply to these sendings does not reach the host any more, or too late.
    pub fn reply_is_lost(&mut self, host: u32, sent: &[(String, u64)]) {
        let mut lost = Vec::new();
        for (id, sending) in sent {
            if let Some(settling) = self.settling.get_mut(&(host, id.clone()))
                && settling.sending == *sending
                && !settling.covered
            {
                settling.covered = true;
                lost.push(id.clone());
            }
        }
        if !lost.is_empty() {
            self.note_loss(host, lost);
        }
    }

    fn note_loss(&mut self, host: u32, ids: Vec<String>) {
        let fault = Fault::of("reply_lost", host).about("append");
        let unmarked = ids.into_iter().collect();
        self.struck.push(Struck { unmarked, ..Struck::new(now_ms(), fault) });
    }

    /// An effect is marked, if it was done in time.
    pub fn is_marked(&mut self, host: u32, effect: String, is_good: bool) {
        let place = (host, effect);
        if is_good && self.settling.contains_key(&place) {
            self.settling.insert(place, Settling::at(Stage::Marked));
        } else {
            self.settling.remove(&place);
        }
    }

    /// Who acknowledges has the number of replicas that it waits for.
    pub fn is_replicated(&mut self, host: u32, ended: &[Ended]) {
        let ours = |ended: &&Ended| Pipeline::of_stream(ended.stream.as_bytes()) == Some(Pipeline::Ordered);
        for ended in ended.iter().filter(ours) {
            for key in self.keys.get(&ended.entry).into_iter().flatten() {
                self.settling.remove(&(host, Pipeline::Ordered.effect_of(key)));
            }
        }
    }

    /// A host was told that an entry is acknowledged.
    pub fn is_acked(&mut self, host: u32, ended: Ended) {
        let Some(pipeline) = Pipeline::of_stream(ended.stream.as_bytes()) else { return };
        self.acked.insert((pipeline, ended.entry.clone()));
        self.acks.push(Ack { ms: now_ms(), host, pipeline, entry: ended.entry });
    }

    /// How far a host has come with an effect.
    pub fn stage(&self, host: u32, effect: String) -> Option<Stage> {
        self.settling.get(&(host, effect)).map(|settling| settling.stage)
    }

    /// All faults. Of what a host had, what becomes a dead letter is told.
    pub fn faults(&self) -> Vec<Struck> {
        let mut struck = self.struck.clone();
        for struck in &mut struck {
            struck.held.retain(|entry| self.dying.contains(entry));
        }
        struck
    }

    /// A fault strikes; gives its place.
    pub fn strikes(&mut self, fault: Fault, reach: Reach) -> usize {
        let index = self.struck.len();
        self.struck.push(Struck::new(now_ms(), fault));
        self.cover_all(index, reach);
        self.open.push((index, reach));
        index
    }

    /// A fault is over.
    pub fn ends(&mut self, index: usize) {
        self.open.retain(|(open, _)| *open != index);
    }

    /// A host is gone: nothing of it is on its way any more. What it has marked may still be forgotten by another server.
    pub fn is_gone(&mut self, host: u32) {
        self.settling.retain(|(whose, _), settling| *whose != host || settling.stage == Stage::Marked);
        self.held.retain(|(whose, _)| *whose != host);
        self.open.retain(|(_, reach)| *reach != Reach::Dead(host));
    }

    /// Notes all that is between effect and mark, as far as a fault reaches.
    fn cover_all(&mut self, index: usize, reach: Reach) {
        self.settling.retain(|_, settling| settling.since.elapsed() < FORGOTTEN_AFTER);
        if reach.delays() {
            // What becomes a dead letter without a claim has no fence that would be looked at before it is sent.
            let held =
                self.held.iter().filter(|(host, _)| reach.is_of(*host)).map(|(_, entry)| entry.clone());
            self.struck[index].held = held.collect();
        }
        let unmarked = |settling: &Settling| match settling.stage {
            Stage::Checked => reach.delays(),
            Stage::Sent => true,
            Stage::Marked => reach == Reach::Unreplicated && settling.since.elapsed() < REPLICATED_AFTER,
        };
        let found =
            self.settling.iter().filter(|((host, _), settling)| reach.is_of(*host) && unmarked(settling));
        let places: Vec<Place> = found.map(|(place, _)| place.clone()).collect();
        places.into_iter().for_each(|(host, id)| self.cover(index, host, &id));
    }

    /// Notes an effect, unless a fault that struck before covers what was sent.
    fn cover(&mut self, index: usize, host: u32, id: &str) {
        let Some(settling) = self.settling.get_mut(&(host, id.to_owned())) else { return };
        if !settling.covered {
            settling.covered = self.struck[index].unmarked.insert(id.to_owned());
        }
    }
}
