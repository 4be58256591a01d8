//! Wires that are cut at every command, and servers that forget.

use std::time::Duration;

use oncegate_tests::{
    Bench, Call, Client, Ended, Group, Host, Hosts, Ledger, Moment, Redis, Then, Which, Wire, entries,
    exactly_once, oncegate, send, until,
};

/// Cuts the first so many calls of each kind, one kind at a time, before the server hears of them or after.
const CUTS: u64 = 6;

fn started(hosts: &Hosts, wires: &[&Wire], client: &mut Client) -> Host {
    let host = hosts.start_through(wires);
    Group::orders().wait_for(client, host.pid());
    host
}

/// A host works through wires that are cut at these calls. Gives the keys and what it wrote.
fn cut(ordered: bool, calls: &[(Call, Moment)]) -> (Ledger, Vec<String>) {
    let redis = Redis::start();
    let store = Redis::start();
    let mut client = redis.client();
    // Few at a time, so that there are many calls.
    let hosts = Hosts::on(&redis).set("input.most_held", "16").set("policy.attempts", "1");
    let hosts = if ordered { hosts.with_store(&store) } else { hosts };
    let wires = [Wire::to(redis.port()), Wire::to(store.port())];
    let host = started(&hosts, &[&wires[0], &wires[1]], &mut client);
    let mut keys = Vec::new();
    for (index, (call, moment)) in calls.iter().enumerate() {
        let hits = [0, 1].map(|wire| wires[wire].rule(*call, Which::First(CUTS), *moment, || Then::Cut));
        keys.extend(send(&mut client, &format!("k{index}-"), 150));
        Group::orders().wait_until_settled(&mut client);
        let hits: u64 = hits.iter().map(|hits| hits.count()).sum();
        assert!(hits >= CUTS / 2, "{call:?} {moment:?} was cut {hits} times only");
    }
    let ledger = Ledger::read(&mut client);
    let ended = host.drain();
    assert_eq!(ended.summary()["settle"], if ordered { "ordered" } else { "atomic" });
    (ledger, keys)
}

#[test]
fn replies_and_requests_cut_at_claim_and_settle_change_nothing_where_settling_is_one_step() {
    let calls = [Call::Claim, Call::Settle, Call::Keep, Call::Command("XREADGROUP")];
    let cuts: Vec<(Call, Moment)> =
        calls[..2].iter().flat_map(|call| [(*call, Moment::Before), (*call, Moment::After)]).collect();
    let (ledger, keys) = cut(false, &cuts);
    ledger.is_exact(&keys);
}

#[test]
fn a_read_whose_reply_was_cut_loses_nothing() {
    let read = Call::Command("XREADGROUP");
    let (ledger, keys) = cut(false, &[(read, Moment::Before), (read, Moment::After)]);
    ledger.is_exact(&keys);
}

#[test]
fn replies_and_requests_cut_at_every_command_of_the_ordered_settle_change_nothing() {
    let calls = [Call::Claim, Call::Check, Call::Mark, Call::Acknowledge];
    let mut cuts: Vec<(Call, Moment)> =
        calls.iter().flat_map(|call| [(*call, Moment::Before), (*call, Moment::After)]).collect();
    cuts.push((Call::Append, Moment::Before));
    let (ledger, keys) = cut(true, &cuts);
    ledger.is_exact(&keys);
}

#[test]
fn an_output_whose_reply_was_cut_is_repeated_with_the_same_id() {
    let (ledger, keys) = cut(true, &[(Call::Append, Moment::After)]);
    ledger.nothing_is_lost(&keys);
    let doubled = ledger.doubled();
    assert!(!doubled.is_empty(), "no output was repeated: this shows nothing");
    for id in doubled {
        let same: Vec<_> = ledger.effects.iter().filter(|effect| effect.id() == id).collect();
        assert!(same.iter().all(|effect| effect.fields == same[0].fields), "the same id for two effects");
    }
}

#[test]
fn a_server_that_lets_nobody_in_for_a_while_is_waited_for() {
    let redis = Redis::start();
    let mut client = redis.client();
    let wire = Wire::to(redis.port());
    let hosts = Hosts::on(&redis).set("input.most_held", "16").set("policy.attempts", "1");
    let host = started(&hosts, &[&wire], &mut client);
    let refused =
        wire.rule(Call::Claim, Which::Nth(3), Moment::After, || Then::Refuse(Duration::from_secs(5)));
    let keys = send(&mut client, "k", 600);
    exactly_once(&mut client, &keys);
    assert_eq!(refused.count(), 1);
    host.drain();
}

/// Streams on one Redis and records on another, which is about to forget something, and two hosts.
struct Scene {
    redis: Redis,
    store: Redis,
    client: Client,
    hosts: Hosts,
    running: [Host; 2],
}

impl Scene {
    fn of(store: Redis) -> Self {
        let redis = Redis::start();
        let mut client = redis.client();
        let hosts = Hosts::on(&redis).with_store(&store).set("policy.attempts", "1");
        let running = [hosts.start(), hosts.start()];
        for host in &running {
            Group::orders().wait_for(&mut client, host.pid());
        }
        Self { redis, store, client, hosts, running }
    }

