//! What the simulation knows for certain of effects, marks and acknowledgements, as hosts cannot.

use std::collections::{BTreeMap, BTreeSet};

use oncegate_dedup::{Fingerprint, Key, Namespace, Record, State};

use crate::counts::Met;
use crate::encoder::Out;
use crate::plan::{Body, BodyEnd, Line, Plan, Shape};
use crate::stream::Entry;
use crate::world::World;

/// What all keys are in.
pub const NAMESPACE: &str = "sim";

/// What is known for certain.
#[derive(Debug)]
pub struct Facts {
    keys: BTreeMap<u32, Key>,
    effects: BTreeMap<String, Effect>,
    /// When a host had its fences checked last.
    checked: BTreeMap<(usize, Key), u64>,
    /// When a process was granted a key last.
    granted: BTreeMap<(usize, u64, Key), u64>,
    /// Keys whose marks a server forgot.
    pub lost_marks: BTreeSet<Key>,
    /// Keys whose records were taken away by something that no host did.
    excused: BTreeSet<Key>,
    /// Which other keys some message names with a key.
    together: BTreeMap<Key, BTreeSet<Key>>,
    /// Keys that an operator forgot, and how often.
    pub forgotten: BTreeMap<Key, u32>,
    /// How often the handler of a body still fails.
    fails_left: Vec<u32>,
    prints: Vec<Option<Fingerprint>>,
    /// What must not be, in words.
    pub violations: Vec<String>,
}

/// What became of an output outside a transaction.
#[derive(Debug)]
struct Effect {
    key: Option<Key>,
    host: usize,
    life: u64,
    at_us: u64,
    marked: bool,
    /// Something went wrong between the effect and its mark, or the mark was lost.
    excused: bool,
}

/// Which process appends.
#[derive(Debug, Clone, Copy)]
pub struct By {
    pub host: usize,
    pub life: u64,
    /// It died after it sent what is appended.
    pub is_dead: bool,
}

/// The payload of a message.
pub fn payload(body: usize) -> Vec<u8> {
    format!("body {body}").into_bytes()
}

/// Which body a payload is of.
pub fn body_of(payload: &[u8]) -> Option<usize> {
    std::str::from_utf8(payload).ok()?.strip_prefix("body ")?.parse().ok()
}

/// What a key is called.
pub fn key_name(key: u32) -> String {
    format!("k{key}")
}

/// The text of an output: of which body, which key (none: 0), which of its outputs.
pub fn effect_text(body: usize, key: Option<u32>, index: u32) -> String {
    format!("{body} {} {index}", key.map_or(0, |key| key + 1))
}

/// What stands in the text of an output.
pub fn effect_of(text: &str) -> Option<(usize, Option<u32>, u32)> {
    let mut parts = text.split(' ');
    let body = parts.next()?.parse().ok()?;
    let key: u32 = parts.next()?.parse().ok()?;
    Some((body, key.checked_sub(1), parts.next()?.parse().ok()?))
}

/// The id of an output that a message has for a key.
pub fn effect_id(key: Option<u32>, message: usize, index: u32) -> String {
    match key {
        Some(key) => format!("{NAMESPACE}/k/{}/{index}", key_name(key)),
        None => format!("{NAMESPACE}/m/m{message}/{index}"),
    }
}

impl Facts {
    /// Nothing has happened yet.
    pub fn new(plan: &Plan) -> Self {
        let namespace = Namespace::new(NAMESPACE).expect("it is a namespace");
        let named = plan.bodies.iter().flat_map(|body| body.keys.iter().copied()).chain([0]);
        let keys = named.map(|key| (key, Key::new(&namespace, key_name(key).as_bytes()))).collect();
        let key = |key: &u32| Key::new(&namespace, key_name(*key).as_bytes());
        let mut together: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
        for body in &plan.bodies {
            let all: Vec<Key> = body.keys.iter().map(key).collect();
            all.iter().for_each(|key| together.entry(key.clone()).or_default().extend(all.iter().cloned()));
        }
        let fails = |body: &Body| match body.end {
            BodyEnd::Fails(times) => times,
            BodyEnd::AlwaysFails => u32::MAX,
            BodyEnd::Commits | BodyEnd::Rejects => 0,
        };
        Self {
            keys,
            effects: BTreeMap::new(),
            checked: BTreeMap::new(),
            granted: BTreeMap::new(),
            lost_marks: BTreeSet::new(),
            excused: BTreeSet::new(),
            together,
            forgotten: BTreeMap::new(),
            fails_left: plan.bodies.iter().map(fails).collect(),
            prints: (0..plan.bodies.len())
                .map(|body| plan.policy.fingerprint.then(|| Fingerprint::of(&payload(body))))
                .collect(),
            violations: Vec::new(),
        }
    }

