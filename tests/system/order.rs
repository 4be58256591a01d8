//! Messages that are handled one after the other, and the one host that reads a stream in order.

use std::collections::BTreeMap;

use oncegate_tests::{
    Bench, Call, Client, Ended, Group, Host, Hosts, Ledger, Moment, Redis, Then, Which, Wire, entries,
    oncegate, plugin, until,
};
use serde_json::{Value, json};

/// A message of a message key, the so manieth of it. The first two deliveries of some of them fail.
struct Sent {
    key: String,
    text: String,
    fails: bool,
}

impl Sent {
    fn payload(&self) -> Value {
        let until = if self.fails { 3 } else { 1 };
        let text = &self.text;
        json!({"steps": [{"seen": text}, {"retry_until": until}, {"emit": ["t", text]}, {"commit": text}]})
    }
}

/// So many messages of each of so many keys, one of each key in turn.
fn messages(prefix: &str, keys: usize, of_each: usize) -> Vec<Sent> {
    let message = |n: usize| {
        let (key, number) = (format!("{prefix}{}", n % keys), n / keys);
        // Of every key one, and not all of them at the same time.
        let fails = number == n % keys % of_each;
        Sent { text: format!("{key}/{number}"), key, fails }
    };
    (0..keys * of_each).map(message).collect()
}

fn texts(sent: &[Sent]) -> Vec<&str> {
    sent.iter().map(|sent| sent.text.as_str()).collect()
}

/// By the key that stands before the slash.
fn by_key<'a>(texts: &[&'a str]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for text in texts {
        keys.entry(text.split_once('/').unwrap().0).or_default().push(text);
    }
    keys
}

/// Each key's effects are in order, and those of different keys have overtaken each other.
fn is_in_order_of_keys(effects: &[&str], sent: &[Sent]) {
    assert_eq!(by_key(effects), by_key(&texts(sent)));
    assert_ne!(effects, texts(sent), "nobody overtook anybody: this shows nothing");
}

fn write(bench: &Bench, sent: &[Sent]) {
    let line = |sent: &Sent| format!("{}\n", json!({"key": sent.key, "payload": sent.payload()}));
    bench.write("in.ndjson", sent.iter().map(line).collect::<String>());
}

fn send(client: &mut Client, sent: &[Sent]) {
    let add = |sent: &Sent| {
        ["XADD", "orders", "*", "key", &sent.key, "payload", &sent.payload().to_string()]
            .map(str::to_owned)
            .to_vec()
    };
    client.ask_all("orders", &sent.iter().map(add).collect::<Vec<_>>());
}

/// A host that alone reads the stream.
fn exclusive(redis: &Redis, order: &str) -> Hosts {
    Hosts::on(redis).set("policy.order", &format!("'{order}'")).set("input.exclusive", "true")
}

fn written(bench: &Bench) -> Vec<String> {
    bench.output().iter().map(|line| line.payload().as_str().unwrap().to_owned()).collect()
}

fn effects(client: &mut Client) -> Vec<String> {
    entries(client, "effects").iter().map(|effect| effect.payload().to_owned()).collect()
}

fn words(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[test]
fn from_a_file_the_effects_of_one_key_come_in_order_although_some_are_tried_again() {
    let bench = Bench::default();
    let sent = messages("k", 12, 8);
    write(&bench, &sent);
    let ended = bench.run("probe").args(&["--order", "key"]).ok();
    assert_eq!(ended.summary()["failed_attempts"], 24, "{}", ended.stdout);
    is_in_order_of_keys(&words(&written(&bench)), &sent);
}

#[test]
fn from_a_file_all_effects_come_in_order_although_some_are_tried_again() {
    let bench = Bench::default();
    let sent = messages("k", 4, 6);
    write(&bench, &sent);
    let ended = bench.run("probe").args(&["--order", "partition"]).ok();
    assert_eq!(ended.summary()["failed_attempts"], 8, "{}", ended.stdout);
    assert_eq!(words(&written(&bench)), texts(&sent));
}

#[test]
fn an_order_on_a_stream_that_others_read_too_is_refused_with_one_line_that_explains_it() {
    let redis = Redis::start();
    for order in ["key", "partition"] {
        for command in ["check", "run"] {
            let ended = Ended::new(
                oncegate()
                    .args([command, "--order", order, "--store", &redis.url(), "--plugin"])
                    .arg(plugin("probe"))
                    .args(["--input", &format!("{}?group=g&start=0", redis.stream("orders"))])
                    .args(["--output", &redis.stream("effects")])
                    .output()
                    .unwrap(),
            );
            assert_eq!((ended.code, ended.complaints().len()), (Some(2), 1), "{ended:?}");
            let line = ended.error();
            assert!(line.starts_with(&format!("policy.order is {order}")), "{line}");
            assert!(line.contains("set input.exclusive = true"), "{line}");
        }
    }
    assert!(!redis.ask::<bool>(&["EXISTS", "orders"]), "something was made all the same");
}

#[test]
fn from_a_stream_the_effects_of_one_key_come_in_order_although_some_are_tried_again() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = exclusive(&redis, "key").set("policy.backoff_min", "'100ms'");
    let host = hosts.start();
    let sent = messages("k", 12, 8);
    send(&mut client, &sent);
    Group::orders().wait_until_settled(&mut client);
    let ended = host.drain();
    assert_eq!(ended.summary()["failed_attempts"], 24, "{}", ended.stdout);
    is_in_order_of_keys(&words(&effects(&mut client)), &sent);
}

