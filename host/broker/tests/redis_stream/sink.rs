//! Entries that are appended, and what is read back.

use std::cell::RefCell;
use std::collections::BTreeMap;

use oncegate_broker::{
    DeadLetter, Delivery, Encoder as _, Header, Malformed, Message, Output, RedisStreamSink, Sink as _,
    SinkError, StreamEncoder, Topics,
};
use oncegate_redis::redis;
use oncegate_redis::testing::{Cut, Proxy, RedisServer, ServerOptions};
use oncegate_redis::wait;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::*;

fn one() -> Topics {
    Topics::One("s".to_owned())
}

fn sink(server: &RedisServer, topics: &Topics) -> Result<RedisStreamSink, SinkError> {
    RedisStreamSink::open(&format!("redis-stream://{}", server.address()).parse().unwrap(), topics)
}

fn output(topics: &Topics, id: &str, topic: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let output = Output { id, topic, key: None, headers: &[], payload: b"p" };
    StreamEncoder::new(topics.clone()).output(&output, &mut bytes);
    bytes
}

/// The ids that producers gave the entries of a stream.
fn ids(server: &RedisServer, stream: &str) -> Vec<String> {
    let entries: Vec<(String, Vec<(String, String)>)> =
        say(&mut server.connection(), &format!("XRANGE {stream} - +"));
    let id = |fields: &Vec<(String, String)>| fields.iter().find(|(name, _)| name == "id").unwrap().1.clone();
    entries.iter().map(|(_, fields)| id(fields)).collect()
}

prop_compose! {
    fn message()(
        id in any::<String>(),
        topic in any::<String>(),
        key in option::of(any::<String>()),
        headers in vec((prop_oneof!["[ab]", any::<String>()], vec(any::<u8>(), 0..8)), 0..6),
        payload in prop_oneof![vec(any::<u8>(), 0..64), any::<String>().prop_map(String::into_bytes)],
    ) -> Message {
        let headers = headers.into_iter().map(|(name, value)| Header { name, value }).collect();
        Message { id, topic, key, headers, payload, published_ms: None, ticket: None }
    }
}

