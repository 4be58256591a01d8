//! A pipeline on a Redis Cluster of three masters.

use oncegate_tests::{Client, Cluster, Group, Host, Hosts, Ledger, effects, entries, produce, until};

/// What has the same hash tag is in the same slot.
const TAG: &str = "{shop}";

fn tagged(name: &str) -> String {
    format!("{TAG}{name}")
}

fn in_one_slot(cluster: &Cluster) -> Hosts {
    let seed = cluster.seed();
    let url = |name: &str| seed.stream(&tagged(name).replace('{', "%7B").replace('}', "%7D"));
    Hosts::on(seed)
        .set("input.path", &format!("'{}?group=g&start=0'", url("orders")))
        .set("output.path", &format!("'{}'", url("effects")))
        .set("dead_letters.path", &format!("'{}'", url("dead")))
        .set("store.hash_tag", "'shop'")
        .set("input.most_held", "32")
}

fn join(hosts: &Hosts, group: &Group, client: &mut Client) -> [Host; 2] {
    let running = [hosts.start(), hosts.start()];
    for host in &running {
        group.wait_for(client, host.pid());
    }
    running
}

fn settles_exactly(client: &mut Client, keys: &[String]) {
    Group::of(&tagged("orders"), "g").wait_until_settled(client);
    let ledger =
        Ledger { effects: entries(client, &tagged("effects")), dead: entries(client, &tagged("dead")) };
    ledger.is_exact(keys);
}

#[test]
fn names_in_several_slots_are_settled_in_order_and_that_is_said_at_start() {
    let cluster = Cluster::start();
    let mut client = cluster.client();
    let hosts = Hosts::on(cluster.seed());
    let mut running = join(&hosts, &Group::orders(), &mut client);
    let (messages, keys) = effects("k", 600);
    produce(&mut client, "orders", &messages);
    oncegate_tests::exactly_once(&mut client, &keys);
    running[0].wait_until_it_says("slot");
    for host in running {
        assert_eq!(host.drain().summary()["settle"], "ordered");
    }
}

#[test]
fn one_hash_tag_for_everything_makes_it_one_step() {
    let cluster = Cluster::start();
    let mut client = cluster.client();
    let running = join(&in_one_slot(&cluster), &Group::of(&tagged("orders"), "g"), &mut client);
    let (messages, keys) = effects("k", 600);
    produce(&mut client, &tagged("orders"), &messages);
    settles_exactly(&mut client, &keys);
    for host in running {
        assert_eq!(host.drain().summary()["settle"], "atomic");
    }
}

#[test]
fn a_slot_that_moves_in_mid_run_loses_and_doubles_nothing() {
    let cluster = Cluster::start();
    let mut client = cluster.client();
    let running = join(&in_one_slot(&cluster), &Group::of(&tagged("orders"), "g"), &mut client);
    let (messages, keys) = effects("k", 3_000);
    produce(&mut client, &tagged("orders"), &messages);
    for _ in 0..2 {
        let before = entries(&mut client, &tagged("effects")).len();
        until("they are at work", || entries(&mut client, &tagged("effects")).len() > before);
        let from = cluster.holder(TAG);
        cluster.move_slot(TAG);
        assert_ne!(cluster.holder(TAG), from);
        assert!(
            entries(&mut client, &tagged("effects")).len() < keys.len(),
            "nothing was left: this shows nothing"
        );
    }
    settles_exactly(&mut client, &keys);
    for host in running {
        host.drain();
    }
}

#[test]
fn a_master_that_dies_in_mid_run_is_replaced_and_nothing_that_was_replicated_is_lost_or_doubled() {
    let mut cluster = Cluster::with_replicas();
    let mut client = cluster.client();
    let running = join(&in_one_slot(&cluster), &Group::of(&tagged("orders"), "g"), &mut client);
    let (messages, keys) = effects("k", 3_000);
    produce(&mut client, &tagged("orders"), &messages);
    until("they are at work", || !entries(&mut client, &tagged("effects")).is_empty());
    let holder = cluster.holder(TAG);
    // The messages are there whatever happens; what was done with them may be forgotten, all of it together.
    assert_eq!(cluster.node(holder).ask::<u64>(&["WAIT", "1", "10000"]), 1);
    assert!(
        entries(&mut client, &tagged("effects")).len() < keys.len(),
        "nothing was left: this shows nothing"
    );
    cluster.node(holder).kill();
    settles_exactly(&mut client, &keys);
    assert_ne!(cluster.holder(TAG), holder, "nobody took its place");
    for host in running {
        host.drain();
    }
}
