//! What a pipeline's policy promises, on real servers: outages that are open or closed, trial runs, what tells one event
//! from another, and waiting for a key that somebody else has.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Child;
use std::time::Duration;

use oncegate_tests::{
    Bench, Call, Client, Ended, Group, Host, Hosts, Ledger, Redis, Wire, effect, effects, entries,
    exactly_once, oncegate, plugin, produce, send, signal, until, until_within,
};
use serde_json::{Value, json};

/// Longer than a call to the store is waited for, which is what has to be waited out before an outage is one.
const OUTAGE: Duration = Duration::from_secs(20);

fn count(ended: &Ended, name: &str) -> u64 {
    ended.summary()[name].as_u64().unwrap_or_else(|| panic!("{name}: {ended:?}"))
}

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
    let (messages, during) = effects("during", 100);
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
    assert!(count(&ended, "unguarded") >= 100, "{}", ended.stdout);
}

#[test]
fn an_outage_that_is_closed_holds_everything_back_and_uses_up_no_attempt() {
    let (redis, mut store) = (Redis::start(), Redis::start());
    let mut client = redis.client();
    let hosts = Hosts::on(&redis).with_store(&store).set("policy.attempts", "1");
    let host = hosts.start();
    let mut all = send(&mut client, "early", 2_000);
    until("it works", || entries(&mut client, "effects").len() > 50);
    store.kill();
    let sent = effects("during", 100);
    let before = Group::orders().read(&mut client);
    produce(&mut client, "orders", &sent.0);
    until("it has something to handle", || Group::orders().read(&mut client) > before);
    // Longer than a call is waited for: handlers are told of the outage.
    std::thread::sleep(Duration::from_secs(5));
    assert!(!Group::orders().is_settled(&mut client), "it had nothing left to do: this shows nothing");
    let handled = outputs(&mut client);
    assert!(!sent.1.iter().any(|key| handled.contains_key(key)), "something was handled without the store");

    store.restart();
    all.extend(sent.1);
    exactly_once(&mut client, &all);
    let ended = host.drain();
    assert!(count(&ended, "deferred") > 0, "no handler was told of the outage: {}", ended.stdout);
    assert_eq!((count(&ended, "unguarded"), count(&ended, "failed_attempts")), (0, 0));
}

/// Trial runs of a stream: everything goes out, and a real run afterwards does not know of it.
fn shadow_withholds_nothing(hosts: &Hosts, redis: &Redis, store: &Redis) {
    let mut client = redis.client();
    let (messages, keys) = effects("k", 300);
    let duplicates = (messages.len() - keys.len()) as u64;
    let trial = hosts.but("policy.shadow", "true");
    let run = |hosts: &Hosts, messages: &[Value]| {
        let host = hosts.start();
        produce(&mut redis.client(), "orders", messages);
        until("the messages are taken", || Group::orders().exists(&mut redis.client()));
        Group::orders().wait_until_settled(&mut redis.client());
        host.drain()
    };
    let first = run(&trial, &messages);
    // Those whose key was in flight just then would have waited instead.
    assert_eq!(count(&first, "would_suppress") + count(&first, "would_differ"), duplicates);
    assert_eq!(outputs(&mut client), deliveries(&messages));
    assert!(!first.stderr.contains("warning"), "{}", first.stderr);
    let each: Vec<Value> = keys.iter().map(|key| effect(key)).collect();
    let second = run(&trial, &each);
    assert_eq!(count(&second, "would_suppress"), keys.len() as u64);
    assert_eq!(entries(&mut client, "effects").len(), messages.len() + keys.len());
    assert_eq!(marked(&mut store.client(), ""), 0, "the real namespace was touched");

    let real = run(hosts, &messages);
    assert_eq!(real.ends().of("applied"), keys.len() as u64);
    assert_eq!(entries(&mut client, "effects").len(), messages.len() + 2 * keys.len());
    assert_eq!(marked(&mut store.client(), ""), keys.len());
}

