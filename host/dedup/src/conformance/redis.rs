//! The Redis store in the suite's hands.

use std::ops::RangeInclusive;

use oncegate_redis::redis::{Connection, cmd};
use oncegate_redis::testing::Cluster;
use oncegate_redis::{SLOTS, slot_of};

use super::{Bench, RedisServer, Reopened};
use crate::store::{RedisOptions, RedisStore, RedisStoreOptions, Store};
use crate::{Key, KeyName};

/// Moves the clock for everything that has an expiry: what has too little left is gone.
const ADVANCE: &str = "
    for _, name in ipairs(redis.call('KEYS', 'oncegate:*')) do
        local left = redis.call('PTTL', name)
        if left >= 0 then
            if left <= tonumber(ARGV[1]) then redis.call('DEL', name)
            else redis.call('PEXPIRE', name, left - tonumber(ARGV[1])) end
        end
    end";

/// A store that begins where there is none yet.
pub fn new_store(redis: RedisOptions) -> RedisStoreOptions {
    RedisStoreOptions { init: true, ..RedisStoreOptions::new(redis) }
}

/// A Redis store with nothing in it.
pub struct RedisBench {
    store: RedisStore,
    options: RedisStoreOptions,
    /// One to each primary, which has these slots.
    connections: Vec<(RangeInclusive<u16>, Connection)>,
}

impl std::fmt::Debug for RedisBench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBench").field("store", &self.store).finish_non_exhaustive()
    }
}

impl RedisBench {
    /// Empties the server and opens a store in it.
    pub fn new(server: &RedisServer) -> Self {
        Self::with(server, |_| {})
    }

    /// The same with other options.
    pub fn with(server: &RedisServer, choose: impl FnOnce(&mut RedisStoreOptions)) -> Self {
        Self::open(&server.url(), vec![(0..=SLOTS - 1, server.connection())], choose)
    }

    /// Opens the store that a server has, as it is.
    pub fn again(server: &RedisServer) -> Self {
        let options = RedisStoreOptions::new(RedisOptions::parse(&server.url()).expect("a good URL"));
        let store = RedisStore::connect(&options).expect("a store");
        Self { store, options, connections: vec![(0..=SLOTS - 1, server.connection())] }
    }

    /// Empties the masters of a cluster, whose slots are where they were at its start, and opens a store in it.
    pub fn on_cluster(cluster: &Cluster, choose: impl FnOnce(&mut RedisStoreOptions)) -> Self {
        let share = SLOTS / 3 + 1;
        let slots = [0..=share - 1, share..=2 * share - 1, 2 * share..=SLOTS - 1];
        let connections = slots.into_iter().zip(cluster.nodes().iter().map(RedisServer::connection));
        Self::open(&cluster.url(), connections.collect(), choose)
    }

    fn open(
        url: &str,
        mut connections: Vec<(RangeInclusive<u16>, Connection)>,
        choose: impl FnOnce(&mut RedisStoreOptions),
    ) -> Self {
        for (_, connection) in &mut connections {
            cmd("FLUSHALL").exec(connection).expect("an empty server");
        }
        let mut options = new_store(RedisOptions::parse(url).expect("a good URL"));
        choose(&mut options);
        let store = RedisStore::connect(&options).expect("a store");
        Self { store, options, connections }
    }

    /// The store, as what it is.
    pub fn redis(&self) -> &RedisStore {
        &self.store
    }

    fn connection(&mut self, name: &[u8]) -> &mut Connection {
        let slot = slot_of(name);
        let found = self.connections.iter_mut().find(|(slots, _)| slots.contains(&slot));
        &mut found.expect("every slot has a primary").1
    }

    /// What the suite expects a record to be called: said once more, for a name is a promise to operators.
    fn name(&self, key: &Key) -> Vec<u8> {
        let tag = self.options.hash_tag.as_ref().map_or(String::new(), |tag| format!("{{{tag}}}"));
        let mut name = format!("oncegate:1:{tag}{}:", key.namespace()).into_bytes();
        match key.name() {
            KeyName::Hashed(digest) => {
                name.extend(b"h:");
                digest.iter().for_each(|byte| name.extend(format!("{byte:02x}").bytes()));
            }
            KeyName::Plain(bytes) => {
                name.extend(b"k:");
                for &byte in bytes {
                    match byte {
                        b'%' | b'{' | b'}' | ..=b' ' | 0x7f.. => name.extend(format!("%{byte:02X}").bytes()),
                        _ => name.push(byte),
                    }
                }
            }
        }
        name
    }
}

impl Bench for RedisBench {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn advance(&mut self, ms: u64) {
        for (_, connection) in &mut self.connections {
            cmd("EVAL").arg(ADVANCE).arg(0).arg(ms).exec(connection).expect("time goes by");
        }
    }

    fn plant(&mut self, key: &Key, bytes: &[u8], life_ms: u64) {
        let name = self.name(key);
        let mut set = cmd("SET");
        set.arg(&name).arg(bytes).arg("PX").arg(life_ms.max(1));
        set.exec(self.connection(&name)).expect("a planted record");
    }

    fn plant_other_type(&mut self, key: &Key) -> bool {
        let name = self.name(key);
        let connection = self.connection(&name);
        cmd("DEL").arg(&name).exec(connection).expect("room for a list");
        cmd("RPUSH").arg(&name).arg("x").exec(connection).expect("a planted list");
        true
    }

    fn persist(&mut self, key: &Key) -> bool {
        let name = self.name(key);
        cmd("PERSIST").arg(&name).exec(self.connection(&name)).expect("a key without expiry");
        true
    }

    fn reopen(&mut self) -> Reopened {
        self.store = RedisStore::connect(&self.options).expect("a store");
        Reopened::Kept
    }

    fn drift_ms(&self) -> u64 {
        30_000
    }
}
