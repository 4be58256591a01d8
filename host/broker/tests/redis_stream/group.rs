//! The group, the consumers in it, and what the user must be allowed.

use std::time::Duration;

use oncegate_broker::{Closed, SourceError, SourceOptions, StreamUrl};
use oncegate_redis::redis;
use oncegate_redis::testing::RedisServer;

use crate::common::*;

fn from(server: &RedisServer, start: &str) -> StreamUrl {
    format!("redis-stream://{}/s?group=g&start={start}", server.address()).parse().unwrap()
}

#[test]
fn a_group_is_made_at_its_start_once() {
    let server = server();
    add(&server, ["a"]);
    let mut source = Reader::open(&from(&server, "$"), options(HOUR)).unwrap();
    add(&server, ["b"]);
    assert_eq!(payload(&receive(&mut source, 1)[0]), "b");
    // It is there: its start does not matter any more.
    let mut source = Reader::open(&from(&server, "0"), options(HOUR)).unwrap();
    receive_nothing(&mut source, Duration::from_millis(10));

    let _: u64 = say(&mut server.connection(), "DEL s");
    let mut source = Reader::open(&from(&server, "0"), options(HOUR)).unwrap();
    add(&server, ["c"]);
    assert_eq!(payload(&receive(&mut source, 1)[0]), "c");
}

fn ends_refused(source: &mut Reader) -> String {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        match source.receive(256) {
            Ok(batch) => assert!(batch.is_empty() && std::time::Instant::now() < until),
            Err(error @ SourceError::Refused { .. }) => return error.to_string(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_group_that_vanishes_ends_the_source_and_is_not_made_again() {
    for vanish in ["XGROUP DESTROY s g", "DEL s"] {
        let server = server();
        let mut source = open(&server, HOUR);
        add(&server, ["a"]);
        receive(&mut source, 1);
        let reading = std::thread::spawn(move || ends_refused(&mut source));
        std::thread::sleep(Duration::from_millis(100));
        let _: u64 = say(&mut server.connection(), vanish);
        let said = reading.join().unwrap();
        assert!(said.contains("s (group g)") && said.contains("vanished"), "{said}");
        let groups: redis::RedisResult<Vec<redis::Value>> =
            redis::cmd("XINFO").arg("GROUPS").arg("s").query(&mut server.connection());
        assert!(groups.map_or(true, |groups| groups.is_empty()), "{vanish}: it was made again");
    }
}

#[test]
fn something_else_under_the_streams_name_is_refused() {
    let server = server();
    let _: String = say(&mut server.connection(), "SET s x");
    let said = refusal(Reader::open(&url(&server), options(HOUR)));
    assert!(said.contains("there is a string under its name"), "{said}");
}

#[test]
fn a_user_who_may_not_do_all_of_it_is_refused_at_the_start() {
    let server = server();
    let commands =
        ["type", "xreadgroup", "xpending", "xclaim", "xack", "xrange", "xinfo|stream", "xinfo|groups"];
    let commands = commands.into_iter().chain(["xinfo|consumers", "xgroup|create", "xgroup|setid"]);
    for command in commands.chain(["xgroup|delconsumer"]) {
        let user = format!("ACL SETUSER u reset on >p ~s &* +@all -{command}");
        let _: String = say(&mut server.connection(), &user);
        let url = format!("redis-stream://u:p@{}/s?group=g&start=0", server.address());
        let said = refusal(Reader::open(&url.parse().unwrap(), options(HOUR)));
        let named = command.to_uppercase().replace('|', " ");
        assert!(
            said.contains(&format!("may not call {named} ")) && !said.contains("u:p"),
            "{command}: {said}"
        );
    }
    // Nothing was made.
    let keys: Vec<String> = say(&mut server.connection(), "KEYS *");
    assert_eq!(keys, Vec::<String>::new());
    let _: String = say(&mut server.connection(), "ACL SETUSER u reset on >p ~other &* +@all");
    let url = format!("redis-stream://u:p@{}/s?group=g&start=0", server.address());
    refusal(Reader::open(&url.parse().unwrap(), options(HOUR)));
}

#[test]
fn a_consumer_is_removed_at_the_end_unless_something_is_pending_for_it() {
    let server = server();
    let mut source = open(&server, HOUR);
    let holding = source.holding();
    add(&server, ["a"]);
    let messages = receive(&mut source, 1);
    let consumer = holding.consumer().to_owned();
    drop(source);
    assert_eq!(block_on(holding.close()), Closed::Pending);
    assert_eq!(pending(&server), [(messages[0].id.clone(), consumer, 1)]);
    finish(&holding, &messages);
    assert_eq!(block_on(holding.close()), Closed::Removed);
    assert_eq!(consumers(&server), Vec::<String>::new());
}

#[test]
fn consumers_of_dead_hosts_are_removed_and_no_others() {
    let server = server();
    let takeover_idle = Duration::from_millis(50);
    let dead_after = takeover_idle * 10;
    let options = SourceOptions { dead_after, ..options(takeover_idle) };
    // It never reads; that it is there is all it says.
    let idle = Reader::open(&url(&server), options.clone()).unwrap();
    let mut source = Reader::open(&url(&server), options).unwrap();
    let ids = add(&server, ["a"]);
    let held = receive(&mut source, 1);
    let mut connection = server.connection();
    for name in ["oncegate-dead", "theirs"] {
        let _: u64 = say(&mut connection, &format!("XGROUP CREATECONSUMER s g {name}"));
    }
    // Pending for a dead host, and not taken over, because this process still handles it.
    let _: redis::Value = say(&mut connection, &format!("XCLAIM s g oncegate-thief 0 {} JUSTID", ids[0]));
    let began = std::time::Instant::now();
    while consumers(&server).iter().any(|name| name == "oncegate-dead") || began.elapsed() < dead_after * 4 {
        assert!(began.elapsed() < PATIENCE, "{:?}", consumers(&server));
        receive_nothing(&mut source, Duration::from_millis(1));
    }
    let mut left = consumers(&server);
    left.retain(|name| name != source.holding().consumer() && name != idle.holding().consumer());
    assert_eq!(left, ["oncegate-thief", "theirs"]);
    assert_eq!(consumers(&server).len(), 4, "a host that only waits was taken for dead");
    assert_eq!(pending(&server), [(ids[0].clone(), "oncegate-thief".to_owned(), 1)]);
    assert_eq!(source.holding().figures().consumers_removed, 1);
    assert_eq!(held.len(), 1);
}
