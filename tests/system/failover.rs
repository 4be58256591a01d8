//! A primary that dies, and the replica that Redis Sentinel promotes.

use oncegate_tests::{Client, Group, Host, Hosts, NAME, Sentinels, entries, exactly_once, send, until};

/// Longer than it takes to find the new primary.
const LEASE_MS: u64 = 10_000;

/// Milliseconds, from the id of an entry.
fn time_ms(entry: &str) -> u64 {
    entry.split_once('-').unwrap().0.parse().unwrap()
}

fn hosts(sentinels: &Sentinels) -> Hosts {
    let stream = |name: &str, more: &str| {
        format!("'redis-stream://{}/{name}?sentinel={NAME}{more}'", sentinels.addresses())
    };
    Hosts::on(&sentinels.primary)
        .set("input.path", &stream("orders", "&group=g&start=0"))
        .set("output.path", &stream("effects", ""))
        .set("dead_letters.path", &stream("dead", ""))
        .set("store.url", &format!("'redis://{}?sentinel={NAME}'", sentinels.addresses()))
        .set("policy.lease", "'10s'")
        .set("input.take_over", "'11s'")
        .set("input.most_held", "32")
}

/// Two hosts at work, a primary that is killed with what was sent replicated, and its replica in its place. Gives what is
/// to be done in the end, and how much had been done.
struct Scene {
    sentinels: Sentinels,
    client: Client,
    running: [Host; 2],
    keys: Vec<String>,
}

impl Scene {
    fn promoted(replicas: u32) -> Self {
        let mut sentinels = Sentinels::start();
        let mut client = sentinels.primary.client();
        let hosts = hosts(&sentinels).set("store.replicas", &replicas.to_string());
        let running = [hosts.start(), hosts.start()];
        for host in &running {
            Group::orders().wait_for(&mut client, host.pid());
        }
        let keys = send(&mut client, "k", 3_000);
        until("they are at work", || entries(&mut client, "effects").len() > 100);
        assert_eq!(sentinels.primary.ask::<u64>(&["WAIT", "1", "10000"]), 1);
        sentinels.primary.kill();
        client.move_to(sentinels.replica.port());
        assert!(
            entries(&mut client, "effects").len() < keys.len(),
            "everything was done: this shows nothing"
        );
        sentinels.wait_until_promoted();
        Self { sentinels, client, running, keys }
    }
}

#[test]
fn a_promotion_loses_and_doubles_nothing_that_was_replicated() {
    let Scene { mut sentinels, mut client, running, keys } = Scene::promoted(1);
    // The old primary comes back as the replica that each acknowledgement waits for.
    sentinels.primary.restart();
    exactly_once(&mut client, &keys);
    for host in running {
        host.drain();
    }
}

#[test]
fn keys_that_a_promoted_server_does_not_know_wait_for_one_lease() {
    let Scene { mut client, running, keys, sentinels: _sentinels } = Scene::promoted(0);
    let later = send(&mut client, "later", 30);
    let sent_ms = time_ms(&entries(&mut client, "orders").last().unwrap().entry);
    exactly_once(&mut client, &[keys, later].concat());
    let effects = entries(&mut client, "effects");
    let first = effects.iter().find(|effect| effect.payload().starts_with("later")).unwrap();
    let held_ms = time_ms(&first.entry) - sent_ms;
    assert!(held_ms + 2_000 >= LEASE_MS, "unknown keys were held for {held_ms} ms only");
    for host in running {
        let ended = host.drain();
        assert!(ended.summary()["deferred"].as_u64() > Some(0), "nobody was told of it: {}", ended.stdout);
    }
}
