//! How a store in a Redis is to be opened.

use std::time::Duration;

use oncegate_redis::Script;

use super::RedisOptions;

/// A Redis, and what of it concerns the store.
#[derive(Debug, Clone)]
pub struct RedisStoreOptions {
    /// Where it is.
    pub redis: RedisOptions,
    /// The longest lease of any policy of this host, in milliseconds. Default 60 s. After a failover keys that the
    /// server does not hold are taken for claimed, for the longest lease that any host ever gave here.
    pub longest_lease_ms: u64,
    /// The hash tag of all names: on a cluster all records then lie in one slot, together with streams of the same
    /// tag, and are settled with them in one step. Default none: each key decides its slot. All hosts must have the
    /// same one.
    pub hash_tag: Option<String>,
    /// Begin the store on primaries that have none, when it is opened. Default `false`: such a server is refused,
    /// because it may have been emptied.
    pub init: bool,
    /// Further scripts that will be called on the store's server: like its own they are tried and loaded at the start of
    /// each connection. Default: none.
    pub scripts: Vec<Script>,
    /// How many replicas have to hold what was settled before it is acknowledged and cached. Default 0: none.
    pub replicas: u32,
    /// How long to wait for them. Default 1 s.
    pub replica_timeout: Duration,
}

impl RedisStoreOptions {
    /// The defaults for a server.
    pub fn new(redis: RedisOptions) -> Self {
        Self {
            redis,
            longest_lease_ms: 60_000,
            hash_tag: None,
            init: false,
            scripts: Vec::new(),
            replicas: 0,
            replica_timeout: Duration::from_secs(1),
        }
    }
}