#[test]
fn a_trial_run_on_one_redis_withholds_nothing_and_leaves_no_trace_in_the_namespace() {
    let redis = Redis::start();
    shadow_withholds_nothing(&Hosts::on(&redis), &redis, &redis);
}

#[test]
fn a_trial_run_with_the_store_elsewhere_withholds_nothing_and_leaves_no_trace_in_the_namespace() {
    let (redis, store) = (Redis::start(), Redis::start());
    shadow_withholds_nothing(&Hosts::on(&redis).with_store(&store), &redis, &store);
}

#[test]
fn a_trial_run_on_the_embedded_store_withholds_nothing_and_leaves_no_trace_in_the_namespace() {
    let bench = Bench::default();
    let (messages, keys) = effects("k", 300);
    bench.messages(&messages);
    // One after the other, so that no duplicate meets a key in flight.
    let trial = || bench.run("probe").args(&["--shadow", "--order", "partition"]).ok();
    let first = trial();
    assert_eq!(count(&first, "would_suppress"), (messages.len() - keys.len()) as u64);
    assert_eq!((bench.output().len(), bench.dead_letters().len()), (messages.len(), 0));
    let second = trial();
    assert_eq!(count(&second, "would_suppress"), messages.len() as u64);
    assert_eq!(bench.output().len(), 2 * messages.len());

    let real = bench.run("probe").ok();
    assert_eq!((real.ends().of("applied"), count(&real, "would_suppress")), (keys.len() as u64, 0));
    assert_eq!(bench.output().len(), 2 * messages.len() + keys.len());
    assert_eq!(bench.run("probe").ok().ends().duplicates(), messages.len() as u64);
}

/// A message of one key, with what may tell one event from another.
fn message(header: &str, event: &str, sent: u32) -> Vec<String> {
    let steps = json!([{"seen": "k"}, {"emit": ["t", "k"]}, {"commit": "k"}]);
    let payload = json!({"steps": steps, "about": {"event": event}, "sent": sent}).to_string();
    ["XADD", "orders", "*", "header:event", header, "payload", &payload].map(str::to_owned).to_vec()
}

#[test]
fn what_tells_one_event_from_another_decides_between_a_duplicate_and_a_mismatch() {
    // Sent after the first one: the very same, one sent again later, another event by its header, and one by its
    // payload.
    let messages = [("a", "a", 1), ("a", "a", 1), ("a", "a", 2), ("b", "a", 1), ("a", "b", 1)];
    for (fingerprint, mismatches) in [
        ("payload", [false, true, false, true]),
        ("header:event", [false, false, true, false]),
        ("json:/about/event", [false, false, false, true]),
        ("off", [false; 4]),
    ] {
        let redis = Redis::start();
        let mut client = redis.client();
        let hosts = Hosts::on(&redis).set("policy.fingerprint", &format!("'{fingerprint}'"));
        let host = hosts.start();
        Group::orders().wait_for(&mut client, host.pid());
        let mut sent = Vec::new();
        for (header, event, number) in messages {
            let words = message(header, event, number);
            sent.push(client.ask::<String>(&words.iter().map(String::as_str).collect::<Vec<_>>()));
            Group::orders().wait_until_settled(&mut client);
        }
        let ended = host.drain();
        let expected: Vec<&str> = sent
            .iter()
            .skip(1)
            .zip(mismatches)
            .filter_map(|(id, mismatch)| mismatch.then_some(id.as_str()))
            .collect();
        let ledger = Ledger::read(&mut client);
        assert_eq!(ledger.dead.iter().map(|dead| dead.id()).collect::<Vec<_>>(), expected, "{fingerprint}");
        for dead in &ledger.dead {
            assert!(dead.reason().starts_with("mismatch: key k was committed"), "{}", dead.reason());
            assert!(dead.reason().matches("fingerprint").count() == 1, "{}", dead.reason());
        }
        let mismatches = expected.len() as u64;
        assert_eq!(ledger.effects.len(), 1, "{fingerprint}");
        assert_eq!((ended.ends().of("mismatch"), ended.ends().duplicates()), (mismatches, 4 - mismatches));
    }
}