    /// A key by its number.
    pub fn key(&self, key: u32) -> Key {
        self.keys[&key].clone()
    }

    /// Something must not be.
    pub fn violated(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Whether a body's handler fails this time.
    pub fn fails(&mut self, body: usize) -> bool {
        let left = &mut self.fails_left[body];
        let fails = *left > 0;
        if *left != u32::MAX {
            *left = left.saturating_sub(1);
        }
        fails
    }

    /// One record takes another's place.
    pub fn followed(&mut self, key: &Key, before: Option<&Record>, after: &Record) {
        let Some(before) = before else { return };
        if before.state == State::Committed && after.state != State::Committed {
            self.violated(format!(
                "RECORD: the committed record of {} became {}",
                key.name(),
                after.state.word()
            ));
        }
        let rises = match after.state {
            State::Claimed => after.fence.sequence > before.fence.sequence,
            _ => after.fence.sequence >= before.fence.sequence,
        };
        if !rises {
            self.violated(format!("RECORD: the sequence of {} did not rise", key.name()));
        }
        if before.state == State::Claimed && after.state == State::Committed {
            let same = before.fence.attempt == after.fence.attempt;
            if !same {
                self.violated(format!(
                    "RECORD: {} was committed by an attempt that did not hold it",
                    key.name()
                ));
            }
        }
    }

    /// A process was granted a key.
    pub fn granted(&mut self, host: usize, life: u64, key: &Key, now_us: u64) {
        self.granted.insert((host, life, key.clone()), now_us);
    }

    /// A process begins an output, for which its claim has to hold a while longer (rule 3).
    pub fn begun(&mut self, out: &Out, host: usize, life: u64, now_us: u64, hold_us: u64) {
        let Some(key) = effect_of(&out.text).and_then(|(_, key, _)| key) else { return };
        let granted = self.granted.get(&(host, life, self.key(key)));
        if granted.is_some_and(|granted_us| now_us > granted_us + hold_us) {
            self.violated(format!("LATE: host {host} begins {} when its claim is nearly over", out.id));
        }
    }

    /// A host had its fences checked.
    pub fn checked(&mut self, host: usize, key: &Key, now_us: u64) {
        self.checked.insert((host, key.clone()), now_us);
    }

    /// An output was appended. `faults` says when something went wrong last with each host.
    pub fn appended(&mut self, out: &Out, by: By, now_us: u64, faults: &[Option<u64>]) {
        let By { host, life, is_dead } = by;
        let key = effect_of(&out.text).and_then(|(_, key, _)| key).map(|key| self.key(key));
        let concerned = |host: usize, since_us: u64| faults[host].is_some_and(|at_us| at_us >= since_us);
        // Between the check of this host's fences and its output, or between the first output and its mark.
        let checked = key.as_ref().and_then(|key| self.checked.get(&(host, key.clone())));
        let late = is_dead || checked.is_some_and(|checked_us| concerned(host, *checked_us));
        if let Some(before) = self.effects.get_mut(&out.id) {
            before.excused |= late || (!before.marked && concerned(before.host, before.at_us));
            return;
        }
        let effect = Effect { key, host, life, at_us: now_us, marked: false, excused: late };
        self.effects.insert(out.id.clone(), effect);
    }

    /// A key was marked by a host, which something went wrong with last at `fault_us`.
    pub fn marked(&mut self, key: &Key, host: usize, fault_us: Option<u64>) {
        let of_it = |effect: &&mut Effect| effect.key.as_ref() == Some(key) && effect.host == host;
        for effect in self.effects.values_mut().filter(of_it).filter(|effect| !effect.marked) {
            effect.excused |= fault_us.is_some_and(|fault_us| fault_us >= effect.at_us);
            effect.marked = true;
        }
    }

    /// A process died.
    pub fn died(&mut self, host: usize, life: u64) {
        let of_it = |effect: &&mut Effect| (effect.host, effect.life) == (host, life) && !effect.marked;
        self.effects.values_mut().filter(of_it).for_each(|effect| effect.excused = true);
    }

    /// A server forgot a mark.
    pub fn mark_lost(&mut self, key: &Key) {
        self.excuse(key);
        self.lost_marks.insert(key.clone());
    }

    /// An operator forgot a key.
    pub fn forgotten(&mut self, key: &Key) {
        self.excuse(key);
        *self.forgotten.entry(key.clone()).or_default() += 1;
    }

    /// Whatever comes twice of a key is explained, somebody took its record away; and so it is of the keys that are
    /// settled together with it.
    pub fn excuse(&mut self, key: &Key) {
        self.excused.insert(key.clone());
        self.excused.extend(self.together.get(key).into_iter().flatten().cloned());
    }

    /// Whether a doubled output outside a transaction is explained.
    pub fn is_excused(&self, id: &str) -> bool {
        let Some(effect) = self.effects.get(id) else { return false };
        effect.excused || effect.key.as_ref().is_some_and(|key| self.excused.contains(key))
    }
}

impl World {
    /// Whether a mark of a key was taken away by something that no host did, before its message was acknowledged. Where
    /// all is one step, nobody can do so in between.
    fn was_unmarked(&self, key: &Key) -> bool {
        let taken = self.facts.lost_marks.contains(key) || self.facts.forgotten.contains_key(key);
        self.plan.shape == Shape::Ordered && taken
    }

