//! The plain adapter doubles effects, and the checker finds them.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use oncegate_checker::{Outcome, Report};
use oncegate_tests::{Client, Group, Ledger, Redis, entries, produce, until};
use serde_json::{Value, json};

/// An adapter that runs until it is dropped.
struct Plain(Child);

impl Plain {
    fn start(redis: &Redis, name: &str) -> Self {
        let url = format!("redis://127.0.0.1:{}", redis.port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_oncegate-plain"));
        command.args(["--url", &url, "--group", "g", "--stream", "orders", "--effects", "effects"]);
        command.args(["--namespace", "probe", "--consumer", name, "--min-idle-ms", "500"]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // Gone already if the test killed it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a producer that says everything twice sends for these keys.
fn twice(client: &mut Client, keys: std::ops::Range<usize>) {
    let payloads: Vec<Value> =
        keys.flat_map(|key| [key, key]).map(|key| oncegate_tests::effect(&format!("e{key}"))).collect();
    produce(client, "orders", &payloads);
}

/// What the checker says of what lies in the streams.
fn judged(client: &mut Client) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: Vec<Value>| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(Path::new(folder.path()).join(name), text).unwrap();
    };
    let run = json!({"seed": 0, "shape": "single", "control": "plain", "settle_bound_ms": 10_000,
        "pipelines": [{"name": "plain", "transaction": true}], "requires": ["duplicates"]});
    write("run.json", vec![run]);
    let orders = entries(client, "orders");
    let sent = orders.iter().map(|entry| {
        let script: Value = serde_json::from_str(entry.payload()).unwrap();
        let key = script["steps"][0]["seen"].as_str().unwrap();
        json!({"pipeline": "plain", "entry": entry.entry, "event": key, "expect": [format!("probe/k/{key}/0")],
            "payload": key, "dead": false, "phase": "storm"})
    });
    write("ledger.ndjson", sent.collect());
    let effects = Ledger::read(client).effects;
    let effects = effects.iter().map(|effect| {
        json!({"pipeline": "plain", "at": effect.entry, "id": effect.id(), "payload": effect.payload()})
    });
    write("sink.ndjson", effects.collect());
    let group = json!({"pipeline": "plain", "stream": "orders", "length": orders.len(),
        "read": Group::orders().read(client), "pending": Group::orders().pending(client), "lag": null});
    write("groups.ndjson", vec![group]);
    for nothing in ["dead", "faults", "acks", "summaries"] {
        write(&format!("{nothing}.ndjson"), Vec::new());
    }
    Report::of(folder.path()).unwrap()
}

fn violated(report: &Report) -> Vec<&str> {
    report.rows.iter().filter(|row| !row.ok).map(|row| row.name).collect()
}

#[test]
fn one_adapter_alone_to_which_nothing_happens_has_each_effect_once() {
    let redis = Redis::start();
    let mut client = redis.client();
    twice(&mut client, 0..200);
    let _alone = Plain::start(&redis, "a");
    until("there is a group", || Group::orders().exists(&mut client));
    Group::orders().wait_until_settled(&mut client);
    let report = judged(&mut client);
    assert_eq!(report.outcome, Outcome::Proven, "{}", report.text());
}

#[test]
fn two_adapters_race_to_a_double_and_the_checker_finds_it() {
    let redis = Redis::start();
    let mut client = redis.client();
    let _racers = ["a", "b"].map(|name| Plain::start(&redis, name));
    let mut keys = 0..0;
    until("two adapters look for a key before either has set it", || {
        keys = keys.end..keys.end + 200;
        twice(&mut client, keys.clone());
        Group::orders().exists(&mut client) && !Ledger::read(&mut client).doubled().is_empty()
    });
    Group::orders().wait_until_settled(&mut client);
    let report = judged(&mut client);
    assert_eq!(report.outcome as u8, 1, "{}", report.text());
    assert_eq!(violated(&report), ["doubled in the transaction"], "{}", report.text());
}

#[test]
fn an_adapter_outlives_its_server_and_takes_over_what_a_dead_one_left() {
    let mut redis = Redis::start();
    let mut client = redis.client();
    let _lives = Plain::start(&redis, "lives");
    until("it joins", || Group::orders().exists(&mut client));
    // The last read of one that died.
    let read = ["XREADGROUP", "GROUP", "g", "dead", "COUNT", "3", "STREAMS", "orders", ">"];
    until("three entries are handed to the dead", || {
        twice(&mut client, 0..1);
        client.ask::<redis::Value>(&read);
        Group::orders().pending(&mut client) >= 3
    });
    redis.kill();
    redis.restart();
    twice(&mut client, 1..20);
    Group::orders().wait_until_settled(&mut client);
    assert_eq!(Ledger::read(&mut client).counts().len(), 20);
}
