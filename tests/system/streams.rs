//! From stream to stream on one Redis, where marks, outputs and acknowledgements are one step.

use std::collections::HashSet;
use std::time::Duration;

use oncegate_tests::{
    Call, Client, Ended, Group, Hosts, Ledger, Moment, Redis, Then, Which, Wire, effect, entries,
    exactly_once, produce, send, signal, until,
};
use serde_json::{Value, json};

/// The sum of what hosts say in their summaries.
fn sum(ended: &[&Ended], name: &str) -> u64 {
    ended
        .iter()
        .map(|ended| ended.summary()[name].as_u64().unwrap_or_else(|| panic!("{name}: {ended:?}")))
        .sum()
}

/// How many deliveries ended so, over all hosts.
fn ends(ended: &[&Ended], name: &str) -> u64 {
    ended.iter().map(|ended| ended.ends().of(name)).sum()
}

/// Milliseconds, from the id of an entry.
fn time_ms(entry: &str) -> u64 {
    entry.split_once('-').unwrap().0.parse().unwrap()
}

/// The effect of a key, after the handler has failed so often.
fn late_effect(key: &str, delivery: u32) -> Value {
    json!({"steps": [{"seen": key}, {"retry_until": delivery}, {"emit": ["t", key]}, {"commit": key}]})
}

#[test]
fn each_effect_happens_once_and_everything_is_acknowledged() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis);
    let running = [hosts.start(), hosts.start()];
    let keys = send(&mut client, "k", 3_000);
    exactly_once(&mut client, &keys);
    // Sent again, all of it is known, to a host that has just started, too.
    let late = hosts.start();
    let again = send(&mut client, "k", 3_000);
    exactly_once(&mut client, &again);

    let ended: Vec<Ended> = running.into_iter().chain([late]).map(|host| host.drain()).collect();
    let ended: Vec<&Ended> = ended.iter().collect();
    assert_eq!(ended[0].summary()["settle"], "atomic");
    assert_eq!(ends(&ended, "applied"), keys.len() as u64);
    let duplicates: u64 = ended.iter().map(|ended| ended.ends().duplicates()).sum();
    assert_eq!((sum(&ended, "read"), duplicates), (6_000, 6_000 - keys.len() as u64));
    assert_eq!(Group::orders().consumers(&mut client), Vec::<String>::new(), "consumers are left behind");
}

#[test]
fn a_message_keeps_its_key_its_headers_and_its_bytes() {
    let redis = Redis::start();
    let mut client = redis.client();
    let host = Hosts::on(&redis).start();
    let payload = json!({"steps": [{"reject": "no use"}]}).to_string();
    let mut words = vec!["XADD", "orders", "*", "header:b", "2", "payload", &payload, "key", "K 1"];
    words.extend(["header:a", "1", "header:b", "3"]);
    let id: String = client.ask(&words);
    Group::orders().wait_until_settled(&mut client);
    host.drain().ends().are(&[("rejected", 1)]);

    let [dead] = &entries(&mut client, "dead")[..] else { panic!("one dead letter") };
    assert_eq!((dead.id(), dead.get("key"), dead.payload()), (id.as_str(), Some("K 1"), payload.as_str()));
    assert_eq!(dead.reason(), "rejected: no use");
    let headers: Vec<(&str, &str)> = dead
        .fields
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("header:")?, value.as_str())))
        .filter(|(name, _)| !name.starts_with("oncegate-"))
        .collect();
    assert_eq!(headers, [("b", "2"), ("a", "1"), ("b", "3")]);
}

