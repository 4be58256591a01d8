//! What doctor says of good and bad servers and streams.

use super::*;

/// The configuration of a pipeline from stream to stream.
fn config(bench: &Bench, redis: &Redis, more: &str) -> String {
    let plugin = plugin("probe").canonicalize().unwrap();
    let text = format!(
        "[plugin]\npath = '{}'\n[input]\npath = '{}?group=g&start=0'\n[output]\ntopics = ['*']\npath = '{}'\n[store]\nurl = '{}'\n\
         [policy]\nnamespace = 'probe'\n{more}",
        plugin.display(),
        redis.stream("orders"),
        redis.stream("effects"),
        redis.url()
    );
    bench.write("oncegate.toml", text).display().to_string()
}

#[test]
fn doctor_has_nothing_to_say_of_a_good_server_and_a_pipeline_that_runs() {
    // A first replica gives its primary another id, after which hosts wait for a lease: so it comes before the store.
    let redis = Redis::start();
    let replica = redis.replica();
    ok(&["store", "init", "--store", &redis.url()]);
    redis.ask::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let bench = Bench::default();
    let config = config(&bench, &redis, "");
    let run = command(&["run", "--config", &config]).stderr(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut run = run.unwrap();
    send(&redis, &[effect("k")]);
    until("the effect is there", || effects(&redis).len() == 1);
    let found = findings(&["--config", &config, "--rate", "0.1/s"], 0);
    for expected in [
        "maxmemory-policy is noeviction",
        "synced with every write",
        "1 replicas are in step",
        "min-replicas-to-write is 1",
        "its sentinel is there",
        "the window needs 0.1 keys/s × 7d × ",
        "the times fit together",
        "the group g is there; pending 0, not yet read 0",
        "1 hosts read the group g",
        "there are no dead letters",
    ] {
        has(&found, "OK", expected);
    }
    let bad: Vec<_> = found.iter().filter(|(level, _)| level == "WARN" || level == "FAIL").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    run.kill().unwrap();
    run.wait().unwrap();
    drop(replica);
}

#[test]
fn doctor_names_what_is_wrong_with_a_server_and_what_to_do() {
    let redis = Redis::with(&["--appendonly", "no", "--maxmemory-policy", "allkeys-lru"]);
    let url = redis.url();
    let found = findings(&["--store", &url], 4);
    has(&found, "FAIL", "it keeps nothing on disk");
    has(
        &found,
        "WARN",
        "maxmemory-policy is allkeys-lru, though there is no maxmemory yet -> set maxmemory-policy to",
    );
    has(&found, "FAIL", "so hosts refuse it: it is new, or it was emptied -> ");
    for setting in [["maxmemory", "50mb"], ["save", "3600 1"]] {
        redis.ask::<()>(&["CONFIG", "SET", setting[0], setting[1]]);
    }
    ok(&["store", "init", "--store", &url]);
    let found = findings(&["--store", &url, "--rate", "1000/s", "--window", "30d"], 4);
    has(&found, "FAIL", "maxmemory-policy is allkeys-lru -> set maxmemory-policy to noeviction");
    has(&found, "WARN", "it keeps snapshots only (save 3600 1)");
    has(&found, "FAIL", "the window needs more than there is: 1000 keys/s × 30d × ");
    redis.ask::<()>(&["CONFIG", "SET", "appendonly", "yes"]);
    redis.ask::<()>(&["CONFIG", "SET", "appendfsync", "everysec"]);
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let replica = redis.replica();
    let found = findings(&["--store", &url], 0);
    has(&found, "WARN", "synced once a second");
    has(&found, "WARN", "min-replicas-to-write is 0 -> ");
    let replica_url = replica.url();
    let found = findings(&["--store", &replica_url], 4);
    has(&found, "FAIL", "it is a replica -> name the primary");
    // Where somebody else operates the server, it may not be asked for its settings.
    redis.ask::<()>(&["ACL", "SETUSER", "default", "-config"]);
    let found = findings(&["--store", &url], 0);
    has(&found, "INFO", "appendfsync is not checked (NOPERM");
    has(&found, "INFO", "min-replicas-to-write is not checked (NOPERM");
    drop(redis);
    let found = findings(&["--store", &url], 4);
    has(&found, "FAIL", "it cannot be used: ");
}

#[test]
fn doctor_sees_a_restart_and_a_store_of_another_hash_tag() {
    let mut redis = store();
    let bench = Bench::default();
    redis.kill();
    redis.restart();
    let found = findings(&["--config", &config(&bench, &redis, "")], 0);
    has(
        &found,
        "WARN",
        "it was restarted or promoted since a host last saw it: for 1m after the next one connects",
    );
    let other = config(&bench, &redis, "[store]\nhash_tag = 't'\n");
    assert_eq!(call(&["doctor", "--config", &other]).code, Some(2), "a table twice is no TOML");
    let text = std::fs::read_to_string(&other).unwrap();
    let text =
        text.replace("[store]\nhash_tag = 't'\n", "").replace("[store]\n", "[store]\nhash_tag = 't'\n");
    let wanting = text.replace("hash_tag = 't'", "replicas = 1");
    let found = findings(&["--config", &bench.write("tag.toml", text).display().to_string()], 4);
    has(&found, "FAIL", "the store has the hash tag none, and store.hash_tag is `t`");
    let found = findings(&["--config", &bench.write("wanting.toml", wanting).display().to_string()], 4);
    has(
        &found,
        "FAIL",
        "it has 0 replicas in step, and store.replicas wants 1: nothing is acknowledged -> bring",
    );
}

#[test]
fn doctor_sees_what_a_stream_has_lost_and_who_does_not_read_it() {
    let redis = store();
    let bench = Bench::default();
    let of_host = "scope = 'host'\nhost_id = 'h1'\n";
    let config = config(&bench, &redis, of_host);
    let found = findings(&["--config", &config], 0);
    has(&found, "WARN", "there is no such stream yet");
    redis.ask::<String>(&["XADD", "orders", "1-1", "payload", "1"]);
    let found = findings(&["--config", &config], 0);
    has(&found, "WARN", "there is no group g.h1 yet: the first run makes it, with the stream's first entry");
    redis.ask::<()>(&["XGROUP", "CREATE", "orders", "g.h1", "0"]);
    redis.ask::<()>(&["XGROUP", "CREATE", "orders", "g.h2", "0"]);
    for id in ["2-1", "3-1", "4-1"] {
        redis.ask::<String>(&["XADD", "orders", id, "payload", "1"]);
    }
    redis.ask::<redis::Value>(&[
        "XREADGROUP",
        "GROUP",
        "g.h1",
        "gone",
        "COUNT",
        "1",
        "STREAMS",
        "orders",
        ">",
    ]);
    // As if it had been handed out an hour ago.
    redis.ask::<redis::Value>(&["XCLAIM", "orders", "g.h1", "gone", "0", "1-1", "IDLE", "3600000", "JUSTID"]);
    redis.ask::<u64>(&["XTRIM", "orders", "MINID", "4-1"]);
    redis.ask::<String>(&["XADD", "orders.dead", "5-1", "payload", "1"]);
    let found = findings(&["--config", &config], 2);
    has(&found, "FAIL", "2 entries were trimmed or deleted before the group had read them");
    has(&found, "FAIL", "the entry 1-1 is pending and was trimmed");
    has(&found, "WARN", "1 entries have been pending for more than twice the take-over time");
    has(&found, "WARN", "the group g.h2 of another host of this pipeline has no consumer");
    has(&found, "WARN", "there are 1 dead letters, the oldest ");
    has(&found, "WARN", "older than the window (7d)");
    let source = format!("{}?group=g.h1&start=0", redis.stream("orders"));
    let found = findings(&["--source", &source], 2);
    has(&found, "FAIL", "the entry 1-1 is pending and was trimmed");
    redis.ask::<u64>(&["DEL", "orders"]);
    redis.ask::<()>(&["SET", "orders", "text"]);
    let found = findings(&["--config", &config], 2);
    has(&found, "FAIL", "there is a string under the stream's name");
}

#[test]
fn doctor_looks_at_an_embedded_store_and_warns_of_one_in_memory() {
    let bench = Bench::default();
    bench.messages(&[effect("k")]);
    bench.run("probe").ok();
    let url = format!("file:{}", bench.path("gate.db").display());
    has(&findings(&["--store", &url], 0), "OK", "MiB on disk");
    has(&findings(&["--store", "memory:"], 0), "WARN", "a restart forgets everything");
    refused(&["doctor"], 2, "say with --config, --store or --source");
    refused(&["doctor", "--store", &url, "--rate", "x"], 2, "--rate takes a number of keys");
    refused(&["doctor", "--config", "none.toml"], 2, "none.toml cannot be read");
}

#[test]
fn doctor_asks_the_sentinels_whether_they_could_agree() {
    let sentinels = Sentinels::start();
    let url = format!("redis://{}?sentinel={NAME}", sentinels.addresses());
    ok(&["store", "init", "--store", &url]);
    let found = findings(&["--store", &url], 0);
    has(&found, "OK", "the sentinels could agree on another primary (OK 3 usable Sentinels");
    has(&found, "WARN", "min-replicas-to-write is 0");
}
