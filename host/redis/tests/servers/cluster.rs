//! Calls on a Redis Cluster: each finds the primary of its slot, also while slots move and nodes die.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{
    Traffic, block_on, connect, holds_the_last, noted, number, part, patient, script, wait_until,
};
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use oncegate_redis::redis::aio::MultiplexedConnection;
use oncegate_redis::redis::{Value, cmd};
use oncegate_redis::testing::{Cluster, RedisServer, ServerOptions};
use oncegate_redis::{Admitted, Guard, Part, Primary, RedisOptions, Script, Server, Unfit, slot_of};
use proptest::prelude::*;

/// Names in the slots of each of the three masters.
const NAMES: [&str; 3] = ["{b}", "{c}", "{a}"];

#[test]
fn slots_are_computed_as_redis_does() {
    let cluster = Cluster::start();
    let connection = std::cell::RefCell::new(cluster.nodes()[0].connection());
    let pieces =
        prop_oneof![Just(b"{".to_vec()), Just(b"}".to_vec()), proptest::collection::vec(any::<u8>(), 0..6)];
    let names = proptest::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2000));
    runner
        .run(&names, |name| {
            let mut asked = cmd("CLUSTER");
            asked.arg("KEYSLOT").arg(&name);
            let theirs: u16 = asked.query(&mut *connection.borrow_mut()).unwrap();
            prop_assert_eq!(slot_of(&name), theirs, "{:?}", name);
            Ok(())
        })
        .unwrap();
}

#[test]
fn each_call_goes_to_the_primary_of_its_slot_and_those_of_one_slot_are_joined() {
    let cluster = Cluster::start();
    assert_eq!(NAMES.map(|name| cluster.holder(name.as_bytes())), [0, 1, 2]);
    let script = script();
    let server = connect(&RedisOptions::parse(&cluster.url()).unwrap(), &script);
    assert!(server.is_cluster());
    assert_eq!(server.slot(b"{b}x"), slot_of(b"b"));

    let names: Vec<String> = (0..3000).map(|n| format!("{}{n}", NAMES[n % 3])).collect();
    let answers = block_on(join_all(names.iter().map(|name| server.ask(part(&script, name, 7)))));
    assert!(answers.iter().all(|answer| number(answer) == 1));
    for (number, node) in cluster.nodes().iter().enumerate() {
        let size: u64 = cmd("DBSIZE").query(&mut node.connection()).unwrap();
        assert_eq!(size, 1000, "node {number}");
        // One for each would be 1000.
        let calls = node.calls("evalsha");
        assert!((1..300).contains(&calls), "{calls} calls on node {number}");
    }
    let described = server.options().describe();
    assert_eq!(described, format!("redis at {} (database 0)", &cluster.url()["redis://".len()..]));
}

#[test]
fn a_part_whose_keys_lie_in_several_slots_is_never_sent() {
    let cluster = Cluster::start();
    let script = script();
    let server = connect(&RedisOptions::parse(&cluster.url()).unwrap(), &script);
    let mut spread = part(&script, "{b}", 1);
    spread.keys.push(b"{c}");
    spread.args.push_number(1);
    spread.answers = 2;
    let why = block_on(server.ask(spread)).unwrap_err();
    assert!(why.contains("several slots"), "{why}");
    assert!(cluster.nodes().iter().all(|node| node.calls("evalsha") == 0));
    let mut together = part(&script, "{b}1", 1);
    together.keys.push(b"{b}2");
    together.args.push_number(1);
    together.answers = 2;
    assert_eq!(block_on(server.ask(together)).unwrap(), [Value::Int(1), Value::Int(1)]);
}

/// Says which server runs it.
fn whoami() -> Script {
    Script::new("return {string.match(redis.call('INFO', 'server'), 'tcp_port:(%d+)')}")
}