#[test]
fn entries_of_other_shapes_go_to_the_dead_letters_and_hold_nothing_up() {
    let redis = Redis::start();
    let mut client = redis.client();
    let strange: [&[&str]; 4] = [
        &["foo", "bar"],
        &["payload", "1", "unknown", "2"],
        &["payload", "1", "payload", "2"],
        &["payload", "no JSON"],
    ];
    let mut ids = Vec::new();
    for fields in strange {
        ids.push(client.ask::<String>(&[&["XADD", "orders", "*"], fields].concat()));
    }
    let keys = send(&mut client, "k", 30);
    let host = Hosts::on(&redis).start();
    Group::orders().wait_until_settled(&mut client);
    let ended = host.drain();
    assert_eq!((ended.ends().of("malformed"), ended.ends().of("rejected")), (3, 1));

    let ledger = Ledger::read(&mut client);
    assert_eq!(ledger.effects.len(), keys.len());
    let dead: HashSet<&str> = ledger.dead.iter().map(|dead| dead.id()).collect();
    assert_eq!((ledger.dead.len(), dead), (4, ids.iter().map(String::as_str).collect()));
    assert!(ledger.dead.iter().all(|dead| !dead.reason().is_empty()));
    assert!(ledger.dead[0].payload().contains("bar"), "what was sent is to be found: {:?}", ledger.dead[0]);
}

#[test]
fn what_waits_for_a_retry_blocks_nothing_and_is_not_taken_over_while_its_host_lives() {
    let redis = Redis::start();
    let mut client = redis.client();
    // The pauses are random below 6 s: of so many some are longer than the take-over time.
    let hosts = Hosts::on(&redis)
        .set("policy.handler_limit", "'500ms'")
        .set("policy.margin", "'200ms'")
        .set("policy.lease", "'1s'")
        .set("input.take_over", "'1500ms'")
        .set("policy.backoff_min", "'6s'")
        .set("policy.backoff_max", "'6s'");
    let running = [hosts.start(), hosts.start()];
    for host in &running {
        Group::orders().wait_for(&mut client, host.pid());
    }
    let slow: Vec<String> = (0..20).map(|n| format!("slow{n}")).collect();
    produce(&mut client, "orders", &slow.iter().map(|key| late_effect(key, 2)).collect::<Vec<_>>());
    let keys = send(&mut client, "k", 300);
    until("the others have their effects", || {
        let effects = entries(&mut client, "effects");
        effects.iter().filter(|effect| effect.payload().starts_with('k')).count() == keys.len()
    });
    assert!(Group::orders().pending(&mut client) > 0, "nothing was waiting: this shows nothing");

    let all: Vec<String> = keys.into_iter().chain(slow.clone()).collect();
    exactly_once(&mut client, &all);
    let sent = entries(&mut client, "orders");
    let waited = entries(&mut client, "effects")
        .iter()
        .filter(|effect| {
            let cause =
                sent.iter().find(|sent| sent.payload().contains(&format!("{:?}", effect.payload()))).unwrap();
            time_ms(&effect.entry) - time_ms(&cause.entry) > 1_500
        })
        .count();
    assert!(waited > 0, "nothing waited longer than the take-over time: this shows nothing");
    let ended = running.map(|host| host.drain());
    let ended: Vec<&Ended> = ended.iter().collect();
    assert_eq!((sum(&ended, "redelivered"), ends(&ended, "taken_over")), (0, 0));
    assert_eq!(sum(&ended, "failed_attempts"), 20);
}

#[test]
fn a_host_that_holds_enough_leaves_the_rest_to_others() {
    const MOST: u64 = 8;
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts =
        Hosts::on(&redis).set("input.most_held", &MOST.to_string()).set("policy.backoff_min", "'400ms'");
    let running = [hosts.start(), hosts.start()];
    for host in &running {
        Group::orders().wait_for(&mut client, host.pid());
    }
    let keys: Vec<String> = (0..300).map(|n| format!("k{n}")).collect();
    produce(&mut client, "orders", &keys.iter().map(|key| late_effect(key, 2)).collect::<Vec<_>>());
    let mut most = 0;
    until("everything is acknowledged", || {
        let held = running.iter().map(|host| Group::orders().pending_of(&mut client, host.pid())).max();
        most = most.max(held.unwrap());
        Group::orders().is_settled(&mut client)
    });
    exactly_once(&mut client, &keys);
    assert!((1..=MOST as i64).contains(&most), "a host held {most} entries");
    for host in running {
        let applied = host.drain().ends().of("applied");
        assert!(applied >= 60, "a host got {applied} of 300");
    }
}