/// Works for a while before it commits its key.
fn slow(key: &str) -> Value {
    json!({"steps": [{"seen": key}, {"work": 400_000_000}, {"emit": ["t", key]}, {"commit": key}]})
}

/// Hosts whose handlers may work, and wait for each other, for long.
fn patient_hosts(redis: &Redis) -> Hosts {
    Hosts::on(redis)
        .set("policy.handler_limit", "'15s'")
        .set("policy.in_flight_wait", "'12s'")
        .set("policy.lease", "'20s'")
        .set("input.take_over", "'21s'")
}

/// Sends one that works and the same again, and waits until both are under way.
fn two_of_one_key(client: &mut Client, running: &[&Host]) {
    for host in running {
        Group::orders().wait_for(client, host.pid());
    }
    produce(client, "orders", &[slow("k"), slow("k")]);
    until("both are under way", || Group::orders().pending(client) == 2);
    assert!(entries(client, "effects").is_empty(), "the first one was over before: this shows nothing");
}

#[test]
fn who_waits_for_a_key_of_the_same_host_is_woken_and_asks_the_store_nothing() {
    let redis = Redis::start();
    let mut client = redis.client();
    let wire = Wire::to(redis.port());
    let hosts = patient_hosts(&redis);
    let host = hosts.start_through(&[&wire]);
    let claims = wire.count(Call::Claim);
    two_of_one_key(&mut client, &[&host]);
    exactly_once(&mut client, &["k".to_owned()]);
    let ended = host.drain();
    ended.ends().are(&[("applied", 1), ("duplicate_waited", 1)]);
    assert_eq!((count(&ended, "deferred"), claims.count()), (0, 1));
}

#[test]
fn who_waits_for_a_key_of_another_host_has_the_answer_after_its_commit() {
    let redis = Redis::start();
    let mut client = redis.client();
    let wires = [Wire::to(redis.port()), Wire::to(redis.port())];
    // Each holds one of the two.
    let hosts = patient_hosts(&redis).set("input.most_held", "1");
    let running = wires.each_ref().map(|wire| hosts.start_through(&[wire]));
    let claims = wires.each_ref().map(|wire| wire.count(Call::Claim));
    two_of_one_key(&mut client, &running.each_ref());
    exactly_once(&mut client, &["k".to_owned()]);
    let ended = running.map(|host| host.drain());
    let both = |name| ended.iter().map(|ended| ended.ends().of(name)).sum::<u64>();
    assert_eq!((both("applied"), both("duplicate_waited")), (1, 1));
    for (ended, claims) in ended.iter().zip(&claims) {
        assert_eq!((ended.summary()["read"].as_u64(), count(ended, "deferred")), (Some(1), 0));
        let waited = ended.ends().of("duplicate_waited") == 1;
        assert_eq!(claims.count() > 1, waited, "{} claims: {}", claims.count(), ended.stdout);
    }
}

#[test]
fn a_delivery_that_names_too_many_keys_fails_and_is_a_dead_letter_whatever_it_says() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis).set("limits.keys", "2").set("policy.attempts", "3");
    let host = hosts.start();
    let names = |keys: &[&str]| -> Value {
        let mut steps: Vec<Value> = keys.iter().map(|key| json!({"seen_anyway": key})).collect();
        steps.extend([
            json!({"emit": ["t", keys[1]]}),
            json!({"commit": keys[0]}),
            json!({"commit": keys[1]}),
        ]);
        json!({"steps": steps})
    };
    produce(&mut client, "orders", &[names(&["a", "b", "c"]), names(&["d", "e"])]);
    Group::orders().wait_until_settled(&mut client);
    let ended = host.drain();
    ended.ends().are(&[("attempts_used_up", 1), ("applied", 1)]);
    assert_eq!(count(&ended, "failed_attempts"), 2);
    let ledger = Ledger::read(&mut client);
    let payloads: Vec<&str> = ledger.effects.iter().map(|effect| effect.payload()).collect();
    assert_eq!((payloads, ledger.dead.len()), (vec!["e"], 1));
    assert!(ledger.dead[0].reason().contains("keys"), "{}", ledger.dead[0].reason());
}