fn asked_who(server: &Server, script: &Script, address: &str) -> Result<String, String> {
    let mut part = Part::new(script);
    part.answers = 1;
    let answer = block_on(server.ask_at(address, part))?;
    Ok(match answer.as_slice() {
        [Value::BulkString(port)] => String::from_utf8(port.clone()).unwrap(),
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_part_without_keys_goes_to_any_primary_or_to_the_one_that_is_named() {
    let mut cluster = Cluster::with_replicas();
    let script = whoami();
    let server = connect(&patient(&cluster.url()), &script);
    let mut part = Part::new(&script);
    part.answers = 1;
    assert_eq!(block_on(server.ask(part)).unwrap().len(), 1);

    let primaries = block_on(server.primaries()).unwrap();
    assert_eq!(primaries.len(), 3);
    for primary in &primaries {
        let port = asked_who(&server, &script, &primary.address).unwrap();
        assert!(primary.address.ends_with(&format!(":{port}")), "{port} answered for {primary:?}");
        assert!(!primary.run_id.is_empty() && !primary.replication_id.is_empty());
    }
    let slots: usize = primaries.iter().flat_map(|primary| &primary.slots).map(|range| range.len()).sum();
    assert_eq!(slots, 16384);

    // One that was replaced is not asked, and neither is the one that replaced it instead.
    let gone = cluster.nodes()[0].address();
    cluster.node_mut(0).kill();
    cluster.fail_over(0);
    cluster.wait_until_whole();
    wait_until("the new primary is listed", || {
        let primaries = block_on(server.primaries()).unwrap_or_default();
        let addresses: BTreeSet<String> = primaries.into_iter().map(|primary| primary.address).collect();
        addresses == [3, 1, 2].map(|number| cluster.nodes()[number].address()).into()
    });
    let why = asked_who(&server, &script, &gone).unwrap_err();
    assert!(why.contains("not a primary"), "{why}");
    assert!(asked_who(&server, &script, "nonsense").is_err());
}

#[test]
fn calls_follow_a_slot_that_moves_under_them() {
    let cluster = Cluster::start();
    let script = script();
    let server = connect(&patient(&cluster.url()), &script);
    let traffic = Traffic::start(&server, &script, &NAMES);
    traffic.each_goes_on(100);
    for to in [1, 2, 0] {
        cluster.move_slot(NAMES[0].as_bytes(), to);
        assert_eq!(cluster.holder(NAMES[0].as_bytes()), to);
        traffic.each_goes_on(100);
    }
    assert_eq!(traffic.refused(), 0, "a slot that moves is no failure");
    assert_eq!(server.connections_lost(), 0, "and no reason to leave a server");
    for (key, ids) in traffic.stop() {
        assert!(ids > 0);
        assert_eq!(noted(&mut cluster.connection(key.as_bytes()), &key), ids, "{key}");
    }
}

#[test]
fn calls_survive_a_primary_that_dies_and_is_replaced_by_its_replica() {
    let mut cluster = Cluster::with_replicas();
    let script = script();
    let server = connect(&patient(&cluster.url()), &script);
    let traffic = Traffic::start(&server, &script, &NAMES);
    traffic.go_on(300);
    // What is acknowledged and not yet copied is lost with a primary, which is not what this is about.
    assert_eq!(block_on(server.replicated(1, Duration::from_secs(10))), Ok(1));
    let before = server.connections_lost();
    cluster.node_mut(0).kill();
    traffic.go_on(50);
    // The other replica's masters live: it is the cluster itself that promotes this one.
    wait_until("the replica is promoted", || cluster.nodes()[3].info("role") == "master");
    cluster.wait_until_whole();
    traffic.each_goes_on(100);
    assert!(server.connections_lost() > before);
    for (key, ids) in traffic.stop() {
        // What the dead one had acknowledged in its last moments may be lost; nothing later is.
        holds_the_last(&mut cluster.connection(key.as_bytes()), &key, ids);
    }
    assert_eq!(cluster.holder(NAMES[0].as_bytes()), 3);
}

#[test]
fn a_primary_that_stalls_is_left_for_its_replica_and_not_believed_when_it_is_back() {
    let cluster = Cluster::with_replicas();
    let script = script();
    let server = connect(&patient(&cluster.url()), &script);
    let traffic = Traffic::start(&server, &script, &NAMES);
    traffic.each_goes_on(100);
    cluster.nodes()[0].stall();
    wait_until("the replica is promoted", || cluster.nodes()[3].info("role") == "master");
    traffic.each_goes_on(100);
    // For a moment it takes itself for a primary, and its view of the cluster is old.
    cluster.nodes()[0].go_on();
    traffic.each_goes_on(100);
    cluster.wait_until_whole();
    traffic.each_goes_on(100);
    assert_eq!(cluster.nodes()[0].info("role"), "slave");
    for (key, ids) in traffic.stop() {
        holds_the_last(&mut cluster.connection(key.as_bytes()), &key, ids);
    }
}

#[test]
fn a_node_that_was_cut_off_is_not_believed() {
    let cluster = Cluster::start();
    let script = script();
    let server = connect(&patient(&cluster.url()), &script);
    assert_eq!(number(&block_on(server.ask(part(&script, NAMES[1], 1)))), 1);
    // What a failover does: somebody else has its slots, in a later epoch.
    cluster.cut_off(1);
    cluster.adopt_slots(0);
    cluster.move_slot(NAMES[0].as_bytes(), 2);
    wait_until("the others agree", || {
        let mut connection = cluster.nodes()[2].connection();
        let info: String = cmd("CLUSTER").arg("INFO").query(&mut connection).unwrap();
        info.contains("cluster_state:ok")
    });
    // Where it was, the answer is CLUSTERDOWN for ever.
    assert_eq!(number(&block_on(server.ask(part(&script, NAMES[1], 2)))), 1, "asked of its new primary");
    // Whoever comes now is told by the others, whichever seed is named first.
    let mut seeds: Vec<String> = cluster.nodes().iter().map(RedisServer::address).collect();
    for _ in 0..3 {
        seeds.rotate_left(1);
        let server = connect(&patient(&format!("redis://{}", seeds.join(","))), &script);
        for name in NAMES {
            assert!(number(&block_on(server.ask(part(&script, name, 3)))) > 0);
        }
    }
    assert_eq!(noted(&mut cluster.nodes()[0].connection(), NAMES[1]), 2);
}

fn short(url: &str) -> RedisOptions {
    let mut options = RedisOptions::parse(url).unwrap();
    options.patience = Duration::from_millis(600);
    options
}

#[test]
fn keys_that_are_on_their_way_are_an_outage_that_ends() {
    let cluster = Cluster::start();
    let script = script();
    let server = connect(&short(&cluster.url()), &script);
    for key in ["{b}1", "{b}2"] {
        assert_eq!(number(&block_on(server.ask(part(&script, key, 1)))), 1);
    }
    cluster.begin_move(b"{b}", 1);
    cluster.move_key(b"{b}1", 1);
    // Not here any more: ASK, which is not followed.
    let why = block_on(server.ask(part(&script, "{b}1", 2))).unwrap_err();
    assert!(why.contains("ASK"), "{why}");
    // One here and one there.
    let mut both = part(&script, "{b}1", 2);
    both.keys.push(b"{b}2");
    both.args.push_number(2);
    both.answers = 2;
    let why = block_on(server.ask(both)).unwrap_err();
    assert!(why.contains("TRYAGAIN"), "{why}");
    // One that is still here is answered.
    assert_eq!(number(&block_on(server.ask(part(&script, "{b}2", 2)))), 2);
    assert_eq!(noted(&mut cluster.connection(b"{b}2"), "{b}2"), 2);

    let patient_server = connect(&patient(&cluster.url()), &script);
    let waiting = patient_server.ask(part(&script, "{b}1", 3));
    std::thread::sleep(Duration::from_millis(200));
    cluster.end_move(b"{b}", 1);
    // What was refused had no effect; what waited has.
    assert_eq!(number(&block_on(waiting)), 2);
    assert_eq!(number(&block_on(server.ask(part(&script, "{b}1", 2)))), 3);
}

#[test]
fn a_cluster_that_is_down_is_an_outage_that_ends() {
    let options = ServerOptions { durable: true, ..ServerOptions::default() };
    let mut cluster = Cluster::start_with(&options);
    let script = script();
    let server = connect(&short(&cluster.url()), &script);
    assert_eq!(number(&block_on(server.ask(part(&script, NAMES[1], 1)))), 1);
    cluster.node_mut(0).kill();
    let mut why = String::new();
    wait_until("the cluster is down", || {
        why = block_on(server.ask(part(&script, NAMES[1], 2))).err().unwrap_or_default();
        why.contains("CLUSTERDOWN")
    });
    // Whose own node is gone is told so.
    let why = block_on(server.ask(part(&script, NAMES[0], 1))).unwrap_err();
    assert!(!why.is_empty());
    let patient_server = connect(&patient(&cluster.nodes()[1].url()), &script);
    let waiting = patient_server.ask(part(&script, NAMES[1], 3));
    std::thread::sleep(Duration::from_millis(200));
    cluster.node_mut(0).restart();
    cluster.wait_until_whole();
    assert!(block_on(waiting).is_ok(), "it was asked again until the cluster was back");
    for name in NAMES {
        wait_until("all slots are served again", || block_on(server.ask(part(&script, name, 9))).is_ok());
    }
    // Not once more for having been asked often.
    assert!(noted(&mut cluster.connection(NAMES[1].as_bytes()), NAMES[1]) <= 4);
}

#[test]
fn a_connection_of_ones_own_leads_to_the_holder_of_the_name() {
    let cluster = Cluster::start();
    let script = script();
    let server = connect(&patient(&cluster.url()), &script);
    for (number, name) in NAMES.iter().enumerate() {
        block_on(async {
            let opening: BoxFuture<'_, _> = server.open(name.as_bytes(), None).boxed();
            let mut connection = opening.await.unwrap();
            let port: (String, String) =
                cmd("CONFIG").arg("GET").arg("port").query_async(&mut connection).await.unwrap();
            assert_eq!(port.1, cluster.nodes()[number].port().to_string());
        });
    }
    // A slot that has moved since anybody asked.
    cluster.move_slot(NAMES[0].as_bytes(), 2);
    block_on(async {
        let mut connection = server.open(NAMES[0].as_bytes(), None).await.unwrap();
        let () = cmd("SET").arg(NAMES[0]).arg(1).query_async(&mut connection).await.unwrap();
    });
}

#[test]
fn a_cluster_is_the_same_by_whichever_node_and_whoever_is_its_primary() {
    let cluster = Cluster::with_replicas();
    let other = Cluster::start();
    let script = script();
    let server = connect(&patient(&cluster.url()), &script);
    let by_one = connect(&patient(&cluster.nodes()[2].url()), &script);
    let identity = block_on(server.identity()).unwrap();
    assert_eq!(block_on(by_one.identity()).unwrap(), identity);
    cluster.fail_over(1);
    assert_eq!(block_on(by_one.identity()).unwrap(), identity);
    let elsewhere = connect(&patient(&other.url()), &script);
    assert_ne!(block_on(elsewhere.identity()).unwrap(), identity);
}

#[test]
fn what_is_no_good_url_of_a_cluster_is_refused() {
    let cluster = Cluster::start();
    let alone = RedisServer::start(ServerOptions::default());
    let refusal = |url: &str| match Server::connect(&RedisOptions::parse(url).unwrap(), &[], None) {
        Err(Unfit::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    let why = refusal(&format!("{}/2", cluster.url()));
    assert!(why.contains("no database 2"), "{why}");
    let why = refusal(&format!("redis://{},{}", alone.address(), cluster.nodes()[0].address()));
    assert!(why.contains("several hosts"), "{why}");
    // A host that is gone is no reason to give up on the others.
    let mut gone = RedisServer::start(ServerOptions::default());
    gone.kill();
    let url = format!("redis://{},{}", gone.address(), cluster.nodes()[0].address());
    assert!(connect(&patient(&url), &script()).is_cluster());
}

/// Notes whom it was asked about.
#[derive(Debug, Default)]
struct Watchman {
    admitted: Mutex<Vec<Primary>>,
    lost: Mutex<Vec<Primary>>,
    refused: Mutex<Option<String>>,
}

impl Guard for Watchman {
    fn admit<'a>(
        &'a self,
        primary: &'a Primary,
        _: &'a mut MultiplexedConnection,
    ) -> BoxFuture<'a, Result<Admitted, Unfit>> {
        async move {
            self.admitted.lock().unwrap().push(primary.clone());
            match &*self.refused.lock().unwrap() {
                Some(refused) if *refused == primary.address => {
                    Err(Unfit::Refused("not this one".to_owned()))
                }
                _ => Ok(Admitted::default()),
            }
        }
        .boxed()
    }

    fn lost(&self, primary: &Primary) {
        self.lost.lock().unwrap().push(primary.clone());
    }

    fn message(&self, _: &[u8], _: &[u8]) {}
}

#[test]
fn each_primary_passes_the_guard_with_the_slots_that_it_serves() {
    let mut cluster = Cluster::with_replicas();
    let script = script();
    let watchman = Arc::new(Watchman::default());
    let guard = || Some(Arc::clone(&watchman) as Arc<dyn Guard>);
    let scripts = std::slice::from_ref(&script);
    let server = Server::connect(&patient(&cluster.url()), scripts, guard()).unwrap();
    let admitted = |address: &str| {
        let admitted = watchman.admitted.lock().unwrap();
        admitted.iter().rev().find(|primary| primary.address == address).cloned()
    };
    for (number, name) in NAMES.iter().enumerate() {
        let primary = admitted(&cluster.nodes()[number].address()).unwrap();
        assert!(primary.slots.iter().any(|range| range.contains(&slot_of(name.as_bytes()))), "{primary:?}");
    }
    // It is told of a slot that has moved when it is asked again.
    cluster.move_slot(NAMES[0].as_bytes(), 1);
    let moved = slot_of(NAMES[0].as_bytes());
    let serves = |address: &str| {
        admitted(address).is_some_and(|primary| primary.slots.iter().any(|range| range.contains(&moved)))
    };
    wait_until("the guard knows that the slot has moved", || {
        serves(&cluster.nodes()[1].address()) && !serves(&cluster.nodes()[0].address())
    });
    // A primary that takes over passes it before the first call.
    let promoted = cluster.nodes()[3].address();
    assert!(admitted(&promoted).is_none());
    cluster.node_mut(0).kill();
    cluster.fail_over(0);
    // In a slot of the dead one that did not move.
    let name = (0..).map(|n| format!("n{n}")).find(|name| slot_of(name.as_bytes()) < 5000).unwrap();
    assert_eq!(number(&block_on(server.ask(part(&script, &name, 1)))), 1);
    assert!(admitted(&promoted).is_some());
    let lost = watchman.lost.lock().unwrap().iter().any(|lost| lost.address == cluster.nodes()[0].address());
    assert!(lost, "the guard hears of the connection that was lost");

    // One that the guard does not admit is not worked with.
    *watchman.refused.lock().unwrap() = Some(cluster.nodes()[2].address());
    match Server::connect(&patient(&cluster.url()), scripts, guard()) {
        Err(Unfit::Refused(why)) => assert!(why.contains("not this one"), "{why}"),
        other => panic!("{other:?}"),
    }
}
