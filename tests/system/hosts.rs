//! Two hosts on one group, one of which dies or stops at each of the gates that a delivery passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oncegate_tests::{
    Call, Client, Ended, Group, Hits, Host, Hosts, Ledger, Moment, Redis, Then, Which, Wire, entries,
    exactly_once, produce, send, signal, until,
};

/// How long after a fault everything has to be settled: lease, take-over and back-off, for a delivery that dies with its
/// host twice, and as much again for a machine that has other things to do.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

/// How many messages are sent before anything goes wrong.
const KNOWN: usize = 10;

/// Streams, the store where they are or elsewhere, and two hosts. Nothing but what the first one asks goes over the wires.
struct Scene {
    _redis: Redis,
    store: Option<Redis>,
    client: Client,
    /// What was done before anything went wrong.
    known: Vec<String>,
    streams: Wire,
    records: Option<Wire>,
    first: Host,
    second: Host,
}

impl Scene {
    /// Everything on one Redis: one step settles.
    fn atomic() -> Self {
        Self::of(None)
    }

    /// The store on a Redis of its own: fences, outputs, marks and the acknowledgement are one after the other.
    fn ordered() -> Self {
        Self::of(Some(Redis::start()))
    }

    fn of(store: Option<Redis>) -> Self {
        Self::with(store, "gated")
    }

    fn with(store: Option<Redis>, outputs: &str) -> Self {
        let redis = Redis::start();
        let mut client = redis.client();
        // So few that both have something to do.
        let hosts =
            Hosts::on(&redis).set("input.most_held", "16").set("policy.outputs", &format!("'{outputs}'"));
        let hosts = match &store {
            Some(store) => hosts.with_store(store),
            None => hosts,
        };
        let streams = Wire::to(redis.port());
        let records = store.as_ref().map(|store| Wire::to(store.port()));
        let wires: Vec<&Wire> = [&streams].into_iter().chain(&records).collect();
        let first = hosts.start_through(&wires);
        // A wire knows a script by its source, which goes over it once, if nobody else has brought it to the server.
        let known = send(&mut client, "known", KNOWN);
        exactly_once(&mut client, &known);
        let second = hosts.start();
        for host in [&first, &second] {
            Group::orders().wait_for(&mut client, host.pid());
        }
        Self { _redis: redis, store, client, known, streams, records, first, second }
    }

    /// The first host dies at the call, in the middle of what is sent then. Gives the keys, and when it died.
    fn die(&mut self, wire: fn(&Self) -> &Wire, call: Call, which: u64, moment: Moment) -> Vec<String> {
        let pid = self.first.pid();
        let dies = wire(self).rule(call, Which::Nth(which), moment, move || {
            signal::kill(pid);
            Then::Cut
        });
        let keys = self.send_until(&dies);
        let first = &mut self.first;
        until("the host is dead", || !first.is_running());
        keys
    }

    /// Sends until the first host, which shares with the second one, has come to its gate. Gives the keys.
    fn send_until(&mut self, gate: &Hits) -> Vec<String> {
        let (mut keys, mut round) = (self.known.clone(), 0);
        until("the host comes to its gate", || {
            round += 1;
            keys.extend(send(&mut self.client, &format!("r{round}-"), 200));
            gate.count() > 0
        });
        keys
    }

    /// Everything is settled in time after a fault that ended now. Gives what the second host, which took over what the
    /// first one had, says of it.
    fn settles(&mut self) -> Ledger {
        let fault = Instant::now();
        Group::orders().wait_until_settled(&mut self.client);
        assert!(fault.elapsed() < SETTLED_WITHIN, "it took {:?} to settle everything", fault.elapsed());
        Ledger::read(&mut self.client)
    }

    /// Each entry that was sent after the first few had its effect once.
    fn each_entry_had_its_effect(&mut self) {
        let ledger = self.settles();
        // The first few have every third message twice.
        let sent = entries(&mut self.client, "orders").len() - KNOWN + self.known.len();
        assert_eq!((ledger.effects.len(), ledger.doubled()), (sent, vec![]));
    }

    /// Ends the test: the second host, which has the end of the first one survived, tells how it settled.
    fn end(self) -> Ended {
        let ended = self.second.drain();
        let settle = if self.store.is_some() { "ordered" } else { "atomic" };
        assert_eq!(ended.summary()["settle"], settle);
        ended
    }