    /// Who acknowledges must have committed, or given up with a dead letter.
    pub fn look_at_acknowledged(&mut self, entry: Entry) {
        if self.has_dead_letter(entry.number) {
            return;
        }
        let now_ms = self.now_ms();
        let keys = self.plan.bodies[entry.body].keys.clone();
        if keys.is_empty() {
            let id = effect_id(None, entry.number, 0);
            if !self.outs().any(|out| !out.dead && out.id == id) {
                self.facts
                    .violated(format!("ACKNOWLEDGED: m{} was acknowledged without its output", entry.number));
            }
            return;
        }
        for key in keys {
            let key = self.facts.key(key);
            let held = self.servers[0].data.load(&key, now_ms);
            let is_committed = held.is_some_and(|held| {
                held.record.state == State::Committed
                    && held.record.fingerprint == self.facts.prints[entry.body]
            });
            if !is_committed && !self.was_unmarked(&key) {
                let name = key.name();
                self.facts.violated(format!(
                    "ACKNOWLEDGED: m{} is, and its key {name} is not committed for it",
                    entry.number
                ));
            }
        }
    }

    /// Whether there is a dead letter of a message.
    pub fn has_dead_letter(&self, message: usize) -> bool {
        let id = format!("m{message}");
        self.outs().any(|out| out.dead && out.id == id)
    }

    /// What was appended to the sink.
    pub fn outs(&self) -> impl Iterator<Item = &Out> {
        self.servers[self.plan.shape.server(Line::Sink)].data.outs.iter().map(AsRef::as_ref)
    }

    /// A cache answered. What it says has to be so in the store, unless it cannot know better yet.
    pub fn look_at_cached(&mut self, link: usize, key: u32, body: usize) {
        self.counts.met(Met::L1Hits);
        let key = self.facts.key(key);
        let held = self.servers[0].data.load(&key, self.now_ms());
        let is_so = held.is_some_and(|held| {
            held.record.state == State::Committed && held.record.fingerprint == self.facts.prints[body]
        });
        if !is_so && !self.may_be_out_of_date(link, &key) {
            let name = key.name();
            self.facts.violated(format!("CACHE: it answered {name}, which the store does not hold"));
        }
    }
}
