//! A handler that fails on everything does not use up its messages: it takes none for a while, and its neighbours do not
//! notice.

use oncegate_tests::{
    Bench, Ended, Group, Hosts, Ledger, Redis, effect, entries, lines, oncegate, plugin, produce, send,
};
use serde_json::{Value, json};

/// Pauses of milliseconds.
const QUICK: &str = "[quarantine]\npause_min = \"20ms\"\npause_max = \"40ms\"\n";

fn rejected(number: usize) -> Value {
    json!({"steps": [{"reject": format!("no use for {number}")}]})
}

#[test]
fn a_handler_that_rejects_everything_leaves_few_dead_letters_and_an_exit_code_of_its_own() {
    let bench = Bench::default();
    bench.write("quick.toml", QUICK);
    bench.messages(&(0..5_000).map(rejected).collect::<Vec<_>>());
    let ended = bench.run("probe").args(&["--config", "quick.toml"]).end();
    assert_eq!(ended.code, Some(8), "{}", ended.stderr);
    let said = ended.error();
    assert!(said.contains("is quarantined") && said.contains("no use for"), "{said}");
    // Twenty, and one for each probe.
    assert_eq!(bench.dead_letters().len(), 23);
    let summary = ended.summary();
    let counted =
        ["dead_letters", "quarantines", "failed_probes"].map(|name| summary[name].as_u64().unwrap());
    assert_eq!(counted, [23, 1, 3]);
    let ends = ended.ends();
    assert_eq!(ends.of("rejected") + ends.of("undone"), summary["read"].as_u64().unwrap());
}

#[test]
fn what_a_quarantined_handler_did_not_do_is_done_by_the_mended_one() {
    let bench = Bench::default();
    bench.write("broken.toml", format!("{QUICK}[limits]\nhost_calls = 1\n"));
    bench.write("mended.toml", QUICK);
    let keys: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
    bench.messages(&keys.iter().map(|key| effect(key)).collect::<Vec<_>>());
    let ended = bench.run("probe").args(&["--config", "broken.toml"]).end();
    assert_eq!(ended.code, Some(8), "{}", ended.stderr);
    assert!(ended.error().contains("host call limit 1 reached"), "{}", ended.error());
    assert_eq!(bench.dead_letters().len(), 0, "no delivery used up its attempts: {}", ended.stderr);

    bench.run("probe").args(&["--config", "mended.toml"]).ok().ends().are(&[("applied", 300)]);
    assert_eq!((bench.output().len(), bench.dead_letters().len()), (300, 0));
}

#[test]
fn a_neighbour_runs_to_its_end() {
    let bench = Bench::default();
    let pipeline = |name: &str| {
        let plugin = plugin("probe");
        format!(
            "[[pipeline]]\nname = \"{name}\"\nplugin.path = \"{}\"\ninput.path = \"{name}.in\"\noutput.path = \
             \"{name}.out\"\noutput.topics = [\"*\"]\n",
            plugin.display()
        )
    };
    let store = "[store]\nurl = \"file:gate.db\"\n";
    bench.write("two.toml", [store, QUICK, &pipeline("bad"), &pipeline("good")].concat());
    let write = |name: &str, payloads: Vec<Value>| {
        let line = |payload: &Value| format!("{}\n", json!({"payload": payload}));
        bench.write(name, payloads.iter().map(line).collect::<String>());
    };
    write("bad.in", (0..1_000).map(rejected).collect());
    write("good.in", (0..20_000).map(|number| effect(&format!("k{number}"))).collect());
    let mut command = oncegate();
    command.current_dir(bench.path(".")).args(["run", "--config", "two.toml"]);
    let ended = Ended::new(command.output().unwrap());
    assert_eq!(ended.code, Some(8), "{}", ended.stderr);
    assert!(ended.error().contains("the pipeline bad"), "{}", ended.error());
    assert_eq!(lines(&bench.path("good.out")).len(), 20_000);
}

#[test]
fn on_a_stream_it_goes_on_as_soon_as_a_message_is_handled() {
    let redis = Redis::start();
    let mut client = redis.client();
    let hosts = Hosts::on(&redis)
        .set("quarantine.pause_min", "\"200ms\"")
        .set("quarantine.pause_max", "\"400ms\"")
        .set("quarantine.probes", "1");
    let mut host = hosts.start();
    produce(&mut client, "orders", &(0..30).map(rejected).collect::<Vec<_>>());
    host.wait_until_it_says("stays quarantined");
    assert!(host.is_running(), "whatever the number of probes, a stream is waited for");
    let keys = send(&mut client, "k", 100);
    host.wait_until_it_says("no longer quarantined");
    Group::orders().wait_until_settled(&mut client);
    let ledger = Ledger::read(&mut client);
    assert_eq!((ledger.counts().len(), ledger.doubled().len()), (keys.len(), 0));
    let ended = host.drain();
    assert_eq!(ended.ends().of("rejected"), 30, "{}", ended.stderr);
    assert_eq!(entries(&mut client, "dead").len(), 30, "each once, in the end");
}