    /// The first host dies at the call. Nothing is lost and nothing happens twice.
    fn dies_without_a_trace(mut self, wire: fn(&Self) -> &Wire, call: Call, moment: Moment) -> Ended {
        // What is claimed while others are settled in order may catch these between effect and commit.
        let which = if call == Call::Claim { 1 } else { 2 };
        let keys = self.die(wire, call, which, moment);
        self.settles().is_exact(&keys);
        self.end()
    }
}

fn streams(scene: &Scene) -> &Wire {
    &scene.streams
}

fn records(scene: &Scene) -> &Wire {
    scene.records.as_ref().unwrap_or(&scene.streams)
}

/// Some deliveries had been handed to the host that died.
fn took_over(ended: &Ended) {
    assert!(ended.summary()["redelivered"].as_u64() > Some(0), "nothing was taken over: {}", ended.stdout);
}

#[test]
fn a_host_dies_before_it_claims() {
    took_over(&Scene::atomic().dies_without_a_trace(records, Call::Claim, Moment::Before));
}

#[test]
fn a_host_dies_with_its_claim_made_and_not_heard_of() {
    took_over(&Scene::atomic().dies_without_a_trace(records, Call::Claim, Moment::After));
}

#[test]
fn a_host_dies_when_its_handlers_have_run() {
    took_over(&Scene::atomic().dies_without_a_trace(streams, Call::Settle, Moment::Before));
}

#[test]
fn a_host_dies_after_the_one_step_that_settles() {
    Scene::atomic().dies_without_a_trace(streams, Call::Settle, Moment::After);
}

#[test]
fn a_host_with_its_store_elsewhere_dies_before_it_claims() {
    took_over(&Scene::ordered().dies_without_a_trace(records, Call::Claim, Moment::Before));
}

#[test]
fn a_host_with_its_store_elsewhere_dies_with_its_claim_made_and_not_heard_of() {
    took_over(&Scene::ordered().dies_without_a_trace(records, Call::Claim, Moment::After));
}

#[test]
fn a_host_with_its_store_elsewhere_dies_before_any_effect() {
    took_over(&Scene::ordered().dies_without_a_trace(streams, Call::Append, Moment::Before));
}

#[test]
fn a_host_dies_after_the_effect_and_before_the_commit_and_the_effect_comes_again_with_its_id() {
    let mut scene = Scene::ordered();
    let keys = scene.die(records, Call::Mark, 2, Moment::Before);
    let ledger = scene.settles();
    ledger.nothing_is_lost(&keys);
    let doubled = ledger.doubled();
    assert!(!doubled.is_empty(), "nothing was between effect and commit: this shows nothing");
    // What was under way at the host that died, and nothing else.
    assert!(doubled.len() <= 16, "{doubled:?}");
    for id in doubled {
        let twice: Vec<_> = ledger.effects.iter().filter(|effect| effect.id() == id).collect();
        assert_eq!(twice.len(), 2, "{twice:?}");
        assert_eq!(twice[0].fields, twice[1].fields, "the same id for two effects");
    }
    took_over(&scene.end());
}

#[test]
fn a_host_dies_after_the_commit_and_before_the_acknowledgement() {
    let ended = Scene::ordered().dies_without_a_trace(streams, Call::Acknowledge, Moment::Before);
    took_over(&ended);
    assert!(
        ended.ends().of("duplicate_store") > 0,
        "nothing that was committed came again: {}",
        ended.stdout
    );
}

#[test]
fn a_host_dies_after_the_acknowledgement() {
    Scene::ordered().dies_without_a_trace(streams, Call::Acknowledge, Moment::After);
}

/// A handler that names no key has its effects once for each entry, if one step settles them.
fn dies_over_what_has_no_key(moment: Moment) {
    let mut scene = Scene::with(None, "free");
    let pid = scene.first.pid();
    let dies = scene.streams.rule(Call::Settle, Which::Nth(2), moment, move || {
        signal::kill(pid);
        Then::Cut
    });
    send_unkeyed_until(&mut scene, &dies);
    scene.each_entry_had_its_effect();
    let ended = scene.end();
    if moment == Moment::Before {
        took_over(&ended);
    }
}

fn send_unkeyed_until(scene: &mut Scene, gate: &Hits) {
    let unkeyed = vec![serde_json::json!({"steps": [{"emit": ["t", "x"]}]}); 100];
    until("the host comes to its gate", || {
        produce(&mut scene.client, "orders", &unkeyed);
        gate.count() > 0
    });
}

#[test]
fn a_reply_of_what_has_no_key_that_is_cut_lets_nothing_happen_twice() {
    let mut scene = Scene::with(None, "free");
    let cut = scene.streams.rule(Call::Settle, Which::First(6), Moment::After, || Then::Cut);
    send_unkeyed_until(&mut scene, &cut);
    scene.each_entry_had_its_effect();
}

