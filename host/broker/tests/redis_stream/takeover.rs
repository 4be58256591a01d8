//! Several hosts on one group.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use oncegate_broker::{Delivery, SourceOptions};
use oncegate_redis::redis;

use crate::common::*;

#[test]
fn two_hosts_share_a_stream_and_each_entry_is_handed_out_once() {
    let server = server();
    let met = Mutex::new(BTreeMap::new());
    let count = 600;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (met, server) = (&met, &server);
            scope.spawn(move || {
                // So short that the hosts look for stale entries all the time.
                let mut source = open(server, Duration::from_millis(800));
                let holding = source.holding();
                while met.lock().unwrap().len() < count {
                    for delivery in source.receive(16).unwrap() {
                        let Delivery::Message(message) = delivery else { panic!("{delivery:?}") };
                        *met.lock().unwrap().entry(payload(&message).to_owned()).or_insert(0) += 1;
                        finish(&holding, &[message]);
                    }
                }
            });
        }
        add(&server, (0..count).map(|n| n.to_string()));
    });
    assert!(met.into_inner().unwrap().values().all(|&times| times == 1));
    assert_eq!(pending(&server), []);
}

#[test]
fn what_dead_hosts_left_behind_is_taken_by_one_host_each() {
    let server = server();
    // More than are looked at in one step.
    let count = 700;
    let before = open(&server, HOUR);
    add(&server, (0..count).map(|n| n.to_string()));
    let read = format!("XREADGROUP GROUP g dead COUNT {count} STREAMS s >");
    let _: redis::Value = say(&mut server.connection(), &read);
    drop(before);
    let met = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (met, server) = (&met, &server);
            scope.spawn(move || {
                let mut source = open(server, Duration::from_millis(500));
                let mut held = Vec::new();
                while met.lock().unwrap().len() < count {
                    for delivery in source.receive(64).unwrap() {
                        let Delivery::Message(message) = delivery else { panic!("{delivery:?}") };
                        assert_eq!(ticket(&message).count, 2);
                        *met.lock().unwrap().entry(payload(&message).to_owned()).or_insert(0) += 1;
                        held.push(message);
                    }
                }
                finish(&source.holding(), &held);
            });
        }
    });
    assert!(met.into_inner().unwrap().values().all(|&times| times == 1));
}

#[test]
fn new_entries_are_read_between_those_that_are_taken_over() {
    let server = server();
    let mut source = open(&server, Duration::from_millis(200));
    add(&server, (0..300).map(|n| n.to_string()));
    let _: redis::Value = say(&mut server.connection(), "XREADGROUP GROUP g dead COUNT 300 STREAMS s >");
    std::thread::sleep(Duration::from_millis(300));
    add(&server, ["new"]);
    let mut met = 0;
    loop {
        let batch = source.receive(10).unwrap();
        assert!(!batch.is_empty(), "the new one never came");
        met += batch.len();
        if batch.iter().any(|delivery| matches!(delivery, Delivery::Message(m) if payload(m) == "new")) {
            break;
        }
    }
    assert!(met < 100, "{met} came before it");
}

#[test]
fn whoever_reads_alone_gets_what_is_pending_first_and_all_in_order() {
    // Rule 30: an order holds over the death of the only reader.
    let server = server();
    drop(open(&server, HOUR));
    // More than are looked at in one step, handed out a moment ago and never acknowledged.
    let count = 600;
    add(&server, (0..count).map(|n| n.to_string()));
    let _: redis::Value = say(&mut server.connection(), "XREADGROUP GROUP g dead COUNT 500 STREAMS s >");
    let alone = SourceOptions { alone: true, ..options(HOUR) };
    let mut source = Reader::open(&url(&server), alone).unwrap();
    let messages = receive(&mut source, count);
    let payloads: Vec<usize> = messages.iter().map(|message| payload(message).parse().unwrap()).collect();
    assert_eq!(payloads, (0..count).collect::<Vec<_>>());
    let taken_over = messages.iter().filter(|message| ticket(message).count == 2).count();
    assert_eq!(taken_over, 500);
}
