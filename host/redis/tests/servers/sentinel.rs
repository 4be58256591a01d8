//! Calls to a primary that sentinels name, and to the next one.

use std::time::Duration;

use crate::common::{Traffic, block_on, connect, holds_the_last, number, part, patient, script, wait_until};
use oncegate_redis::redis::cmd;
use oncegate_redis::testing::{RedisServer, Sentinels, ServerOptions};
use oncegate_redis::{RedisOptions, Secret, Server, Unfit};

#[test]
fn calls_survive_a_promotion_in_mid_traffic() {
    let group = Sentinels::start();
    let script = script();
    let server = connect(&patient(&group.url()), &script);
    let traffic = Traffic::start(&server, &script, &["a", "b"]);
    traffic.go_on(300);
    let (before, identity) = (group.primary(), block_on(server.identity()).unwrap());
    let lost = server.connections_lost();
    group.promote();
    // The old one still takes writes; it is left because the sentinels name another one.
    wait_until("the old primary is left", || server.connections_lost() > lost);
    assert_eq!(group.servers()[before].info("role"), "master");
    traffic.each_goes_on(200);
    let after = group.primary();
    assert_ne!(before, after);
    assert_ne!(block_on(server.identity()).unwrap(), identity);
    let primaries = block_on(server.primaries()).unwrap();
    assert_eq!(primaries[0].address, group.servers()[after].address());
    for (key, ids) in traffic.stop() {
        // What only the old one had acknowledged is lost; nothing later is.
        holds_the_last(&mut group.servers()[after].connection(), &key, ids);
    }
}

#[test]
fn a_primary_that_dies_is_replaced() {
    let mut group = Sentinels::start();
    let script = script();
    let server = connect(&patient(&group.url()), &script);
    assert_eq!(number(&block_on(server.ask(part(&script, "k", 1)))), 1);
    assert_eq!(block_on(server.replicated(1, Duration::from_secs(10))), Ok(1));
    let before = group.primary();
    group.server_mut(before).kill();
    assert_eq!(number(&block_on(server.ask(part(&script, "k", 2)))), 2, "asked again of the new one");
    assert_ne!(group.primary(), before);
    // A connection of one's own leads there, too.
    let other = group.servers()[1 - before].port();
    block_on(async {
        let mut connection = server.open(b"k", None).await.unwrap();
        let port: (String, String) =
            cmd("CONFIG").arg("GET").arg("port").query_async(&mut connection).await.unwrap();
        assert_eq!(port.1, other.to_string());
    });
}

#[test]
fn a_sentinel_that_is_gone_or_silent_or_knows_nothing_is_passed_over() {
    let mut group = Sentinels::start();
    group.kill_sentinel(0);
    group.stall_sentinel(1);
    let script = script();
    let server = connect(&patient(&group.url()), &script);
    assert_eq!(number(&block_on(server.ask(part(&script, "k", 1)))), 1);

    let url = group.url().replace("sentinel=main", "sentinel=other");
    let all = match Server::connect(&RedisOptions::parse(&url).unwrap(), &[], None) {
        Err(unfit) => unfit,
        Ok(server) => panic!("{server:?}"),
    };
    // The first might know, and cannot be asked.
    assert!(
        matches!(&all, Unfit::Away(why) if why.contains("other") && why.contains("does not know")),
        "{all:?}"
    );
}

#[test]
fn sentinels_may_have_a_password_of_their_own() {
    let group = Sentinels::with_password(Some("swordfish"));
    let script = script();
    let mut options = patient(&group.url());
    match Server::connect(&options, &[], None) {
        Err(Unfit::Refused(why)) => assert!(why.contains("password"), "{why}"),
        other => panic!("{other:?}"),
    }
    options.sentinel_password = Some(Secret::new("swordfish"));
    let server = connect(&options, &script);
    assert_eq!(number(&block_on(server.ask(part(&script, "k", 1)))), 1);
    assert!(!format!("{server:?}").contains("swordfish"));
}

#[test]
fn a_replica_that_a_sentinel_names_is_waited_for() {
    // To whoever asks, a server that is no sentinel at all may say anything; this one is a replica's own.
    let primary = RedisServer::start(ServerOptions::default());
    let group = Sentinels::start();
    let replica = &group.servers()[group.primary()];
    // The named primary becomes a replica behind the sentinels' backs.
    cmd("REPLICAOF").arg("127.0.0.1").arg(primary.port()).exec(&mut replica.connection()).unwrap();
    match Server::connect(&RedisOptions::parse(&group.url()).unwrap(), &[], None) {
        Err(Unfit::Away(why)) => assert!(why.contains("replica"), "{why}"),
        other => panic!("{other:?}"),
    }
}
