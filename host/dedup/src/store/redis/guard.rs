//! Who looks at a server before the store uses it: is it the one that it was, and has it forgotten anything?

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use oncegate_redis::redis::aio::MultiplexedConnection;
use oncegate_redis::redis::{Cmd, Value, cmd};
use oncegate_redis::{Admitted, Failure, Guard, Primary, Unfit};

use super::names::Names;
use super::sentinel::{self, Epoch, Sentinel};
use crate::hex;
use crate::store::Watchers;

/// Where hosts tell each other of keys that an operator changed. The scripts have it, too.
pub const CHANNEL: &str = "oncegate:forgotten:1";

/// Replaces a sentinel, if it is still the one that was read.
const REPLACE: &str = include_str!("replace.lua");

/// How often a sentinel is read again because another host was faster.
const MOST_RACES: u32 = 20;

/// Watches over the servers of one store.
#[derive(Debug)]
pub struct StoreGuard {
    names: Names,
    tag: String,
    longest_lease_ms: u64,
    /// Whether a missing sentinel is written: only until the store is open.
    makes: AtomicBool,
    seen: Mutex<Seen>,
    /// See [`Store::cache_epoch`](crate::store::Store::cache_epoch): the epoch twice, and 1 if anything is up. Written with
    /// `seen` locked, and read for every key, without.
    cache: AtomicU64,
    watchers: Watchers,
}

/// What was seen of the servers.
#[derive(Debug, Default)]
struct Seen {
    /// The addresses of those whose connection is up, and subscribed.
    up: HashSet<String>,
    /// Creation and epoch of each sentinel when it was last looked at.
    known: HashMap<String, (String, Epoch)>,
    /// What became of the sentinels, by address.
    made: Vec<Initialised>,
}

/// What an initialisation did on one primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initialised {
    /// The primary.
    pub address: String,
    /// How many sentinels it now has.
    pub sentinels: usize,
    /// How many of these were missing.
    pub written: usize,
}

impl StoreGuard {
    /// A guard over servers whose records have these names.
    pub fn new(names: Names, tag: Option<&str>, longest_lease_ms: u64, makes: bool) -> Self {
        Self {
            names,
            tag: tag.unwrap_or_default().to_owned(),
            longest_lease_ms,
            makes: AtomicBool::new(makes),
            seen: Mutex::default(),
            cache: AtomicU64::new(0),
            watchers: Watchers::default(),
        }
    }

    /// From now on a missing sentinel is a store that was emptied.
    pub fn stop_making(&self) {
        self.makes.store(false, Ordering::SeqCst);
    }

    /// What was found or made where.
    pub fn initialised(&self) -> Vec<Initialised> {
        self.seen().made.clone()
    }