#[test]
fn effects_without_a_key_happen_once_where_settling_is_one_step_if_the_host_dies_before_it() {
    dies_over_what_has_no_key(Moment::Before);
}

#[test]
fn effects_without_a_key_happen_once_where_settling_is_one_step_if_the_host_dies_after_it() {
    dies_over_what_has_no_key(Moment::After);
}

/// The first host stands still at the call, which is under way until the second value is set.
fn stops(scene: &Scene, wire: fn(&Scene) -> &Wire, call: Call, moment: Moment) -> (Hits, Arc<AtomicBool>) {
    let (pid, resumed, stopped) = (scene.first.pid(), Arc::new(AtomicBool::new(false)), Hits::default());
    let (goes_on, noted) = (Arc::clone(&resumed), stopped.clone());
    // As above: nothing of this host is between effect and commit yet.
    wire(scene).rule(call, Which::Nth(1), moment, move || {
        signal::stop(pid);
        noted.note();
        until("the host may go on", || goes_on.load(Ordering::SeqCst));
        Then::Pass
    });
    (stopped, resumed)
}

/// Some deliveries turned out to be somebody else's.
fn noticed(ended: &Ended) {
    let lost: u64 = ["taken_over", "undone"].map(|name| ended.ends().of(name)).iter().sum();
    let refused = ended.summary()["fences_lost"].as_u64().unwrap();
    assert!(lost + refused > 0, "it did not notice: {}", ended.stdout);
}

/// The first host stands still at the call, until the second one has done everything; then both go on.
fn stands_still(
    mut scene: Scene,
    wire: fn(&Scene) -> &Wire,
    call: Call,
    moment: Moment,
) -> (Ledger, Vec<String>, Ended) {
    let (stopped, resumed) = stops(&scene, wire, call, moment);
    let keys = scene.send_until(&stopped);
    let held = Group::orders().pending_of(&mut scene.client, scene.first.pid());
    assert!(held > 0, "it held nothing: this shows nothing");
    scene.settles();
    scene.first.go_on();
    resumed.store(true, Ordering::SeqCst);
    // It is of use again, and what it had does no harm.
    let more = send(&mut scene.client, "more", 100);
    scene.settles();
    let Scene { first, second, mut client, .. } = scene;
    let (first, second) = (first.drain(), second.drain());
    // Whatever was under way has come to its end.
    let ledger = Ledger::read(&mut client);
    took_over(&second);
    noticed(&first);
    (ledger, [keys, more].concat(), first)
}

#[test]
fn effects_without_a_key_that_a_host_asked_for_before_it_stood_still_are_refused_when_others_have_done_them()
{
    let mut scene = Scene::with(None, "free");
    let (stopped, resumed) = stops(&scene, streams, Call::Settle, Moment::Before);
    send_unkeyed_until(&mut scene, &stopped);
    scene.settles();
    scene.first.go_on();
    resumed.store(true, Ordering::SeqCst);
    // Whatever was under way has come to its end when the first host has.
    let Scene { first, second, .. } = &mut scene;
    signal::drain(first.pid());
    until("the first host ends", || !first.is_running());
    assert!(second.is_running());
    scene.each_entry_had_its_effect();
    took_over(&scene.end());
}

#[test]
fn a_host_that_stood_still_after_its_claim_has_no_effect_any_more() {
    let (ledger, keys, _) = stands_still(Scene::atomic(), records, Call::Claim, Moment::After);
    ledger.is_exact(&keys);
}

#[test]
fn what_a_host_asked_before_it_stood_still_is_refused_when_others_have_done_it() {
    // The call that settles reaches the server long after the second host has settled the same deliveries.
    let (ledger, keys, first) = stands_still(Scene::atomic(), streams, Call::Settle, Moment::Before);
    ledger.is_exact(&keys);
    assert!(first.ends().of("taken_over") > 0, "{}", first.stdout);
}

#[test]
fn a_host_with_its_store_elsewhere_that_stood_still_after_its_claim_has_no_effect_any_more() {
    let (ledger, keys, _) = stands_still(Scene::ordered(), records, Call::Claim, Moment::After);
    ledger.is_exact(&keys);
}

#[test]
fn a_check_that_comes_too_late_keeps_the_effects_of_the_ordered_settle_back() {
    let (ledger, keys, _) = stands_still(Scene::ordered(), records, Call::Check, Moment::Before);
    ledger.is_exact(&keys);
}