#[test]
fn what_a_host_has_not_begun_when_it_is_told_to_finish_is_others_at_once() {
    let redis = Redis::start();
    let mut client = redis.client();
    // Nobody would take anything over for minutes.
    let hosts = Hosts::on(&redis)
        .set("input.take_over", "'5m'")
        .set("policy.keep", "'30m'")
        .set("policy.backoff_min", "'20s'")
        .set("policy.backoff_max", "'20s'");
    let first = hosts.start();
    Group::orders().wait_for(&mut client, first.pid());
    let slow: Vec<String> = (0..50).map(|n| format!("slow{n}")).collect();
    produce(&mut client, "orders", &slow.iter().map(|key| late_effect(key, 2)).collect::<Vec<_>>());
    until("the host holds them", || Group::orders().pending_of(&mut client, first.pid()) > 10);
    let keys = send(&mut client, "k", 300);

    let first = first.drain();
    assert!(first.ends().of("undone") > 0, "it had nothing left: this shows nothing: {}", first.stdout);
    let second = hosts.but("policy.backoff_min", "'10ms'").set("policy.backoff_max", "'100ms'").start();
    let all: Vec<String> = keys.into_iter().chain(slow).collect();
    exactly_once(&mut client, &all);
    let second = second.drain();
    assert_eq!(ends(&[&first, &second], "applied"), all.len() as u64);
}

#[test]
fn a_group_that_is_destroyed_stops_the_host_with_one_clear_line() {
    let redis = Redis::start();
    let mut client = redis.client();
    let host = Hosts::on(&redis).start();
    Group::orders().wait_for(&mut client, host.pid());
    let keys = send(&mut client, "k", 30);
    exactly_once(&mut client, &keys);
    client.ask::<()>(&["XGROUP", "DESTROY", "orders", "g"]);
    let ended = host.end();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.error().contains("orders") && ended.error().contains("group g"), "{}", ended.error());
    assert!(!Group::orders().exists(&mut client), "it was made again in silence");
}

#[test]
fn entries_that_were_trimmed_are_counted_and_named() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis).set("policy.backoff_min", "'20s'").set("policy.backoff_max", "'20s'");
    let mut first = hosts.start();
    Group::orders().wait_for(&mut client, first.pid());
    let slow: Vec<Value> = (0..5).map(|n| late_effect(&format!("slow{n}"), 5)).collect();
    produce(&mut client, "orders", &slow);
    until("the host holds them", || Group::orders().pending(&mut client) == 5);
    first.kill();
    // Five that are pending for the dead one, and six of twenty that nobody has read.
    let pending: Vec<String> = entries(&mut client, "orders").into_iter().map(|entry| entry.entry).collect();
    let keys: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    produce(&mut client, "orders", &keys.iter().map(|key| effect(key)).collect::<Vec<_>>());
    client.ask::<()>(&["XTRIM", "orders", "MAXLEN", "14"]);

    let second = hosts.start();
    exactly_once(&mut client, &keys[6..]);
    let second = second.drain();
    assert_eq!(second.summary()["lost_by_trimming"], 11, "{}", second.stdout);
    for id in pending {
        assert!(second.stderr.contains(&id), "{id} is not named: {}", second.stderr);
    }
    assert!(second.stderr.contains("lost: 6 entries of the stream orders"), "{}", second.stderr);
}

