//! Marks, outputs and acknowledgement in one step, where source, store and sinks are one Redis.
//!
//! One script settles a delivery: it looks whether the entry still is this host's and whether every fence holds, then
//! marks, appends and acknowledges. Repeated by the same attempt it finds what it has done. What one script cannot
//! hold, because its names lie in several slots of a cluster, is settled in order instead.

use std::sync::{Arc, LazyLock};

use futures_util::future::join_all;
use oncegate_broker::{Entries, Holding, Unpackable};
use oncegate_dedup::store::{RedisStore, SettleOutcome, Store as _};
use oncegate_dedup::{Ending, Gate};
use oncegate_redis::redis::Value;
use oncegate_redis::{MOST_KEYS, Part, Script};

use super::{Ordered, Outcome, Settle, put_off_what_is_late};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::pipeline::{Item, Patience, Plan, Stop};

/// The most bytes of one call, about. More deliveries than that go into several.
const MOST_BYTES: usize = 1 << 20;

/// A store, a source and sinks in one Redis.
pub struct Atomic {
    gate: Arc<Gate>,
    store: Arc<RedisStore>,
    holding: Arc<Holding>,
    script: Script,
    /// Takes what one script cannot hold, and what is not finished but made again.
    apart: Ordered,
    /// It was said that some deliveries are settled apart.
    said: bool,
    stop: Arc<Stop>,
    runtime: tokio::runtime::Runtime,
}

impl std::fmt::Debug for Atomic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Atomic")
            .field("store", &self.store)
            .field("holding", &self.holding)
            .finish_non_exhaustive()
    }
}

/// What the store and the streams give, and what joins them.
static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    Script::new([RedisStore::fragment(), oncegate_broker::FRAGMENT, include_str!("atomic.lua")].join("\n"))
});

impl Atomic {
    /// Joins a store with the source that `holding` is of. `apart` has the same store, sinks in the same Redis, and the
    /// same source to report to.
    pub fn new(
        gate: Arc<Gate>,
        store: Arc<RedisStore>,
        holding: Arc<Holding>,
        apart: Ordered,
        stop: Arc<Stop>,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.or_exit(Exit::Failed)?;
        Ok(Self { gate, store, holding, script: Self::script(), apart, said: false, stop, runtime })
    }

    /// What it calls. A store that is told of it has it tried and loaded at the start of each connection.
    pub fn script() -> Script {
        SCRIPT.clone()
    }

    /// A part that deliveries can be put into.
    fn part(&self) -> Part {
        let mut part = Part::new(&self.script);
        part.keys.push(self.holding.stream().as_bytes());
        part.args.push(b"");
        part.args.push(self.holding.group().as_bytes());
        part.args.push(self.holding.consumer().as_bytes());
        part
    }

    /// Puts a delivery's questions into a part, which is of no use any more if an output has no place in it.
    fn put(&self, item: &Item, part: &mut Part) -> Result<(), Unpackable> {
        let Some(ticket) = item.ticket else { return Ok(()) };
        part.args.push(ticket.entry_id().as_bytes());
        part.args.push_number(ticket.count);
        match &item.ending {
            Some(ending) => self.store.put(ending.settlement(), part),
            None => part.args.push_number(0),
        }
        let entries = || Entries::new(&item.output).chain(Entries::new(&item.dead_letter));
        part.args.push_number(entries().count() as u64);
        for entry in entries() {
            let entry = entry?;
            part.keys.push(entry.stream);
            part.args.push_number(entry.count() as u64 * 2);
            for (name, value) in entry.fields() {
                part.args.push(name);
                part.args.push(value);
            }
        }
        part.answers += 1;
        Ok(())
    }

    /// Whether one script can settle it. Those that are made again are only released, which is a matter of the store.
    fn fits(&self, item: &Item) -> Result<bool, Unpackable> {
        if !is_one_step(item) {
            return Ok(false);
        }
        let server = self.store.server();
        if !server.is_cluster() {
            return Ok(true);
        }
        let mut part = self.part();
        self.put(item, &mut part)?;
        let mut slots = part.keys.iter().map(|name| server.slot(name));
        let first = slots.next();
        Ok(slots.all(|slot| Some(slot) == first))
    }

    fn say_once(&mut self, group: &[&mut Item], apart: &[usize]) {
        let torn = |index: &usize| group.get(*index).is_some_and(|item| is_one_step(item));
        if !self.said && apart.iter().any(torn) {
            self.said = true;
            eprintln!(
                "oncegate: warning: a delivery's keys and streams lie in several slots of the cluster: it is settled \
                 in order, and a crash can repeat its outputs with the same ids; names with one hash tag \
                 (store.hash_tag, streams called {{TAG}}…) would make it one step"
            );
        }
    }

    /// One try: an answer for each, in order.
    fn ask(&self, items: &[&Item]) -> Result<Vec<Outcome>, Failure> {
        let mut parts = vec![self.part()];
        for item in items {
            let full = |part: &Part| {
                part.keys.len() + 2 * part.answers >= 2 * MOST_KEYS || part.args.bytes() >= MOST_BYTES
            };
            if parts.last().is_none_or(full) {
                parts.push(self.part());
            }
            if let Some(part) = parts.last_mut() {
                self.put(item, part).or_exit(Exit::File)?;
            }
        }
        let counts: Vec<usize> = parts.iter().map(|part| part.answers).collect();
        let asked = join_all(parts.into_iter().map(|part| self.store.server().ask(part)));
        let answers = self.runtime.block_on(asked);
        let mut items = items.iter();
        let mut outcomes = Vec::new();
        for (answer, count) in answers.into_iter().zip(counts) {
            let items = items.by_ref().take(count);
            match answer {
                Ok(values) => {
                    for (item, value) in items.zip(values) {
                        outcomes.push(self.outcome(item, value)?);
                    }
                }
                Err(why) => {
                    let unknown = SettleOutcome::Unavailable(why);
                    outcomes.extend(items.map(|_| Outcome::Settled(unknown.clone())));
                }
            }
        }
        Ok(outcomes)
    }

