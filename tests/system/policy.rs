//! What a pipeline's policy promises, on real servers: outages that are open or closed, trial runs, what tells one event
//! from another, and waiting for a key that somebody else has.

use std::collections::BTreeMap;
use std::time::Duration;

use oncegate_tests::{
    Client, Group, Hosts, Ledger, Redis, entries, exactly_once, produce, send, until, until_within,
};
use serde_json::Value;

/// Longer than a call to the store is waited for, which is what has to be waited out before an outage is one.
const OUTAGE: Duration = Duration::from_secs(20);

/// How many outputs each key has.
fn outputs(client: &mut Client) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for effect in entries(client, "effects") {
        *counts.entry(effect.payload().to_owned()).or_default() += 1;
    }
    counts
}

/// How often each key was sent.
fn deliveries(messages: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message["steps"][0]["seen"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// How many keys have a committed record.
fn marked(store: &mut Client, prefix: &str) -> usize {
    store.ask::<Vec<String>>(&["KEYS", &format!("oncegate:1:probe:k:{prefix}*")]).len()
}

#[test]
fn an_outage_that_is_open_lets_everything_through_and_marks_it_afterwards() {
    let (redis, mut store) = (Redis::start(), Redis::start());
    let mut client = redis.client();
    let hosts = Hosts::on(&redis).with_store(&store).set("policy.outage", "'open'");
    let host = hosts.start();
    let before = send(&mut client, "before", 300);
    exactly_once(&mut client, &before);

    // In the middle of its work.
    let early = send(&mut client, "early", 2_000);
    until("it works", || entries(&mut client, "effects").len() > before.len() + 50);
    store.kill();
    let (messages, during) = oncegate_tests::effects("during", 100);
    produce(&mut client, "orders", &messages);
    until_within(OUTAGE, "everything is handled without the store", || {
        Group::orders().is_settled(&mut client)
    });
    let found = outputs(&mut client);
    for (key, sent) in deliveries(&messages) {
        let count = found.get(&key).copied().unwrap_or_default();
        assert!((1..=sent).contains(&count), "{key} was sent {sent} times and has {count} effects");
    }
    assert!(during.iter().any(|key| found[key] == 2), "nothing was doubled: the outage shows nothing");
    let all: Vec<String> = [&before, &early, &during].into_iter().flatten().cloned().collect();
    Ledger::read(&mut client).nothing_is_lost(&all);

    store.restart();
    // What was handled meanwhile is marked along with what is settled now.
    let (mut store, mut more) = (store.client(), 0);
    until("what was handled in the outage is marked", || {
        send(&mut client, &format!("after{more}-"), 3);
        more += 1;
        marked(&mut store, "during") == during.len()
    });
    Group::orders().wait_until_settled(&mut client);
    let found = outputs(&mut client);
    produce(&mut client, "orders", &messages);
    Group::orders().wait_until_settled(&mut client);
    assert_eq!(outputs(&mut client), found, "what was marked afterwards came again");
    let ended = host.drain();
    assert!(ended.summary()["unguarded"].as_u64() >= Some(100), "{}", ended.stdout);
}
