//! The Redis store in the suite's hands.

use oncegate_redis::redis::{Connection, cmd};

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
    connection: Connection,
}

impl std::fmt::Debug for RedisBench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBench").field("store", &self.store).finish_non_exhaustive()
    }
}

impl RedisBench {
    /// Empties the server and opens a store in it.
    pub fn new(server: &RedisServer) -> Self {
        let mut connection = server.connection();
        cmd("FLUSHALL").exec(&mut connection).expect("an empty server");
        let options = new_store(RedisOptions::parse(&server.url()).expect("a good URL"));
        let store = RedisStore::connect(&options).expect("a store");
        Self { store, options, connection }
    }

    /// What the suite expects a record to be called: said once more, for a name is a promise to operators.
    fn name(key: &Key) -> Vec<u8> {
        let mut name = format!("oncegate:1:{}:", key.namespace()).into_bytes();
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
        cmd("EVAL").arg(ADVANCE).arg(0).arg(ms).exec(&mut self.connection).expect("time goes by");
    }

    fn plant(&mut self, key: &Key, bytes: &[u8], life_ms: u64) {
        let mut set = cmd("SET");
        set.arg(Self::name(key)).arg(bytes).arg("PX").arg(life_ms.max(1));
        set.exec(&mut self.connection).expect("a planted record");
    }

    fn plant_other_type(&mut self, key: &Key) -> bool {
        let name = Self::name(key);
        cmd("DEL").arg(&name).exec(&mut self.connection).expect("room for a list");
        cmd("RPUSH").arg(name).arg("x").exec(&mut self.connection).expect("a planted list");
        true
    }

    fn persist(&mut self, key: &Key) -> bool {
        cmd("PERSIST").arg(Self::name(key)).exec(&mut self.connection).expect("a key without expiry");
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