    fn outcome(&self, item: &Item, answer: Value) -> Result<Outcome, Failure> {
        let mut parts = match answer {
            Value::Int(late @ 0..) => return Ok(applied(u32::try_from(late).unwrap_or(u32::MAX))),
            Value::Array(parts) => parts.into_iter(),
            _ => return Ok(strange()),
        };
        let Some(word) = parts.next().and_then(text) else { return Ok(strange()) };
        let of = parts.next().unwrap_or(Value::Nil);
        let without_keys = item.ending.as_ref().is_none_or(|ending| ending.settlement().keys.is_empty());
        Ok(match (word.as_str(), of) {
            ("settled", _) => applied(0),
            // Without a key there is no record of whose doing it was. Entries that are held are kept fresh, so it
            // hardly ever was another host: the reply to this host's own call was lost.
            ("gone", _) if without_keys => applied(0),
            ("gone" | "other", _) => Outcome::TakenOver,
            ("fence", Value::Int(key)) => {
                Outcome::Settled(SettleOutcome::Lost { key: usize::try_from(key - 1).unwrap_or(0) })
            }
            ("unreadable", record) => Outcome::Settled(self.store.settled(record)),
            ("refused", why) => {
                let why = text(why).unwrap_or_default();
                let (stream, group) = (self.holding.stream(), self.holding.group());
                return Err(fail!(
                    Exit::File,
                    "the stream {stream} cannot be settled for its group {group}: {why}"
                ));
            }
            _ => strange(),
        })
    }

    /// Asks until there is an answer for each, or until a stop gives up: then it is as if this host had died. Whoever
    /// has the entries next finds out what became of them.
    fn settle_joined(&self, items: &[&Item]) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = self.ask(items)?;
        let mut patience = Patience::new(&self.stop);
        loop {
            let why = outcomes.iter().find_map(|outcome| match outcome {
                Outcome::Settled(SettleOutcome::Unavailable(why)) => Some(why.clone()),
                _ => None,
            });
            let unanswered: Vec<usize> = outcomes
                .iter()
                .enumerate()
                .filter(|(_, outcome)| matches!(outcome, Outcome::Settled(SettleOutcome::Unavailable(_))))
                .map(|(index, _)| index)
                .collect();
            if unanswered.is_empty() || !patience.pause(&why.unwrap_or_default()) {
                return Ok(outcomes);
            }
            let again: Vec<&Item> =
                unanswered.iter().filter_map(|index| items.get(*index).copied()).collect();
            for (index, outcome) in unanswered.into_iter().zip(self.ask(&again)?) {
                if let Some(place) = outcomes.get_mut(index) {
                    *place = outcome;
                }
            }
        }
    }

    /// Marks, outputs and acknowledgements are lost together, if they are: replicas only decide what is cached.
    fn replicate(&self, since: Option<u64>, group: &mut [&mut Item], joined: &[usize]) {
        if self.store.replicas() == 0 || self.runtime.block_on(self.store.replicated(since)).is_err() {
            return;
        }
        for index in joined {
            if let Some(ending) = group.get_mut(*index).and_then(|item| item.ending.as_mut()) {
                ending.is_replicated();
            }
        }
    }
}

/// Whether a delivery's end is one step wherever all of its names are in one place: a trial run's marks, and those of
/// which the store is told later, are not part of it.
fn is_one_step(item: &Item) -> bool {
    let finished = matches!(item.plan, Plan::Finish(_)) && item.ticket.is_some();
    finished && item.ending.as_ref().is_none_or(Ending::is_all_in_its_settlement)
}

fn applied(late: u32) -> Outcome {
    Outcome::Settled(SettleOutcome::Applied { late })
}

fn strange() -> Outcome {
    Outcome::Settled(SettleOutcome::Unavailable(
        "the server's answer is none that its script gives".to_owned(),
    ))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

impl Settle for Atomic {
    fn settle(&mut self, group: &mut [&mut Item]) -> Result<Vec<Outcome>, Failure> {
        put_off_what_is_late(group, &self.gate);
        let (mut joined, mut apart) = (Vec::new(), Vec::new());
        for (index, item) in group.iter().enumerate() {
            let fits = self.fits(item).or_exit(Exit::File)?;
            if fits { &mut joined } else { &mut apart }.push(index);
        }
        let mut outcomes = vec![strange(); group.len()];
        let mut fill = |indexes: &[usize], found: Vec<Outcome>| {
            for (index, outcome) in indexes.iter().zip(found) {
                if let Some(place) = outcomes.get_mut(*index) {
                    *place = outcome;
                }
            }
        };
        if !joined.is_empty() {
            let items: Vec<&Item> =
                joined.iter().filter_map(|index| group.get(*index).map(|item| &**item)).collect();
            let since = self.store.cache_epoch();
            fill(&joined, self.settle_joined(&items)?);
            self.replicate(since, group, &joined);
            // What was handled without the store's word, while it was away, is marked now.
            self.runtime.block_on(self.gate.catch_up());
        }
        if !apart.is_empty() {
            self.say_once(group, &apart);
            let mut places = apart.iter().copied().peekable();
            let mut items: Vec<&mut Item> = group
                .iter_mut()
                .enumerate()
                .filter(|(index, _)| places.next_if_eq(index).is_some())
                .map(|(_, item)| &mut **item)
                .collect();
            fill(&apart, self.apart.settle(&mut items)?);
        }
        Ok(outcomes)
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.apart.close()
    }
}