    /// Caches that want to hear what is forgotten.
    pub fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Under which epoch what was confirmed may be believed; none while nobody could tell us what is forgotten. In a
    /// cluster one connection is enough, because its nodes tell each other.
    pub fn cache_epoch(&self) -> Option<u64> {
        let cache = self.cache.load(Ordering::SeqCst);
        (cache & 1 == 1).then_some(cache >> 1)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Each change is a single one: a panic leaves nothing half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step: whoever finds the connection gone or back finds the epoch risen, too.
    fn set_cache(&self, seen: &Seen, rises: bool) {
        let epoch = (self.cache.load(Ordering::SeqCst) >> 1) + u64::from(rises);
        self.cache.store(epoch << 1 | u64::from(!seen.up.is_empty()), Ordering::SeqCst);
    }

    async fn look(&self, primary: &Primary, connection: &mut MultiplexedConnection) -> Result<u64, Unfit> {
        if !self.seen().up.contains(&primary.address) {
            subscribe(connection).await?;
        }
        let epoch = epoch_of(primary, connection).await?;
        let names = sentinel::names(&primary.slots);
        let mut made = Initialised { address: primary.address.clone(), sentinels: names.len(), written: 0 };
        let mut found = Vec::with_capacity(names.len());
        for (name, text) in names.iter().zip(self.read(&names, connection).await?) {
            match text {
                Some(Text::Is(text)) => found.push((name, self.understood(&text)?)),
                // It is on its way to another primary, which has it looked at.
                Some(Text::Moving) => {}
                None if self.makes.load(Ordering::SeqCst) => {
                    found.push((name, self.make(name, &epoch, connection).await?));
                    made.written += 1;
                }
                None => return Err(missing(name)),
            }
        }
        if found.is_empty() {
            return Err(Unfit::Away("all of its slots are being moved".to_owned()));
        }
        self.bring_up_to_date(&mut found, &epoch, connection).await?;
        let now_ms = time(connection).await?;
        self.note(primary, &found, made);
        Ok(found.iter().map(|(_, sentinel)| sentinel.hold_ms(now_ms)).max().unwrap_or(0))
    }

    async fn read(
        &self,
        names: &[String],
        connection: &MultiplexedConnection,
    ) -> Result<Vec<Option<Text>>, Unfit> {
        let reads = names.iter().map(|name| {
            let mut connection = connection.clone();
            async move { text(ask(&mut connection, cmd("GET").arg(name)).await, name) }
        });
        join_all(reads).await.into_iter().collect()
    }

    /// A sentinel that this host may work with.
    fn understood(&self, text: &[u8]) -> Result<Sentinel, Unfit> {
        let sentinel = Sentinel::read(text).map_err(|error| Unfit::Refused(error.to_string()))?;
        if sentinel.tag != self.tag {
            let said = |tag: &str| if tag.is_empty() { "none".to_owned() } else { format!("`{tag}`") };
            return Err(Unfit::Refused(format!(
                "its records have the hash tag {}, and this host is to use {}: they would not find each other's \
                 records; set the same one",
                said(&sentinel.tag),
                said(&self.tag)
            )));
        }
        Ok(sentinel)
    }

    /// Writes a missing sentinel, unless another host just did.
    async fn make(
        &self,
        name: &str,
        epoch: &Epoch,
        connection: &mut MultiplexedConnection,
    ) -> Result<Sentinel, Unfit> {
        let mut creation = [0; 16];
        getrandom::fill(&mut creation).map_err(|error| Unfit::Away(format!("no random bits: {error}")))?;
        let sentinel = Sentinel {
            creation: hex::encode(&creation),
            tag: self.tag.clone(),
            lease_ms: self.longest_lease_ms,
            epoch: epoch.clone(),
            since_ms: 0,
        };
        let mut set = cmd("SET");
        set.arg(name).arg(sentinel.to_string()).arg("NX").arg("GET");
        match text(ask(connection, &set).await, name)? {
            None => Ok(sentinel),
            Some(Text::Is(text)) => self.understood(&text),
            Some(Text::Moving) => Err(Unfit::Away("its slots are being moved".to_owned())),
        }
    }

    /// Records the epoch and the lease of this host where they are not yet recorded.
    async fn bring_up_to_date(
        &self,
        found: &mut [(&String, Sentinel)],
        epoch: &Epoch,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), Unfit> {
        // A sentinel of another epoch beside one of this epoch came with its slot from another primary, with all
        // that the slot held. What was waited for there still is.
        let is_known = found.iter().any(|(_, sentinel)| sentinel.epoch == *epoch);
        for (name, sentinel) in found {
            let mut races = 0;
            while sentinel.epoch != *epoch || sentinel.lease_ms < self.longest_lease_ms {
                let next = Sentinel {
                    lease_ms: sentinel.lease_ms.max(self.longest_lease_ms),
                    epoch: epoch.clone(),
                    ..sentinel.clone()
                };
                let keeps_its_time = is_known || sentinel.epoch == *epoch;
                let since = if keeps_its_time { next.since_ms.to_string() } else { String::new() };
                let mut replace = cmd("EVAL");
                replace.arg(REPLACE).arg(1).arg(name.as_str());
                replace.arg(sentinel.to_string()).arg(next.head()).arg(since);
                *sentinel = match text(ask(connection, &replace).await, name)? {
                    Some(Text::Is(text)) => self.understood(&text)?,
                    Some(Text::Moving) => break,
                    None => return Err(missing(name)),
                };
                races += 1;
                if races == MOST_RACES {
                    return Err(Unfit::Away("other hosts keep changing its sentinel".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Notes what was seen, and has caches emptied where a server is no longer the one that it was.
    fn note(&self, primary: &Primary, found: &[(&String, Sentinel)], made: Initialised) {
        let mut seen = self.seen();
        let mut changed = false;
        for (name, sentinel) in found {
            let now = (sentinel.creation.clone(), sentinel.epoch.clone());
            let before = seen.known.insert((*name).clone(), now.clone());
            changed |= before.is_some_and(|before| before != now);
        }
        seen.up.insert(primary.address.clone());
        self.set_cache(&seen, changed);
        if self.makes.load(Ordering::SeqCst) {
            seen.made.retain(|other| other.address != made.address);
            seen.made.push(made);
        }
    }
}

impl Guard for StoreGuard {
    fn admit<'a>(
        &'a self,
        primary: &'a Primary,
        connection: &'a mut MultiplexedConnection,
    ) -> BoxFuture<'a, Result<Admitted, Unfit>> {
        async move { Ok(Admitted { hold_ms: self.look(primary, connection).await? }) }.boxed()
    }

    fn lost(&self, primary: &Primary) {
        let mut seen = self.seen();
        seen.up.remove(&primary.address);
        self.set_cache(&seen, true);
    }

    fn message(&self, channel: &[u8], payload: &[u8]) {
        if channel == CHANNEL.as_bytes()
            && let Some(key) = self.names.parse(payload)
        {
            self.watchers.tell(&key);
        }
    }
}

/// What stands under a sentinel's name.
enum Text {
    Is(Vec<u8>),
    /// The slot is being moved, and what is under the name already was.
    Moving,
}

fn text(answer: Result<Value, Failure>, name: &str) -> Result<Option<Text>, Unfit> {
    match answer {
        Ok(Value::Nil) => Ok(None),
        Ok(Value::BulkString(text)) => Ok(Some(Text::Is(text))),
        Ok(_) => Err(Unfit::Away(format!("a strange answer to what {name} is"))),
        Err(Failure::Refused(why)) => {
            Err(Unfit::Refused(format!("its sentinel {name} cannot be used ({why})")))
        }
        Err(Failure::Moved(_)) => Ok(Some(Text::Moving)),
        Err(Failure::NotYet(why)) if why.starts_with("ASK ") || why.starts_with("TRYAGAIN ") => {
            Ok(Some(Text::Moving))
        }
        Err(failure) => Err(away(failure)),
    }
}

fn missing(name: &str) -> Unfit {
    Unfit::Refused(format!(
        "it has no {name}: it is new to this store, or it was emptied, and then what it remembered may happen again; if \
         that is accepted, run `oncegate store init --store URL`, or start with `run --init-store`"
    ))
}

/// Who the server is now: a promotion changes it under an open connection.
async fn epoch_of(primary: &Primary, connection: &mut MultiplexedConnection) -> Result<Epoch, Unfit> {
    let Primary { run_id, replication_id, .. } = primary.clone();
    let mut epoch = Epoch { run_id, replication_id };
    let text = match ask(connection, cmd("INFO").arg("replication")).await {
        Ok(Value::BulkString(text)) => String::from_utf8_lossy(&text).into_owned(),
        Ok(Value::VerbatimString { text, .. }) => text,
        // Whoever may not ask was told so when the connection was opened.
        Err(Failure::Refused(_)) => return Ok(epoch),
        Ok(_) => return Err(Unfit::Away("a strange answer to what it is".to_owned())),
        Err(failure) => return Err(away(failure)),
    };
    for line in text.lines() {
        match line.split_once(':') {
            Some(("role", "slave" | "replica")) => {
                return Err(Unfit::Away("it has become a replica".to_owned()));
            }
            Some(("master_replid", id)) => id.clone_into(&mut epoch.replication_id),
            _ => {}
        }
    }
    Ok(epoch)
}

/// The server's clock, in milliseconds.
async fn time(connection: &mut MultiplexedConnection) -> Result<u64, Unfit> {
    let strange = || Unfit::Away("a strange answer to what time it is".to_owned());
    let Value::Array(parts) = ask(connection, &cmd("TIME")).await.map_err(away)? else {
        return Err(strange());
    };
    let number = |value: &Value| match value {
        Value::BulkString(digits) => std::str::from_utf8(digits).ok()?.parse::<u64>().ok(),
        _ => None,
    };
    match parts.as_slice() {
        [seconds, micros] => number(seconds)
            .zip(number(micros))
            .map(|(seconds, micros)| seconds.saturating_mul(1000) + micros / 1000)
            .ok_or_else(strange),
        _ => Err(strange()),
    }
}

async fn subscribe(connection: &mut MultiplexedConnection) -> Result<(), Unfit> {
    connection.subscribe(CHANNEL).await.map_err(|error| match Failure::of(&error, None) {
        Failure::Refused(why) => Unfit::Refused(format!(
            "the user may not hear which keys are forgotten ({why}): allow it the channels with &oncegate:*"
        )),
        failure => away(failure),
    })
}

async fn ask(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<Value, Failure> {
    let error = match connection.send_packed_command(command).await {
        Ok(Value::ServerError(error)) => error.into(),
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    Err(Failure::of(&error, None))
}

fn away(failure: Failure) -> Unfit {
    match failure {
        Failure::Unknown(why)
        | Failure::NotYet(why)
        | Failure::WrongServer(why)
        | Failure::Moved(why)
        | Failure::Refused(why) => Unfit::Away(why),
        Failure::NoScript => Unfit::Away("NOSCRIPT".to_owned()),
    }
}
