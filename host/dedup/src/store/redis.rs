//! Records in a Redis or Valkey, version 7.0 or later: one server, one that sentinels name, or a cluster.
//!
//! A key's record is one string with a time to live, so that leases and windows end by the server's clock. What
//! needs more than one command is a script, and a script answers for many keys at once. A call without an
//! answer is asked again as the same attempt; nothing is ever sent twice behind the rules' back. While the
//! server cannot be used, everything is [`Unavailable`](ClaimOutcome::Unavailable): nothing is claimed on a
//! guess.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};

use super::{
    Added, Claim, ClaimOutcome, Entry, Forgotten, Invalidate, Listing, Marked, Page, Requeued, SettleOutcome,
    Settlement, Store, StoreError, Usage,
};
use crate::{AttemptId, Clock as _, Fence, Key, Mark, Namespace, SystemClock};

mod account;
mod by_hand;
pub mod fuzzing;
mod guard;
mod listing;
mod names;
mod options;
mod scatter;
mod script;
mod sentinel;
mod settling;
mod wait;
mod wire;

pub use guard::Initialised;
pub use oncegate_redis::{RedisOptions, Secret};
pub use options::RedisStoreOptions;
pub use sentinel::{Epoch, NotOurs, Sentinel};

use guard::StoreGuard;
use names::Names;
use oncegate_redis::redis::Value;
use oncegate_redis::{Guard, Part, Server, Unfit};

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
    /// Tells this process from others in the accounts of namespaces, and what it says there from what it said before.
    who: AttemptId,
    said: AtomicU64,
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
        let scripts = [&script::all()[..], &options.scripts].concat();
        let server = Server::connect(&options.redis, &scripts, Some(watching)).map_err(unfit)?;
        if server.is_cluster() {
            // Each of its primaries passes the guard now, not with the first key that it holds.
            let refused = |why| StoreError::Refused(format!("redis at {address} is refused: {why}"));
            wait::for_it(server.primaries()).map_err(refused)?;
        }
        guard.stop_making();
        let (replicas, replica_timeout) = (options.replicas, options.replica_timeout);
        let who = SystemClock.attempt_id();
        Ok(Self { server, guard, names, address, replicas, replica_timeout, who, said: AtomicU64::new(0) })
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
        wire::ended(&self.names, settlement.absent, settlement.keys.iter(), part);
    }

    /// Puts marks that have to be there still into such a script's part: the names of their records as keys; as arguments
    /// how many there are, then for each what `is_mark(name, told)` is to find.
    pub fn put_marks(&self, marks: &[Mark], part: &mut Part) {
        part.args.push_number(marks.len() as u64);
        for mark in marks {
            part.keys.push(&self.names.of(&mark.key));
            part.args.push(&mark.encode());
        }
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

    fn slot(&self, key: &Key) -> u16 {
        // Its name is made only where somebody asks for it.
        if self.server.is_cluster() { self.server.slot(&self.names.of(key)) } else { 0 }
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
}

impl Store for RedisStore {
    fn claim<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<ClaimOutcome>> {
        let part = |claims: &[&Claim]| wire::claims(&self.names, claims);
        // All of it is sent before the first answer is waited for.
        let sent = scatter::send(&self.server, claims, |claim| self.slot(&claim.key), |_| 1, part);
        let outcome = move |(claim, answer): (&Claim, Result<Value, String>)| match answer {
            Ok(value) => wire::claimed(claim, value),
            Err(why) => ClaimOutcome::Unavailable(self.unavailable(&why)),
        };
        async move { claims.iter().zip(sent.answers().await).map(outcome).collect() }.boxed()
    }

    fn check<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.check_all(settlements).boxed()
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Vec<SettleOutcome>> {
        self.settle_all(settlements).boxed()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        async move { wire::seen(key, self.ask_one(wire::look(&self.names, &[key])).await?) }.boxed()
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

    fn account<'a>(
        &'a self,
        namespace: &'a Namespace,
        added: &'a [Added],
    ) -> BoxFuture<'a, Result<Usage, StoreError>> {
        async move {
            let number = self.said.fetch_add(1, Ordering::Relaxed);
            let part = account::account(&self.names, namespace, self.who, number, added);
            account::sum(self.ask_one(part).await?)
        }
        .boxed()
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

    fn replicated(&self, since: Option<u64>) -> BoxFuture<'_, Result<(), String>> {
        async move {
            if self.replicas == 0 {
                return Ok(());
            }
            let counted = self.server.replicated(self.replicas, self.replica_timeout).await;
            let count = counted.map_err(|why| self.unavailable(&why))?;
            // Looked at afterwards: the count is of the servers that there were then.
            if since.is_none() || since != self.cache_epoch() {
                return Err(
                    self.unavailable("the connection was lost meanwhile: what was settled is not known")
                );
            }
            if count < self.replicas {
                let why =
                    format!("{count} replicas have what was settled, and {} are asked for", self.replicas);
                return Err(self.unavailable(&why));
            }
            Ok(())
        }
        .boxed()
    }

    fn describe(&self) -> String {
        self.server.options().describe()
    }
}
