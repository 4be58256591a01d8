//! How many replicas have what was written, and that asking for it holds up nobody.

use std::time::{Duration, Instant};

use crate::common::{block_on, connect, noted, number, part, patient, script, wait_until};
use futures_util::future::join_all;
use oncegate_redis::testing::{Cluster, Proxy, RedisServer, ServerOptions};

#[test]
fn what_a_replica_has_is_counted_and_what_it_has_not_is_not() {
    let primary = RedisServer::start(ServerOptions::default());
    let replica = primary.replica();
    let script = script();
    let server = connect(&patient(&primary.url()), &script);
    assert_eq!(number(&block_on(server.ask(part(&script, "k", 1)))), 1);
    assert_eq!(block_on(server.replicated(1, Duration::from_secs(10))), Ok(1));
    assert_eq!(noted(&mut replica.connection(), "k"), 1);

    replica.stall();
    assert_eq!(number(&block_on(server.ask(part(&script, "k", 2)))), 2);
    let asked = Instant::now();
    let count = server.replicated(1, Duration::from_millis(1500));
    // While that is waited for, calls are answered.
    for id in 3..200 {
        assert_eq!(number(&block_on(server.ask(part(&script, "k", id)))), i64::try_from(id).unwrap());
    }
    let called = asked.elapsed();
    assert_eq!(block_on(count), Ok(0), "the replica does not have the second one");
    assert!(called < asked.elapsed(), "the calls did not wait for the count");
    assert!(asked.elapsed() >= Duration::from_millis(1400));

    replica.go_on();
    assert_eq!(block_on(server.replicated(1, Duration::from_secs(10))), Ok(1));
    assert_eq!(noted(&mut replica.connection(), "k"), 199);
}

#[test]
fn questions_that_come_together_share_their_waits() {
    let primary = RedisServer::start(ServerOptions::default());
    let replica = primary.replica();
    let script = script();
    let server = connect(&patient(&primary.url()), &script);
    assert_eq!(block_on(server.replicated(1, Duration::from_secs(10))), Ok(1));
    replica.stall();
    assert_eq!(number(&block_on(server.ask(part(&script, "k", 1)))), 1);
    let before = primary.calls("wait");
    let counts: Vec<_> = (0..50).map(|_| server.replicated(1, Duration::from_millis(300))).collect();
    assert!(block_on(join_all(counts)).iter().all(|count| *count == Ok(0)));
    let waits = primary.calls("wait") - before;
    assert!((1..=3).contains(&waits), "{waits} waits");
    replica.go_on();
}

#[test]
fn replicas_of_another_server_under_the_same_address_do_not_count() {
    let (primary, other) =
        (RedisServer::start(ServerOptions::default()), RedisServer::start(ServerOptions::default()));
    let proxy = Proxy::to(primary.port());
    let replica = other.replica();
    let script = script();
    let server = connect(&patient(&proxy.url()), &script);
    assert_eq!(number(&block_on(server.ask(part(&script, "k", 1)))), 1);
    // Calls go to the one still; what is opened now leads to the other.
    proxy.lead_to(other.port());
    let why = block_on(server.replicated(1, Duration::from_secs(1))).unwrap_err();
    assert!(why.contains("another server"), "{why}");
    assert_eq!(replica.info("role"), "slave");
}

#[test]
fn a_lost_connection_is_opened_again_and_noticed() {
    let mut primary = RedisServer::start(ServerOptions::default());
    let proxy = Proxy::to(primary.port());
    let replica = primary.replica();
    let script = script();
    let server = connect(&patient(&proxy.url()), &script);
    assert_eq!(block_on(server.replicated(1, Duration::from_secs(10))), Ok(1));
    let lost = server.connections_lost();
    proxy.hang_up();
    wait_until("the count is there again", || {
        block_on(server.replicated(1, Duration::from_secs(1))) == Ok(1)
    });
    assert!(server.connections_lost() > lost);
    // Whoever wrote before this restart sees by the number of lost connections that a count says nothing now.
    let lost = server.connections_lost();
    primary.restart();
    wait_until("the replica is back", || block_on(server.replicated(1, Duration::from_secs(1))) == Ok(1));
    assert!(server.connections_lost() > lost);
    drop(replica);
}

#[test]
fn in_a_cluster_the_least_count_counts() {
    let mut cluster = Cluster::with_replicas();
    let script = script();
    let server = connect(&patient(&cluster.url()), &script);
    assert_eq!(number(&block_on(server.ask(part(&script, "{b}", 1)))), 1);
    assert_eq!(block_on(server.replicated(1, Duration::from_secs(10))), Ok(1));
    cluster.node_mut(4).kill();
    // Of the three primaries, one has no replica any more.
    assert_eq!(block_on(server.replicated(1, Duration::from_millis(300))), Ok(0));
}

#[test]
fn without_replicas_the_count_is_none() {
    let primary = RedisServer::start(ServerOptions::default());
    let script = script();
    let server = connect(&patient(&primary.url()), &script);
    assert_eq!(block_on(server.replicated(0, Duration::ZERO)), Ok(0));
    assert_eq!(block_on(server.replicated(1, Duration::ZERO)), Ok(0));
}
