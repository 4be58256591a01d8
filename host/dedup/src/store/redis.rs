//! Records in a Redis or Valkey, standalone, version 7.0 or later.
//!
//! A key's record is one string with a time to live, so that leases and windows end by the server's clock. What
//! needs more than one command is a script, and a script answers for many keys at once. A call without an
//! answer is asked again as the same attempt; nothing is ever sent twice behind the rules' back. While the
//! server cannot be used, everything is [`Unavailable`](ClaimOutcome::Unavailable): nothing is claimed on a
//! guess.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};

use super::{
    Claim, ClaimOutcome, Entry, Forgotten, Invalidate, Listing, Marked, Page, Requeued, SettleOutcome,
    Settlement, Store, StoreError,
};
use crate::{Fence, Key};

mod by_hand;
mod guard;
mod names;
mod options;
mod script;
mod sentinel;
mod wire;

pub use guard::Initialised;
pub use oncegate_redis::{RedisOptions, Secret};
pub use options::RedisStoreOptions;

use guard::StoreGuard;
use names::Names;
use oncegate_redis::redis::Value;
use oncegate_redis::{Guard, MOST_KEYS, Part, Script, Server, Unfit};

/// The most keys that one delivery may settle: a script of so many takes Redis some 0.1 s, in which it does
/// nothing else.
const MOST_SETTLED_KEYS: usize = 20_000;

/// How many names a step of a listing looks at, at least.
const SCANNED: usize = 512;

/// A store in a Redis.
///
/// Usable from any thread and any runtime.
#[derive(Debug)]
pub struct RedisStore {
    server: Arc<Server>,
    guard: Arc<StoreGuard>,
    names: Names,
    address: String,
    replicas: u32,
    replica_timeout: Duration,
}

impl RedisStore {
    /// Connects, and refuses a server that this store cannot work with: one that it never was on, too, unless
    /// [`RedisStoreOptions::init`] says to begin there. Blocks for as long as that takes, at most the time-outs for
    /// connecting and for a few replies.
    pub fn connect(options: &RedisStoreOptions) -> Result<Self, StoreError> {
        let address = options.redis.address();
        let tag = options.hash_tag.as_deref();
        let names = Names::tagged(tag).map_err(|error| StoreError::Refused(error.to_string()))?;
        let guard = StoreGuard::new(names.clone(), tag, options.longest_lease_ms, options.init);
        let guard = Arc::new(guard);
        let unfit = |unfit| match unfit {
            Unfit::Away(why) => StoreError::Unavailable(format!("redis at {address}: {why}")),
            Unfit::Refused(why) => StoreError::Refused(format!("redis at {address} is refused: {why}")),
        };
        let watching: Arc<dyn Guard> = Arc::clone(&guard) as _;
        let server = Server::connect(&options.redis, &script::all(), Some(watching)).map_err(unfit)?;
        guard.stop_making();
        let (replicas, replica_timeout) = (options.replicas, options.replica_timeout);
        Ok(Self { server, guard, names, address, replicas, replica_timeout })
    }

    /// Makes a store: writes the sentinel of each primary that has none, and says for each what it did. One that is
    /// there stays as it is. Accepts that what the server once remembered may be lost.
    pub fn init(options: &RedisStoreOptions) -> Result<Vec<Initialised>, StoreError> {
        let store = Self::connect(&RedisStoreOptions { init: true, ..options.clone() })?;
        Ok(store.guard.initialised())
    }

    /// What the record of a key is called on the server.
    pub fn name_of(&self, key: &Key) -> Vec<u8> {
        self.names.of(key)
    }

