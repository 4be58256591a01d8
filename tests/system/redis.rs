//! The pipeline on a real Redis: ordered settle, and a server that goes away.

use std::time::Duration;

use oncegate_tests::{Bench, Ended, Redis, until};
use serde_json::{Value, json};

fn effects(count: usize) -> Vec<Value> {
    let key = |n: usize| format!("k{}", if n % 3 == 2 { n / 2 } else { n });
    (0..count)
        .map(|n| json!({"steps": [{"seen": key(n)}, {"emit": ["t", "x"]}, {"commit": key(n)}]}))
        .collect()
}

fn distinct(messages: &[Value]) -> usize {
    let keys = messages.iter().map(|message| message["steps"][0]["seen"].as_str().unwrap());
    keys.collect::<std::collections::HashSet<_>>().len()
}

fn each_effect_once(bench: &Bench, messages: &[Value]) {
    let mut ids: Vec<String> = bench.output().iter().map(|line| line.id().to_owned()).collect();
    let written = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((written, ids.len()), (distinct(messages), distinct(messages)));
}

#[test]
fn a_second_run_on_redis_finds_everything_done() {
    let redis = Redis::start();
    let bench = Bench::default();
    let messages = effects(5_000);
    bench.messages(&messages);
    let first = bench.run_on("probe", &redis.url()).ok();
    assert_eq!(first.ends().of("applied"), distinct(&messages) as u64);
    assert_eq!(first.summary()["settle"], "ordered");
    let second = bench.run_on("probe", &redis.url()).ok();
    assert_eq!(second.ends().duplicates(), messages.len() as u64);
    each_effect_once(&bench, &messages);
}

#[test]
fn a_server_killed_and_restarted_in_mid_run_loses_and_doubles_nothing() {
    let mut redis = Redis::start();
    let bench = Bench::default();
    let messages = effects(20_000);
    bench.messages(&messages);
    // After each restart, keys that the server does not hold wait for one lease.
    let quick = ["--attempts", "1", "--lease", "8s", "--handler-limit", "2s"];
    let run = bench.run_on("probe", &redis.url()).args(&quick).start();
    // A server that is away at the start is refused, not waited for.
    let out = bench.path("out.ndjson");
    until("the run has begun", || std::fs::metadata(&out).is_ok_and(|out| out.len() > 0));
    // The second outage is longer than a call's patience, so that handlers are told of it.
    for outage_ms in [300, 5_000, 300] {
        redis.kill();
        std::thread::sleep(Duration::from_millis(outage_ms));
        redis.restart();
        std::thread::sleep(Duration::from_millis(500));
    }
    let ended = Ended::new(run.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.summary()["deferred"].as_u64() > Some(0), "nobody noticed: {}", ended.stdout);
    // With one attempt allowed, an outage that used one up would show as a dead letter.
    assert!(bench.dead_letters().is_empty(), "{:?}", bench.dead_letters());
    assert_eq!(ended.ends().of("applied"), distinct(&messages) as u64, "{}", ended.stdout);
    each_effect_once(&bench, &messages);
}

#[test]
fn two_processes_share_a_namespace_and_each_effect_happens_once() {
    let redis = Redis::start();
    let (a, b) = (Bench::default(), Bench::default());
    let messages = effects(5_000);
    let runs: Vec<_> = [&a, &b]
        .map(|bench| {
            bench.messages(&messages);
            bench.run_on("probe", &redis.url()).start()
        })
        .into();
    for run in runs {
        let ended = Ended::new(run.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    let mut ids: Vec<String> =
        [&a, &b].iter().flat_map(|bench| bench.output()).map(|line| line.id().to_owned()).collect();
    let written = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((written, ids.len()), (distinct(&messages), distinct(&messages)));
}
