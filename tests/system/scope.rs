//! Scope host: every host handles every message once, by a group and a namespace of its own.

use oncegate_tests::{Client, Group, Hosts, Redis, effects, entries, produce};

/// Hosts of this id.
fn hosts(redis: &Redis, id: &str) -> Hosts {
    Hosts::on(redis).set("policy.scope", "'host'").set("policy.host_id", &format!("'{id}'"))
}

/// What the host with this id has done, in order.
fn done_by(client: &mut Client, id: &str) -> Vec<String> {
    let prefix = format!("probe.{id}/k/");
    let effects = entries(client, "effects");
    effects
        .iter()
        .filter(|effect| effect.id().starts_with(&prefix))
        .map(|effect| effect.payload().to_owned())
        .collect()
}

/// It has done each of these once and nothing else.
fn has_done(client: &mut Client, id: &str, keys: &[String]) {
    let mut done = done_by(client, id);
    done.sort_unstable();
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    assert_eq!(done, keys, "host {id}");
}

fn group(id: &str) -> Group {
    Group::of("orders", &format!("g.{id}"))
}

#[test]
fn each_host_handles_every_message_once_and_goes_on_where_it_was_after_a_restart() {
    let redis = Redis::start();
    let mut client = redis.client();
    let (a, b) = (hosts(&redis, "a"), hosts(&redis, "b"));
    let (first, other) = (a.start(), b.start());
    let (messages, mut keys) = effects("k", 300);
    produce(&mut client, "orders", &messages);
    for (id, host) in [("a", &first), ("b", &other)] {
        group(id).wait_for(&mut client, host.pid());
        group(id).wait_until_settled(&mut client);
        has_done(&mut client, id, &keys);
    }
    let ended = first.drain();
    assert_eq!(ended.summary()["namespace"], "probe.a");
    assert_eq!(ended.ends().duplicates() as usize, messages.len() - keys.len());

    // While it is away, and some of what it knows already.
    let (more, new) = effects("more", 90);
    produce(&mut client, "orders", &more);
    produce(&mut client, "orders", &messages[..30]);
    let again = a.start();
    keys.extend(new.clone());
    for id in ["a", "b"] {
        group(id).wait_until_settled(&mut client);
        has_done(&mut client, id, &keys);
    }
    let again = again.drain();
    assert_eq!(
        (again.summary()["read"].as_u64(), again.ends().of("applied") as usize),
        (Some(120), new.len())
    );
    assert_eq!(other.drain().ends().of("applied") as usize, keys.len());
}

#[test]
fn a_second_process_with_the_id_of_a_running_host_is_refused_with_one_line() {
    let redis = Redis::start();
    let mut client = redis.client();
    let a = hosts(&redis, "a");
    let first = a.start();
    group("a").wait_for(&mut client, first.pid());
    let ended = a.start().end();
    assert_eq!((ended.code, ended.complaints().len()), (Some(2), 1), "{ended:?}");
    let line = ended.error();
    assert!(
        line.contains("policy.host_id a") && line.contains(&format!("process {} on ", first.pid())),
        "{line}"
    );
    assert_eq!(group("a").consumers(&mut client).len(), 1, "the second one has joined all the same");

    // Nobody was disturbed, and another id is another host's.
    let (messages, keys) = effects("k", 90);
    produce(&mut client, "orders", &messages);
    let b = hosts(&redis, "b");
    let other = b.start();
    for (id, host) in [("a", &first), ("b", &other)] {
        group(id).wait_for(&mut client, host.pid());
        group(id).wait_until_settled(&mut client);
        has_done(&mut client, id, &keys);
    }
    first.drain();
    other.drain();
}
