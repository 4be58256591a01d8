//! What a namespace takes, on a real server: told by several hosts, told again, expired, and apart from records.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use oncegate_dedup::Namespace;
use oncegate_dedup::conformance::{Cluster, RedisServer, ServerOptions, block_on, new_store};
use oncegate_dedup::store::{Added, RedisOptions, RedisStore, RedisStoreOptions, Store as _, Usage};
use oncegate_redis::redis::cmd;

const HOUR_MS: u64 = 3_600_000;

fn added(life_ms: u64, keys: u64) -> Added {
    Added { life_ms, usage: Usage { keys, bytes: keys * 100 } }
}

fn options(url: &str) -> RedisStoreOptions {
    new_store(RedisOptions::parse(url).unwrap())
}

fn store(server: &RedisServer) -> RedisStore {
    RedisStore::connect(&options(&server.url())).unwrap()
}

fn keys(store: &RedisStore, namespace: &str, added: &[Added]) -> u64 {
    let usage = block_on(store.account(&Namespace::new(namespace).unwrap(), added)).unwrap();
    assert_eq!(usage.bytes, usage.keys * 100);
    usage.keys
}

#[test]
fn several_hosts_tell_one_account_and_each_namespace_has_its_own() {
    let server = RedisServer::start(ServerOptions::default());
    let (one, other) = (store(&server), store(&server));
    assert_eq!(keys(&one, "a", &[]), 0);
    assert_eq!(keys(&one, "a", &[added(HOUR_MS, 3), added(24 * HOUR_MS, 2)]), 5);
    assert_eq!(keys(&other, "a", &[added(HOUR_MS, 10)]), 15);
    assert_eq!(keys(&one, "a", &[]), 15);
    assert_eq!(keys(&one, "b", &[added(HOUR_MS, 1)]), 1);
    // What is told is no record, so that nobody lists it, and it goes by itself.
    let mut connection = server.connection();
    let left: i64 = cmd("PTTL").arg("oncegate:1:a:account").query(&mut connection).unwrap();
    assert!(left > 24 * HOUR_MS as i64, "{left}");
    let fields: usize = cmd("HLEN").arg("oncegate:1:a:account").query(&mut connection).unwrap();
    assert_eq!(fields, 2 * 2 + 2, "two times to expire at, each with keys and bytes, and two hosts");
}

#[test]
fn what_has_expired_is_counted_no_more_and_its_fields_go() {
    let server = RedisServer::start(ServerOptions::default());
    let store = store(&server);
    assert_eq!(keys(&store, "a", &[added(300, 7), added(HOUR_MS, 2)]), 9);
    // At the latest at its end and what such a time is rounded up by.
    std::thread::sleep(Duration::from_millis(300 + 512 + 50));
    assert_eq!(keys(&store, "a", &[]), 2);
    let fields: usize = cmd("HLEN").arg("oncegate:1:a:account").query(&mut server.connection()).unwrap();
    assert_eq!(fields, 2 + 1);
}

#[test]
fn a_server_that_was_emptied_counts_from_nothing() {
    let server = RedisServer::start(ServerOptions::default());
    let store = store(&server);
    assert_eq!(keys(&store, "a", &[added(HOUR_MS, 7)]), 7);
    cmd("DEL").arg("oncegate:1:a:account").exec(&mut server.connection()).unwrap();
    assert_eq!(keys(&store, "a", &[added(HOUR_MS, 1)]), 1);
}

#[test]
fn in_a_cluster_an_account_lies_in_one_slot_with_and_without_a_tag() {
    for hash_tag in [None, Some("t".to_owned())] {
        let cluster = Cluster::start();
        let options = RedisStoreOptions { hash_tag, ..options(&cluster.url()) };
        let store = RedisStore::connect(&options).unwrap();
        for namespace in ["a", "b", "c", "d"] {
            assert_eq!(keys(&store, namespace, &[added(HOUR_MS, 2)]), 2);
            assert_eq!(keys(&store, namespace, &[added(HOUR_MS, 2)]), 4);
        }
    }
}
