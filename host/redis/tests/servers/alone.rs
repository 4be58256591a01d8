//! Calls to one server: through restarts, cuts and stalls; connections of one's own; who it is.

use std::time::{Duration, Instant};

use crate::common::{Traffic, block_on, connect, noted, number, part, patient, script, wait_until};
use oncegate_redis::redis::cmd;
use oncegate_redis::testing::{Cut, Proxy, RedisServer, ServerOptions};
use oncegate_redis::{Part, RedisOptions, Script, Server, Unfit};

fn durable() -> RedisServer {
    RedisServer::start(ServerOptions { durable: true, ..ServerOptions::default() })
}

#[test]
fn calls_survive_a_restart_in_mid_traffic() {
    let mut redis = durable();
    let script = script();
    let server = connect(&patient(&redis.url()), &script);
    assert!(!server.is_cluster());
    assert_eq!((server.slot(b"a"), server.slot(b"{b}")), (0, 0));
    let traffic = Traffic::start(&server, &script, &["a", "b"]);
    for _ in 0..3 {
        traffic.go_on(200);
        redis.restart();
    }
    traffic.go_on(200);
    assert_eq!(traffic.refused(), 0);
    for (key, ids) in traffic.stop() {
        assert_eq!(noted(&mut redis.connection(), &key), ids, "{key}");
    }
}

#[test]
fn keys_of_any_slot_share_a_call_where_there_is_no_cluster() {
    let redis = durable();
    let script = script();
    let server = connect(&patient(&redis.url()), &script);
    let names: Vec<String> = (0..1000).map(|n| format!("n{n}")).collect();
    let answers =
        block_on(futures_util::future::join_all(names.iter().map(|name| server.ask(part(&script, name, 1)))));
    assert!(answers.iter().all(|answer| number(answer) == 1));
    let calls = redis.calls("evalsha");
    assert!(calls < 100, "{calls} calls for 1000 parts");
}

#[test]
fn a_cut_command_is_lost_on_its_way_or_on_its_way_back() {
    let redis = durable();
    let proxy = Proxy::to(redis.port());
    let script = script();
    let server = connect(&patient(&proxy.url()), &script);
    for (id, what) in [(1, Cut::Request), (2, Cut::Reply)] {
        let (sent, done) = (proxy.count("evalsha"), redis.calls("evalsha"));
        proxy.cut(what, 0);
        assert_eq!(number(&block_on(server.ask(part(&script, "k", id)))), i64::try_from(id).unwrap());
        assert_eq!(proxy.count("evalsha") - sent, 2, "asked again");
        assert_eq!(redis.calls("evalsha") - done, if what == Cut::Request { 1 } else { 2 });
    }
}

#[test]
fn a_proxy_cuts_what_it_is_told_and_nothing_else() {
    let redis = durable();
    let proxy = Proxy::to(redis.port());
    let script = script();
    let server = connect(&patient(&proxy.url()), &script);
    proxy.cut_at("xadd", Cut::Reply, 2);
    block_on(async {
        let mut outcomes = Vec::new();
        for _ in 0..4 {
            let mut own = server.open(b"s", Some(Duration::from_secs(5))).await.unwrap();
            let () = cmd("SET").arg("k").arg(1).query_async(&mut own).await.unwrap();
            let mut add = cmd("XADD");
            add.arg("s").arg("*").arg("a").arg(1);
            outcomes.push(add.query_async::<String>(&mut own).await.is_ok());
        }
        assert_eq!(outcomes, [false, true, false, true]);
    });
    proxy.cut_nothing();
    let length: u64 = cmd("XLEN").arg("s").query(&mut redis.connection()).unwrap();
    assert_eq!((length, proxy.count("XADD"), proxy.count("SET")), (4, 4, 4));

    proxy.delay(Duration::from_millis(300));
    let asked = Instant::now();
    assert_eq!(number(&block_on(server.ask(part(&script, "k1", 1)))), 1);
    assert!(asked.elapsed() >= Duration::from_millis(300));
    proxy.delay(Duration::ZERO);

    proxy.refuse(true);
    proxy.hang_up();
    let mut options = RedisOptions::parse(&proxy.url()).unwrap();
    options.patience = Duration::from_millis(300);
    assert!(matches!(Server::connect(&options, &[], None), Err(Unfit::Away(_))));
    let waiting = server.ask(part(&script, "k1", 2));
    std::thread::sleep(Duration::from_millis(200));
    proxy.refuse(false);
    assert_eq!(number(&block_on(waiting)), 2, "it is waited for until the connection is back");
}