#[test]
fn an_output_is_read_back_as_the_same_message_to_the_byte() {
    let server = server();
    let source = open(&server, HOUR);
    let holding = source.holding();
    let ends = RefCell::new((source, sink(&server, &one()).unwrap()));
    let encoder = StreamEncoder::new(one());
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&vec(message(), 1..8), |messages| {
        let (source, sink) = &mut *ends.borrow_mut();
        let mut bytes = Vec::new();
        for m in &messages {
            let (key, headers) = (m.key.as_deref(), m.headers.as_slice());
            let output = Output { id: &m.id, topic: &m.topic, key, headers, payload: &m.payload };
            encoder.output(&output, &mut bytes);
        }
        sink.append(&bytes).unwrap();
        wait(sink.flush()).unwrap();
        let read = receive(source, messages.len());
        finish(&holding, &read);
        let plain = |m: Message| Message { ticket: None, published_ms: None, ..m };
        prop_assert!(read.iter().all(|m| m.published_ms.is_some()));
        prop_assert_eq!(read.into_iter().map(plain).collect::<Vec<_>>(), messages);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_dead_letter_is_read_back_with_the_hosts_headers_last() {
    let server = server();
    let mut source = open(&server, HOUR);
    let mut sink = sink(&server, &one()).unwrap();
    let header = |name: &str| Header { name: name.to_owned(), value: name.as_bytes().to_vec() };
    let many = vec![header("h"); 5_000];
    let mut bytes = Vec::new();
    for headers in [&[header("oncegate-reason"), header("a")][..], &many] {
        let host_headers = vec![("oncegate-reason", "new".to_owned())];
        let letter =
            DeadLetter { id: "7", topic: "t", key: Some("k"), headers, payload: b"\xff", host_headers };
        StreamEncoder::new(one()).dead_letter(&letter, &mut bytes);
    }
    sink.append(&bytes).unwrap();
    wait(sink.flush()).unwrap();
    let read = receive(&mut source, 2);
    assert_eq!((read[0].id.as_str(), read[0].topic.as_str(), read[0].key.as_deref()), ("7", "t", Some("k")));
    let reason = Header { name: "oncegate-reason".to_owned(), value: b"new".to_vec() };
    assert_eq!(read[0].headers, [header("a"), reason.clone()]);
    // More than an entry can have are left out, and counted.
    let last = &read[1].headers[read[1].headers.len() - 2..];
    let kept = read[1].headers.iter().filter(|header| header.name == "h").count();
    assert_eq!(last[0], reason);
    assert_eq!(last[1].name, "oncegate-headers-left-out");
    assert_eq!(last[1].value, (5_000 - kept).to_string().as_bytes());
    assert!(kept > 3_800, "{kept}");
}

#[test]
fn a_malformed_entry_becomes_a_dead_letter_with_its_fields() {
    let server = server();
    let mut source = open(&server, HOUR);
    let id: String = say(&mut server.connection(), "XADD s * body x");
    let Delivery::Malformed(malformed) = source.receive(1).unwrap().remove(0) else { panic!() };
    assert_eq!(
        (malformed.id.as_str(), malformed.reason.as_str()),
        (id.as_str(), "it has an unknown field \"body\"")
    );
    assert_eq!(malformed.bytes, br#"[["body","x"]]"#);
    assert_eq!(acknowledge(&source.holding(), malformed.ticket.unwrap()), oncegate_broker::Acked::Done);
    let mut bytes = Vec::new();
    let malformed = Malformed { ticket: None, ..malformed };
    StreamEncoder::new(one()).malformed(&malformed, "orders", &mut bytes);
    let mut sink = sink(&server, &one()).unwrap();
    sink.append(&bytes).unwrap();
    wait(sink.flush()).unwrap();
    let read = receive(&mut source, 1).remove(0);
    assert_eq!((read.id, read.topic, read.payload), (id, "orders".to_owned(), malformed.bytes));
    assert_eq!(read.headers[0].value, malformed.reason.into_bytes());
}

#[test]
fn topics_go_to_their_streams_in_order_and_to_no_others() {
    let server = server();
    let map = [("a", "one"), ("b", "two"), ("c", "two")]
        .map(|(topic, stream)| (topic.to_owned(), stream.to_owned()));
    let topics = Topics::Map(BTreeMap::from(map));
    let mut sink = sink(&server, &topics).unwrap();
    for n in 0..300 {
        for topic in ["a", "b", "c"] {
            sink.append(&output(&topics, &format!("{topic}{n}"), topic)).unwrap();
        }
    }
    let error = sink.append(&output(&topics, "x", "s")).unwrap_err();
    assert!(
        matches!(&error, SinkError::Refused { why, .. } if why.contains("\"s\" has no stream")),
        "{error}"
    );
    wait(sink.flush()).unwrap();
    assert_eq!(ids(&server, "one"), (0..300).map(|n| format!("a{n}")).collect::<Vec<_>>());
    let two: Vec<_> = (0..300).flat_map(|n| [format!("b{n}"), format!("c{n}")]).collect();
    assert_eq!(ids(&server, "two"), two);
    let keys: Vec<String> = say(&mut server.connection(), "KEYS *");
    assert_eq!(keys.len(), 2, "{keys:?}");
}

#[test]
fn what_is_not_confirmed_is_appended_by_a_later_flush_with_the_same_ids() {
    let mut server = RedisServer::start(ServerOptions { durable: true, ..ServerOptions::default() });
    let mut sink = sink(&server, &one()).unwrap();
    sink.append(&output(&one(), "1", "t")).unwrap();
    wait(sink.flush()).unwrap();
    server.kill();
    sink.append(&output(&one(), "2", "t")).unwrap();
    sink.append(&output(&one(), "3", "t")).unwrap();
    for _ in 0..2 {
        let error = wait(sink.flush()).unwrap_err();
        assert!(matches!(error, SinkError::Unavailable { .. }), "{error}");
    }
    server.restart();
    eventually("the server is back", || wait(sink.flush()).is_ok());
    assert_eq!(ids(&server, "s"), ["1", "2", "3"]);
    wait(sink.flush()).unwrap();
    assert_eq!(ids(&server, "s"), ["1", "2", "3"]);
}

#[test]
fn what_is_appended_by_a_call_whose_reply_was_cut_may_be_there_twice_and_bears_the_same_id() {
    let server = server();
    let proxy = Proxy::to(server.port());
    let url = format!("redis-stream://{}", proxy.address()).parse().unwrap();
    let mut sink = RedisStreamSink::open(&url, &one()).unwrap();
    proxy.cut(Cut::Reply, 0);
    sink.append(&output(&one(), "1", "t")).unwrap();
    wait(sink.flush()).unwrap();
    assert_eq!(ids(&server, "s"), ["1", "1"]);
    proxy.cut(Cut::Request, 0);
    sink.append(&output(&one(), "2", "t")).unwrap();
    wait(sink.flush()).unwrap();
    assert_eq!(ids(&server, "s"), ["1", "1", "2"]);
}

#[test]
fn what_was_given_up_is_not_appended() {
    let server = server();
    let mut sink = sink(&server, &one()).unwrap();
    sink.append(&output(&one(), "1", "t")).unwrap();
    sink.give_up();
    sink.append(&output(&one(), "2", "t")).unwrap();
    wait(sink.flush()).unwrap();
    assert_eq!(ids(&server, "s"), ["2"]);
}

#[test]
fn full_memory_passes_and_a_wrong_type_does_not() {
    let server = server();
    let mut connection = server.connection();
    let map = [("a", "one"), ("b", "two")].map(|(topic, stream)| (topic.to_owned(), stream.to_owned()));
    let topics = Topics::Map(BTreeMap::from(map));
    let mut sink = sink(&server, &topics).unwrap();
    let _: String = say(&mut connection, "CONFIG SET maxmemory 1");
    sink.append(&output(&topics, "1", "a")).unwrap();
    let error = wait(sink.flush()).unwrap_err();
    assert!(matches!(&error, SinkError::Unavailable { why, .. } if why.contains("OOM")), "{error}");
    let _: String = say(&mut connection, "CONFIG SET maxmemory 0");
    let _: String = say(&mut connection, "SET two x");
    sink.append(&output(&topics, "2", "b")).unwrap();
    let error = wait(sink.flush()).unwrap_err();
    assert!(matches!(&error, SinkError::Refused { why, .. } if why.contains("two")), "{error}");
    assert_eq!(ids(&server, "one"), ["1"], "one stream's fault is not the other's");
    let _: u64 = say(&mut connection, "DEL two");
    wait(sink.flush()).unwrap();
    assert_eq!((ids(&server, "one"), ids(&server, "two")), (vec!["1".to_owned()], vec!["2".to_owned()]));
}

#[test]
fn what_cannot_be_appended_to_is_refused_at_the_start() {
    let server = server();
    let _: u64 = say(&mut server.connection(), "LPUSH s x");
    let error = sink(&server, &one()).unwrap_err();
    assert!(matches!(&error, SinkError::Refused { why, .. } if why.contains("stream s ")), "{error}");
    let _: u64 = say(&mut server.connection(), "DEL s");
    let _: String = say(&mut server.connection(), "ACL SETUSER u on >p ~s &* +@all -xadd");
    let url = format!("redis-stream://u:p@{}/s", server.address());
    let error = RedisStreamSink::open(&url.parse().unwrap(), &one()).unwrap_err();
    assert!(matches!(&error, SinkError::Refused { why, .. } if why.contains("may not call XADD")), "{error}");
}

#[test]
fn large_entries_are_read_few_at_a_time() {
    let server = server();
    let options = oncegate_broker::SourceOptions { message_limit: 700_000, ..options(HOUR) };
    let mut source = Reader::open(&url(&server), options).unwrap();
    let mut connection = server.connection();
    for bytes in [600_000, 800_000, 600_000, 600_000, 600_000] {
        let mut add = redis::cmd("XADD");
        add.arg("s").arg("*").arg("payload").arg(vec![b'x'; bytes]);
        let _: String = add.query(&mut connection).unwrap();
    }
    assert_eq!(source.receive(1).unwrap().len(), 1);
    let sizes: Vec<usize> = std::iter::from_fn(|| Some(source.receive(256).unwrap().len()))
        .scan(0, |sum, size| {
            *sum += size;
            (*sum <= 4 && size > 0).then_some(size)
        })
        .take(4)
        .collect();
    assert_eq!(sizes, [1; 4]);
}