/// Whether a host reads.
fn has_joined(client: &mut Client, host: &Host) -> bool {
    let name = format!("-{}-", host.pid());
    Group::orders().consumers(client).iter().any(|consumer| consumer.contains(&name))
}

/// Waits until a host reads, or has ended.
fn reads(client: &mut Client, host: &mut Host) -> bool {
    let mut joined = false;
    until("a host reads or ends", || {
        joined = has_joined(client, host);
        joined || !host.is_running()
    });
    joined && host.is_running()
}

/// It was not let in, and says in one line who is.
fn is_refused(ended: &Ended, holder: u32) {
    assert_eq!((ended.code, ended.complaints().len()), (Some(5), 1), "{ended:?}");
    let line = ended.error();
    assert!(line.contains("orders") && line.contains("input.exclusive"), "{line}");
    assert!(line.contains(&format!("process {holder} on ")), "{line}");
}

#[test]
fn a_second_host_on_an_exclusive_stream_is_refused_until_the_first_one_has_ended() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = exclusive(&redis, "partition");
    let first = hosts.start();
    Group::orders().wait_for(&mut client, first.pid());
    is_refused(&hosts.start().end(), first.pid());
    let sent = messages("a", 2, 3);
    send(&mut client, &sent);
    Group::orders().wait_until_settled(&mut client);
    assert_eq!(first.drain().ends().of("applied"), 6, "the second one was in its way");

    // At once: it has given up what it held.
    let second = hosts.start();
    Group::orders().wait_for(&mut client, second.pid());
    send(&mut client, &messages("b", 2, 3));
    Group::orders().wait_until_settled(&mut client);
    assert_eq!(second.drain().ends().of("applied"), 6);
    assert_eq!(Ledger::read(&mut client).effects.len(), 12);
}

#[test]
fn the_successor_of_a_killed_host_waits_for_its_lease_and_goes_on_in_order() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = exclusive(&redis, "partition").set("policy.backoff_min", "'100ms'");
    let mut first = hosts.start();
    let pid = first.pid();
    let mut sent = messages("a", 10, 30);
    send(&mut client, &sent);
    until("it works", || entries(&mut client, "effects").len() > 5);
    first.kill();
    let done = entries(&mut client, "effects").len();
    assert!(Group::orders().pending(&mut client) > 20, "nothing was left behind: this shows nothing");
    let more = messages("b", 4, 4);
    send(&mut client, &more);
    sent.extend(more);

    let mut refused = 0;
    let second = loop {
        let mut host = hosts.start();
        if reads(&mut client, &mut host) {
            break host;
        }
        is_refused(&host.end(), pid);
        refused += 1;
    };
    assert!(refused > 0, "the first one's lease kept nobody away");
    Group::orders().wait_until_settled(&mut client);
    let ended = second.drain();
    assert_eq!(ended.ends().of("applied") as usize, sent.len() - done, "{}", ended.stdout);
    assert!(ended.summary()["redelivered"].as_u64() > Some(20), "{}", ended.stdout);
    assert_eq!(words(&effects(&mut client)), texts(&sent));
}

#[test]
fn a_host_that_was_stopped_beyond_its_lease_has_lost_the_stream_and_spoils_nothing() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = exclusive(&redis, "partition").set("policy.backoff_min", "'100ms'");
    let first = hosts.start();
    let mut sent = messages("a", 10, 30);
    send(&mut client, &sent);
    until("it works", || entries(&mut client, "effects").len() > 5);
    first.stop();
    assert!(Group::orders().pending(&mut client) > 20, "nothing was left behind: this shows nothing");
    let more = messages("b", 4, 4);
    send(&mut client, &more);
    sent.extend(more);
    let second = loop {
        let mut host = hosts.start();
        if reads(&mut client, &mut host) {
            break host;
        }
        is_refused(&host.end(), first.pid());
    };
    // In the middle of what the second one does.
    first.go_on();
    let ended = first.end();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.error().contains("is not this one's any more"), "{}", ended.error());
    Group::orders().wait_until_settled(&mut client);
    second.drain();
    assert_eq!(words(&effects(&mut client)), texts(&sent));
}

#[test]
fn a_host_that_cannot_renew_its_lease_reads_nothing_more_when_it_is_over() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = exclusive(&redis, "partition").set("policy.lease", "'6s'").set("input.take_over", "'8s'");
    let wire = Wire::to(redis.port());
    let mut first = hosts.start_through(&[&wire]);
    Group::orders().wait_for(&mut client, first.pid());
    let renewals = wire.rule(Call::Hold, Which::Each, Moment::Before, || Then::Cut);
    let (mut sent, mut second) = (Vec::new(), None);
    until("another host is let in, and the first one has ended", || {
        // So that there always is something new to be read.
        let mut more = messages(&format!("k{}-", sent.len()), 5, 1);
        more.iter_mut().for_each(|sent| sent.fails = false);
        send(&mut client, &more);
        sent.extend(more);
        let mut next = second.take().unwrap_or_else(|| hosts.start());
        if !next.is_running() {
            is_refused(&next.end(), first.pid());
            return false;
        }
        let joined = has_joined(&mut client, &next);
        second = Some(next);
        joined && !first.is_running()
    });
    let ended = first.end();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(
        renewals.count() > 0 && ended.error().contains("is not this one's any more"),
        "{}",
        ended.error()
    );
    Group::orders().wait_until_settled(&mut client);
    second.unwrap().drain();
    assert_eq!(words(&effects(&mut client)), texts(&sent));
}