#[test]
fn a_connection_of_ones_own_may_block_and_holds_up_nobody() {
    let redis = durable();
    let script = script();
    let server = connect(&patient(&redis.url()), &script);
    block_on(async {
        let mut own = server.open(b"list", None).await.unwrap();
        let mut pop = cmd("BLPOP");
        pop.arg("list").arg(10);
        // Longer than any other answer may take.
        let popped = tokio::spawn(async move { pop.query_async::<(String, String)>(&mut own).await });
        let until = Instant::now() + Duration::from_millis(1500);
        let mut id = 0;
        while Instant::now() < until {
            id += 1;
            assert_eq!(number(&server.ask(part(&script, "k", id)).await), i64::try_from(id).unwrap());
        }
        assert!(!popped.is_finished());
        let () = cmd("RPUSH").arg("list").arg("x").query(&mut redis.connection()).unwrap();
        assert_eq!(popped.await.unwrap().unwrap(), ("list".to_owned(), "x".to_owned()));

        // Whoever wants a time-out gets it.
        let mut hasty = server.open(b"list", Some(Duration::from_millis(100))).await.unwrap();
        let mut pop = cmd("BLPOP");
        pop.arg("list").arg(10);
        assert!(pop.query_async::<(String, String)>(&mut hasty).await.unwrap_err().is_timeout());
    });
    let replica = redis.replica();
    let mut other = durable();
    let server = connect(&patient(&other.url()), &script);
    let unfit = {
        cmd("REPLICAOF").arg("127.0.0.1").arg(redis.port()).exec(&mut other.connection()).unwrap();
        block_on(server.open(b"k", None)).err()
    };
    assert!(matches!(&unfit, Some(Unfit::Refused(why)) if why.contains("replica")), "{unfit:?}");
    other.kill();
    assert!(matches!(block_on(server.open(b"k", None)), Err(Unfit::Away(_))));
    drop(replica);
}

#[test]
fn a_server_is_known_by_its_run_and_its_database() {
    let mut redis = durable();
    let other = durable();
    let script = script();
    let identity = |url: &str| block_on(connect(&patient(url), &script).identity()).unwrap();
    let first = identity(&redis.url());
    assert_eq!(identity(&format!("redis://localhost:{}", redis.port())), first);
    assert_ne!(identity(&format!("redis://{}/1", redis.address())), first);
    assert_ne!(identity(&other.url()), first);
    let server = connect(&patient(&redis.url()), &script);
    assert_eq!(block_on(server.identity()).unwrap(), first);
    redis.restart();
    wait_until("it is another run", || block_on(server.identity()).is_ok_and(|identity| identity != first));
}

#[test]
fn the_only_primary_is_asked_by_its_address_and_by_no_other() {
    let redis = durable();
    let who = Script::new("return {1}");
    let server = connect(&patient(&redis.url()), &who);
    let ask = |address: &str| {
        let mut part = Part::new(&who);
        part.answers = 1;
        block_on(server.ask_at(address, part))
    };
    let primaries = block_on(server.primaries()).unwrap();
    let [primary] = primaries.as_slice() else { panic!("{primaries:?}") };
    assert_eq!((primary.address.clone(), primary.slots.as_slice()), (redis.address(), [].as_slice()));
    assert!(ask(&primary.address).is_ok());
    assert!(ask("127.0.0.1:1").unwrap_err().contains("not a primary"));
}
