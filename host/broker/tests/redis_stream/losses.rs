//! Trimming is the operator's. What it loses is counted and named.

use std::time::Duration;

use oncegate_broker::Event;
use oncegate_redis::redis;

use crate::common::*;

#[test]
fn what_was_trimmed_while_a_dead_host_had_it_is_counted_and_named() {
    let server = server();
    let mut source = open(&server, Duration::from_millis(300));
    let ids = add(&server, ["a", "b"]);
    let _: redis::Value = say(&mut server.connection(), "XREADGROUP GROUP g dead COUNT 2 STREAMS s >");
    let _: u64 = say(&mut server.connection(), "XTRIM s MAXLEN 1");
    let taken = receive(&mut source, 1);
    assert_eq!(payload(&taken[0]), "b");
    let holding = source.holding();
    let stream = "s".to_owned();
    let lost = Event::TrimmedPending { stream, id: ids[0].clone(), consumer: "dead".to_owned() };
    assert_eq!(
        lost.to_string(),
        format!("lost: entry {} of the stream s was trimmed while it was pending for dead", ids[0])
    );
    assert_eq!((holding.events(), holding.figures().trimmed_pending), (vec![lost], 1));
    finish(&holding, &taken);
    assert_eq!(pending(&server), [], "it is not counted again");
}

#[test]
fn what_was_trimmed_before_it_was_read_is_counted_once_and_named() {
    let server = server();
    let (mut source, mut other) = (open(&server, HOUR), open(&server, HOUR));
    let ids = add(&server, ["a", "b", "c", "d", "e"]);
    let first = source.receive(1).unwrap();
    assert_eq!(first.len(), 1);
    let _: u64 = say(&mut server.connection(), "XTRIM s MAXLEN 2");
    let rest = receive(&mut source, 2);
    assert_eq!(rest.iter().map(payload).collect::<Vec<_>>(), ["d", "e"]);
    let (stream, after, before) = ("s".to_owned(), ids[0].clone(), Some(ids[3].clone()));
    let lost = Event::TrimmedUnread { stream: stream.clone(), count: 2, after, before };
    assert_eq!(
        lost.to_string(),
        format!(
            "lost: 2 entries of the stream s after {} and before {} left it before being read",
            ids[0], ids[3]
        )
    );
    assert_eq!((source.holding().events(), source.holding().figures().trimmed_unread), (vec![lost], 2));

    // All that is left, and nothing behind it.
    let more = add(&server, ["f", "g"]);
    let _: u64 = say(&mut server.connection(), "XTRIM s MAXLEN 0");
    receive_nothing(&mut other, Duration::from_millis(10));
    let lost = Event::TrimmedUnread { stream, count: 2, after: ids[4].clone(), before: None };
    assert_eq!(other.holding().events(), [lost]);
    let last = add(&server, ["h"]);
    assert!(last > more);
    assert_eq!(payload(&receive(&mut other, 1)[0]), "h");
    receive_nothing(&mut source, Duration::from_millis(10));
    assert_eq!(source.holding().figures().trimmed_unread + other.holding().figures().trimmed_unread, 4);
}

#[test]
fn what_left_the_stream_after_it_was_read_or_before_the_group_was_made_is_no_loss() {
    let server = server();
    add(&server, ["a", "b", "c"]);
    let _: u64 = say(&mut server.connection(), "XTRIM s MAXLEN 2");
    let mut source = open(&server, HOUR);
    let messages = receive(&mut source, 2);
    finish(&source.holding(), &messages);
    let _: u64 = say(&mut server.connection(), "XTRIM s MAXLEN 0");
    add(&server, ["d"]);
    let message = receive(&mut source, 1);
    let _: u64 = say(&mut server.connection(), &format!("XDEL s {}", message[0].id));
    receive_nothing(&mut source, Duration::from_millis(10));
    assert_eq!((source.holding().events(), source.holding().figures().trimmed_unread), (vec![], 0));
}

#[test]
fn a_group_that_starts_at_the_end_has_lost_nothing() {
    let server = server();
    add(&server, ["a", "b"]);
    let url = format!("redis-stream://{}/s?group=g&start=$", server.address()).parse().unwrap();
    let mut source = Reader::open(&url, options(HOUR)).unwrap();
    let _: u64 = say(&mut server.connection(), "XTRIM s MAXLEN 0");
    add(&server, ["c"]);
    assert_eq!(payload(&receive(&mut source, 1)[0]), "c");
    assert_eq!(source.holding().events(), []);
}