#[test]
fn a_handler_reaches_the_streams_of_the_map_and_no_other() {
    let redis = Redis::start();
    let mut client = redis.client();
    let host = Hosts::on(&redis)
        .set("output.path", &format!("'{}'", redis.url().replace("redis:", "redis-stream:")))
        .unset("output.topics")
        .set("output.streams.t", "'effects'")
        .set("output.streams.more", "'elsewhere'")
        .start();
    let emit =
        |key: &str, topic: &str| json!({"steps": [{"seen": key}, {"emit": [topic, key]}, {"commit": key}]});
    let topics = ["t", "more", "orders", "dead", "effects"];
    let messages: Vec<Value> =
        topics.iter().enumerate().map(|(n, topic)| emit(&format!("k{n}"), topic)).collect();
    produce(&mut client, "orders", &messages);
    Group::orders().wait_until_settled(&mut client);
    let ended = host.drain();
    assert_eq!(ended.ends().of("applied"), 2, "{}", ended.stdout);
    let payloads = |client: &mut Client, stream: &str| -> Vec<String> {
        entries(client, stream).iter().map(|entry| entry.payload().to_owned()).collect()
    };
    assert_eq!(payloads(&mut client, "effects"), ["k0"]);
    assert_eq!(payloads(&mut client, "elsewhere"), ["k1"]);
    assert_eq!(entries(&mut client, "orders").len(), topics.len(), "something was written to the source");
    let dead = entries(&mut client, "dead");
    assert_eq!(dead.len(), 3);
    assert!(dead.iter().all(|dead| dead.reason().contains("topic")), "{dead:?}");
}

#[test]
fn a_pipeline_that_would_feed_itself_is_refused_at_start() {
    let redis = Redis::start();
    for (setting, stream) in
        [("output.path", "orders"), ("dead_letters.path", "orders"), ("dead_letters.path", "effects")]
    {
        let ended = Hosts::on(&redis).set(setting, &format!("'{}'", redis.stream(stream))).start().end();
        assert_eq!(ended.code, Some(2), "{setting} = {stream}: {ended:?}");
        assert!(ended.error().contains(stream), "{}", ended.error());
        assert_eq!(ended.complaints().len(), 1, "{}", ended.stderr);
    }
    assert!(!redis.ask::<bool>(&["EXISTS", "orders"]), "something was made all the same");
}

#[test]
fn a_message_over_which_hosts_die_runs_alone_and_is_given_up_when_its_host_dies_then_too() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis)
        .set("policy.handler_limit", "'300ms'")
        .set("policy.margin", "'200ms'")
        .set("policy.lease", "'1s'")
        .set("input.take_over", "'1200ms'")
        .set("policy.host_deaths", "2");
    produce(&mut client, "orders", &[effect("poison")]);
    for _ in 0..4 {
        let wire = Wire::to(redis.port());
        let mut host = hosts.start_through(&[&wire]);
        let pid = host.pid();
        // When the handler has run.
        let dies = wire.rule(Call::Settle, Which::Nth(1), Moment::Before, move || {
            signal::kill(pid);
            Then::Cut
        });
        dies.wait("a host dies over the message");
        until("the host is dead", || !host.is_running());
    }
    let last = hosts.start();
    let keys = send(&mut client, "k", 30);
    Group::orders().wait_until_settled(&mut client);
    let ended = last.drain();
    assert_eq!(ended.ends().of("host_died"), 1, "{ended:?}");
    let ledger = Ledger::read(&mut client);
    assert_eq!((ledger.effects.len(), ledger.dead.len()), (keys.len(), 1));
    assert!(ledger.dead[0].reason().contains("host"), "{}", ledger.dead[0].reason());
}

#[test]
fn a_stream_that_is_away_is_waited_for_and_nothing_is_lost() {
    let mut redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis).set("policy.attempts", "1");
    let running = [hosts.start(), hosts.start()];
    for host in &running {
        Group::orders().wait_for(&mut client, host.pid());
    }
    let keys = send(&mut client, "k", 3_000);
    for outage_ms in [300, 4_000] {
        let before = entries(&mut client, "effects").len();
        until("they work", || entries(&mut client, "effects").len() > before);
        redis.kill();
        std::thread::sleep(Duration::from_millis(outage_ms));
        redis.restart();
        // The next fault is to hit work that goes on.
        let more = send(&mut client, &format!("more{outage_ms}-"), 600);
        assert!(!more.is_empty());
    }
    let mut all = keys;
    for outage_ms in [300, 4_000] {
        all.extend(oncegate_tests::effects(&format!("more{outage_ms}-"), 600).1);
    }
    exactly_once(&mut client, &all);
    for host in running {
        host.drain();
    }
}