    /// The server that it is on, for whoever joins the store with something else there.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// What a script needs that settles records together with something else on this server, in one step: Lua
    /// functions, to stand before its own code. `judged_all(key, arg, count, accept_absent)` says how the settlement
    /// would end whose names begin behind `KEYS[key]` and whose records begin behind `ARGV[arg]`, as its answer and a
    /// number of writes; `write_all(writes)` writes them. Nothing may be judged in between.
    pub const fn fragment() -> &'static str {
        script::FRAGMENT
    }

    /// Puts a settlement behind the others of such a script's part: the names of its records as keys; as arguments a
    /// number (twice that of its keys, plus 1 if an absent record is accepted), then the records and their lives.
    pub fn put(&self, settlement: &Settlement, part: &mut Part) {
        wire::settlement(&self.names, settlement, part);
    }

    /// The outcome of a settlement, from what `judged_all` answered.
    pub fn settled(&self, answer: Value) -> SettleOutcome {
        wire::settled(answer)
    }

    /// What an operator should know of the server, one line each: an eviction policy that loses records, and
    /// what could not be checked. May grow when another server answers under the address.
    pub fn warnings(&self) -> Vec<String> {
        self.server.warnings()
    }

    fn unavailable(&self, why: &str) -> String {
        format!("redis at {}: {why}", self.address)
    }

    async fn settle_by(&self, script: &Script, settlements: &[Settlement]) -> Vec<SettleOutcome> {
        let asked: Vec<_> = chunks(settlements)
            .map(|chunk| match chunk {
                [one] if one.keys.len() > MOST_SETTLED_KEYS => (chunk, None),
                _ => (chunk, Some(self.server.ask(wire::settlements(&self.names, script, chunk)))),
            })
            .collect();
        let mut outcomes = Vec::with_capacity(settlements.len());
        for (chunk, answer) in asked {
            let answer = match answer {
                Some(answer) => answer.await,
                None => Err(format!("a delivery has more than {MOST_SETTLED_KEYS} keys")),
            };
            match answer {
                Ok(values) => outcomes.extend(values.into_iter().map(wire::settled)),
                Err(why) => {
                    let outcome = SettleOutcome::Unavailable(self.unavailable(&why));
                    outcomes.extend(std::iter::repeat_n(outcome, chunk.len()));
                }
            }
        }
        outcomes
    }

    /// The one answer to a part of one question.
    async fn ask_one(&self, part: Part) -> Result<Value, StoreError> {
        let answer = self.server.ask(part).await.map(|values| values.into_iter().next());
        match answer {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(StoreError::Unavailable(self.unavailable("no answer"))),
            Err(why) => Err(StoreError::Unavailable(self.unavailable(&why))),
        }
    }

    async fn entries(&self, keys: &[Key]) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(MOST_KEYS) {
            let answer = self.server.ask(wire::look(&self.names, chunk)).await;
            let values = answer.map_err(|why| StoreError::Unavailable(self.unavailable(&why)))?;
            for (key, value) in chunk.iter().zip(values) {
                // A record that has ended since its name was found is left out.
                entries.extend(wire::seen(key, value)?);
            }
        }
        Ok(entries)
    }

    async fn page(&self, page: &Page) -> Result<Listing, StoreError> {
        let mut cursor = match &page.cursor {
            None => 0,
            Some(cursor) => std::str::from_utf8(cursor)
                .ok()
                .and_then(|cursor| cursor.parse().ok())
                .ok_or_else(|| StoreError::Refused("the cursor is not one of a Redis store".to_owned()))?,
        };
        let pattern = self.names.pattern(&page.namespace);
        // Most names may be somebody else's: go on until a page is worth showing.
        loop {
            let answer = self.ask_one(wire::scan(cursor, &pattern, page.limit.max(SCANNED))).await?;
            let Some((next, mut keys)) = wire::scanned(&self.names, answer) else {
                return Err(StoreError::Unavailable(self.unavailable("no list of names")));
            };
            keys.sort_unstable();
            keys.dedup();
            let entries = self.entries(&keys).await?;
            if next == 0 || !entries.is_empty() {
                let next = (next != 0).then(|| next.to_string().into_bytes());
                return Ok(Listing { entries, next });
            }
            cursor = next;
        }
    }
}

/// Runs of settlements with at most [`MOST_KEYS`] keys together, or of one that has more.
fn chunks(settlements: &[Settlement]) -> impl Iterator<Item = &[Settlement]> {
    let mut rest = settlements;
    std::iter::from_fn(move || {
        let mut keys = 0;
        let fits = |settlement: &&Settlement| {
            // One without keys costs something, too.
            keys += settlement.keys.len().max(1);
            keys <= MOST_KEYS
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (chunk, behind) = rest.split_at_checked(count)?;
        rest = behind;
        Some(chunk)
    })
}

impl Store for RedisStore {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        // All chunks are sent before the first answer is waited for.
        let asked: Vec<_> = claims
            .chunks(MOST_KEYS)
            .map(|chunk| (chunk, self.server.ask(wire::claims(&self.names, chunk))))
            .collect();
        async move {
            let mut outcomes = Vec::with_capacity(claims.len());
            for (chunk, answer) in asked {
                match answer.await {
                    Ok(values) => {
                        let answered = chunk.iter().zip(values);
                        outcomes.extend(answered.map(|(claim, value)| wire::claimed(claim, value)));
                    }
                    Err(why) => {
                        let outcome = ClaimOutcome::Unavailable(self.unavailable(&why));
                        outcomes.extend(std::iter::repeat_n(outcome, chunk.len()));
                    }
                }
            }
            outcomes
        }
        .boxed()
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.settle_by(&script::CHECK, settlements).boxed()
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.settle_by(&script::SETTLE, settlements).boxed()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        async move { wire::seen(key, self.ask_one(wire::look(&self.names, std::slice::from_ref(key))).await?) }.boxed()
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.page(page).boxed()
    }

    fn forget<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Forgotten, StoreError>> {
        async move {
            by_hand::forgotten(self.ask_one(by_hand::forget(&self.names, key, expected, keep_ms)).await?)
        }
        .boxed()
    }

    fn commit_for<'a>(
        &'a self,
        key: &'a Key,
        expected: Option<Fence>,
        window_ms: u64,
    ) -> BoxFuture<'a, Result<Marked, StoreError>> {
        async move {
            by_hand::marked(self.ask_one(by_hand::commit_for(&self.names, key, expected, window_ms)).await?)
        }
        .boxed()
    }

    fn requeue<'a>(
        &'a self,
        key: &'a Key,
        fence: Fence,
        keep_ms: u64,
    ) -> BoxFuture<'a, Result<Requeued, StoreError>> {
        async move { by_hand::requeued(self.ask_one(by_hand::requeue(&self.names, key, fence, keep_ms)).await?) }.boxed()
    }

    fn cache_epoch(&self) -> Option<u64> {
        self.guard.cache_epoch()
    }

    fn watch(&self, cache: Weak<dyn Invalidate>) {
        self.guard.watchers().add(cache);
    }

    fn replicas(&self) -> u32 {
        self.replicas
    }

    fn describe(&self) -> String {
        self.server.options().describe()
    }
}
