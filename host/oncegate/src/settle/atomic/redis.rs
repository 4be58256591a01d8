//! The step itself, on a Redis: one script, made of what the store and the streams give and of what joins them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use futures_util::future::join_all;
use oncegate_broker::{Entries, Holding, Unpackable};
use oncegate_dedup::store::{RedisStore, SettleOutcome};
use oncegate_redis::redis::Value;
use oncegate_redis::{MOST_KEYS, Part, Script};

use super::super::{Outcome, Settling};
use super::OneStep;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::pipeline::Item;
use crate::warning::warning;

/// The most bytes of one call, about. More deliveries than that go into several.
const MOST_BYTES: usize = 1 << 20;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    Script::new([RedisStore::fragment(), oncegate_broker::FRAGMENT, include_str!("../atomic.lua")].join("\n"))
});

/// A store and a source in one Redis, where the sinks are, too.
#[derive(Debug)]
pub struct RedisStep {
    store: Arc<RedisStore>,
    holding: Arc<Holding>,
    script: Script,
    /// It was said that some deliveries are settled apart.
    said: AtomicBool,
}

impl RedisStep {
    /// Joins a store with the source that `holding` is of.
    pub fn new(store: Arc<RedisStore>, holding: Arc<Holding>) -> Self {
        Self { store, holding, script: Self::script(), said: AtomicBool::new(false) }
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
            Some(ending) => {
                self.store.put(ending.settlement(), part);
                self.store.put_marks(ending.relied_on(), part);
            }
            None => {
                part.args.push_number(0);
                part.args.push_number(0);
            }
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

    fn say_once(&self) {
        if !self.said.swap(true, Ordering::Relaxed) {
            warning!(
                "a delivery's keys and streams lie in several slots of the cluster: it is settled in order, and a \
                 crash can repeat its outputs with the same ids; names with one hash tag (store.hash_tag, streams \
                 called {{TAG}}…) would make it one step"
            );
        }
    }

    /// One try: an answer for each, in order.
    async fn ask_once(&self, items: &[&Item]) -> Result<Vec<Outcome>, Failure> {
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
        let answers = asked.await;
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
}

impl OneStep for RedisStep {
    fn fits(&self, item: &Item) -> Result<bool, Failure> {
        let server = self.store.server();
        if !server.is_cluster() {
            return Ok(true);
        }
        let mut part = self.part();
        self.put(item, &mut part).or_exit(Exit::File)?;
        let mut slots = part.keys.iter().map(|name| server.slot(name));
        let first = slots.next();
        let fits = slots.all(|slot| Some(slot) == first);
        if !fits {
            self.say_once();
        }
        Ok(fits)
    }

    fn ask<'a>(&'a self, items: &'a [&'a Item]) -> Settling<'a, Result<Vec<Outcome>, Failure>> {
        Box::pin(self.ask_once(items))
    }
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