/// A file of many messages and a stream, one Redis for the keys of both.
fn file_and_stream(bench: &Bench, redis: &Redis) {
    let plugin = plugin("probe").canonicalize().unwrap();
    let config = format!(
        "store.url = '{}'\nplugin.path = '{}'\noutput.topics = ['*']\n\
         [[pipeline]]\nname = 'file'\ninput.path = 'in.ndjson'\noutput.path = 'out.ndjson'\n\
         [[pipeline]]\nname = 'stream'\ninput.path = '{}?group=g&start=0'\noutput.path = '{}'\n",
        redis.url(),
        plugin.display(),
        redis.stream("orders"),
        redis.stream("effects"),
    );
    bench.write("oncegate.toml", config);
}

/// A process with several pipelines, ended when dropped.
struct Process(Child);

impl Process {
    fn start(bench: &Bench) -> Self {
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args([
            "run",
            "--json",
            "--init-store",
            "--config",
            "oncegate.toml",
        ]);
        command.stdout(File::create(bench.path("summaries")).unwrap());
        command.stderr(File::create(bench.path("errors")).unwrap());
        Self(command.spawn().unwrap())
    }

    /// Asks it to finish; the summaries of its pipelines.
    fn drain(mut self, bench: &Bench) -> Vec<Value> {
        signal::drain(self.0.id());
        until("the process ends", || self.0.try_wait().unwrap().is_some());
        let errors = std::fs::read_to_string(bench.path("errors")).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(7), "{errors}");
        let summaries = std::fs::read_to_string(bench.path("summaries")).unwrap();
        summaries.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already if the test has waited for its end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_signal_drains_a_pipeline_of_a_file_and_one_of_a_stream_and_both_go_on_from_there() {
    let (bench, redis) = (Bench::default(), Redis::start());
    let mut client = redis.client();
    let (messages, mut keys) = effects("k", 20_000);
    bench.messages(&messages);
    produce(&mut client, "orders", &messages);
    file_and_stream(&bench, &redis);
    let process = Process::start(&bench);
    let lines = |bench: &Bench| {
        let text = std::fs::read_to_string(bench.path("out.ndjson")).unwrap_or_default();
        text.lines().count()
    };
    until("both work", || lines(&bench) > 50 && entries(&mut client, "effects").len() > 50);
    let summaries = process.drain(&bench);
    let written = [lines(&bench), entries(&mut client, "effects").len()];
    for ((summary, name), written) in summaries.iter().zip(["file", "stream"]).zip(written) {
        assert_eq!((&summary["pipeline"], &summary["namespace"]), (&json!(name), &json!(name)));
        // Drained, not cut off: what it counts is out, and nothing else.
        assert_eq!(summary["ends"]["applied"], json!(written), "{summary}");
        assert!(written < keys.len(), "{name} had nothing left to do: this shows nothing");
    }

    let process = Process::start(&bench);
    until("both have done everything", || {
        lines(&bench) >= keys.len() && Group::orders().is_settled(&mut client)
    });
    process.drain(&bench);
    keys.sort_unstable();
    let sorted = |mut found: Vec<String>| {
        found.sort_unstable();
        found
    };
    let in_file = bench.output().iter().map(|line| line.payload().as_str().unwrap().to_owned()).collect();
    assert_eq!(sorted(in_file), keys);
    let in_stream = entries(&mut client, "effects").iter().map(|entry| entry.payload().to_owned()).collect();
    assert_eq!(sorted(in_stream), keys);
    assert!(!redis.ask::<bool>(&["EXISTS", "orders.dead"]) && bench.dead_letters().is_empty());
}
