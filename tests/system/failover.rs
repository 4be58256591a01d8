//! A primary that dies, and the replica that Redis Sentinel promotes.

use oncegate_tests::{Group, Hosts, NAME, Sentinels, entries, exactly_once, send, until};

const LEASE_MS: u64 = 5_000;

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
        .set("policy.lease", "'5s'")
        .set("input.take_over", "'6s'")
        .set("input.most_held", "32")
}

#[test]
fn a_promotion_loses_and_doubles_nothing_that_was_replicated_and_unknown_keys_wait_for_one_lease() {
    let mut sentinels = Sentinels::start();
    let mut client = sentinels.primary.client();
    let hosts = hosts(&sentinels).set("store.replicas", "1");
    let running = [hosts.start(), hosts.start()];
    for host in &running {
        Group::orders().wait_for(&mut client, host.pid());
    }
    let keys = send(&mut client, "k", 3_000);
    until("they are at work", || entries(&mut client, "effects").len() > 100);
    assert_eq!(sentinels.primary.ask::<u64>(&["WAIT", "1", "10000"]), 1);
    sentinels.primary.kill();

    client.move_to(sentinels.replica.port());
    let survived = entries(&mut client, "effects").len();
    assert!(survived < keys.len(), "everything was done: this shows nothing");
    sentinels.wait_until_promoted();
    let promoted: Vec<u64> = sentinels.replica.ask(&["TIME"]);
    // The old primary comes back as the replica that each acknowledgement waits for.
    sentinels.primary.restart();
    exactly_once(&mut client, &keys);

    let effects = entries(&mut client, "effects");
    let held_ms = time_ms(&effects[survived].entry).saturating_sub(promoted[0] * 1000 + promoted[1] / 1000);
    assert!(held_ms + 1_000 >= LEASE_MS, "unknown keys were held for {held_ms} ms only");
    for host in running {
        let ended = host.drain();
        assert!(ended.summary()["deferred"].as_u64() > Some(0), "nobody was told of it: {}", ended.stdout);
    }
}