    /// While the operator has not spoken, nothing has an effect; then everything has.
    fn refuses_until_it_is_allowed(mut self, mut done: Vec<String>) {
        // They look every few seconds. Until then what is sent is handled as ever.
        let mut round = 0;
        until("both hosts say what is to be done", || {
            round += 1;
            done.extend(send(&mut self.client, &format!("soon{round}-"), 10));
            std::thread::sleep(Duration::from_millis(200));
            self.running.iter().all(|host| host.said().contains("oncegate store init"))
        });
        let before = entries(&mut self.client, "effects").len();
        let keys = send(&mut self.client, "later", 300);
        // Nobody who starts now gets further.
        let refused = self.hosts.start_with(&[]).end();
        assert_eq!(refused.code, Some(4), "{refused:?}");
        assert!(refused.error().contains("oncegate store init"), "{}", refused.error());
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(entries(&mut self.client, "effects").len(), before, "something had an effect");
        assert!(Group::orders().pending(&mut self.client) > 0, "nobody had anything to refuse");

        let bench = Bench::default();
        let init = oncegate()
            .current_dir(bench.path("."))
            .args(["store", "init", "--store", &self.store.url()])
            .output();
        let init = Ended::new(init.unwrap());
        assert_eq!(init.code, Some(0), "{init:?}");
        Group::orders().wait_until_settled(&mut self.client);
        let ledger = Ledger::read(&mut self.client);
        ledger.is_exact(&[done, keys].concat());
        for host in self.running {
            host.drain();
        }
        drop(self.redis);
    }
}

#[test]
fn a_store_that_was_flushed_is_refused_until_the_operator_allows_it() {
    let mut scene = Scene::of(Redis::start());
    let done = send(&mut scene.client, "k", 300);
    exactly_once(&mut scene.client, &done);
    scene.store.ask::<()>(&["FLUSHALL"]);
    scene.refuses_until_it_is_allowed(done);
}

#[test]
fn a_store_that_comes_up_empty_is_refused_until_the_operator_allows_it() {
    let mut scene = Scene::of(Redis::with(&["--appendonly", "no"]));
    let done = send(&mut scene.client, "k", 300);
    exactly_once(&mut scene.client, &done);
    scene.store.kill();
    scene.store.restart();
    scene.refuses_until_it_is_allowed(done);
}

#[test]
fn a_store_that_comes_up_from_an_old_file_holds_unknown_keys_for_one_lease() {
    const LEASE_MS: u64 = 6_000;
    let mut redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis).set("policy.lease", "'6s'").set("input.take_over", "'7s'");
    let running = [hosts.start(), hosts.start()];
    for host in &running {
        Group::orders().wait_for(&mut client, host.pid());
    }
    let early = send(&mut client, "early", 300);
    exactly_once(&mut client, &early);
    let old = redis.old_file();
    let late = send(&mut client, "late", 300);
    exactly_once(&mut client, &[early.clone(), late].concat());

    // Marks, outputs and acknowledgements are forgotten together, and the messages with them: they are sent again. A
    // cache that remembered them would answer that they are done.
    redis.kill();
    redis.put_back(old.path());
    redis.restart();
    assert_eq!(entries(&mut client, "effects").len(), early.len(), "the old file is not older");
    let restarted: Vec<u64> = client.ask(&["TIME"]);
    let late = send(&mut client, "late", 300);
    exactly_once(&mut client, &[early.clone(), late].concat());
    let effects = entries(&mut client, "effects");
    let first_ms: u64 = effects[early.len()].entry.split_once('-').unwrap().0.parse().unwrap();
    let restarted_ms = restarted[0] * 1000 + restarted[1] / 1000;
    assert!(first_ms >= restarted_ms + LEASE_MS - 1_000, "held for {} ms only", first_ms - restarted_ms);
    for host in running {
        assert!(host.drain().summary()["deferred"].as_u64() > Some(0), "nobody was told of it");
    }
}

#[test]
fn a_server_that_is_rolled_back_under_work_rolls_back_everything_together() {
    let mut redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis).set("input.most_held", "16");
    let running = [hosts.start(), hosts.start()];
    for host in &running {
        Group::orders().wait_for(&mut client, host.pid());
    }
    let keys = send(&mut client, "k", 2_000);
    until("they are at work", || entries(&mut client, "effects").len() > 200);
    let old = redis.old_file();
    exactly_once(&mut client, &keys);
    redis.kill();
    redis.put_back(old.path());
    redis.restart();
    exactly_once(&mut client, &keys);
    let applied: u64 = running.map(|host| host.drain().ends().of("applied")).iter().sum();
    assert!(applied > keys.len() as u64, "nothing was rolled back: this shows nothing");
}

#[test]
fn a_server_whose_streams_were_flushed_with_everything_else_stops_the_hosts_and_is_begun_by_its_operator_only()
 {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis);
    let host = started(&hosts, &[], &mut client);
    let keys = send(&mut client, "k", 300);
    exactly_once(&mut client, &keys);
    client.ask::<()>(&["FLUSHALL"]);
    let ended = host.end();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.error().contains("orders"), "{}", ended.error());
    assert!(!client.ask::<bool>(&["EXISTS", "orders"]), "the group was made again in silence");

    let refused = hosts.start_with(&[]).end();
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.error().contains("oncegate store init"), "{}", refused.error());
    let host = started(&hosts, &[], &mut client);
    let keys = send(&mut client, "k", 300);
    exactly_once(&mut client, &keys);
    host.drain();
}
