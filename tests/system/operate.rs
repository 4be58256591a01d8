//! What an operator can see, change and be warned of, on real servers and beside hosts that run.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};

use oncegate_tests::{
    Bench, Cluster, Ended, Entry, Hosts, NAME, Redis, Sentinels, effect, entries, oncegate, plugin, produce,
    until,
};
use serde_json::{Value, json};

/// A Redis with a store on it.
fn store() -> Redis {
    let redis = Redis::start();
    ok(&["store", "init", "--store", &redis.url()]);
    redis
}

fn command(arguments: &[&str]) -> Command {
    let mut command = oncegate();
    command.args(arguments).stdin(Stdio::null());
    command
}

fn call(arguments: &[&str]) -> Ended {
    Ended::new(command(arguments).output().unwrap())
}

fn ok(arguments: &[&str]) -> String {
    let ended = call(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// The command ends with this code, and its last line says this.
fn refused(arguments: &[&str], code: i32, expected: &str) -> Ended {
    let ended = call(arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    assert!(ended.error().contains(expected), "{arguments:?}: {}", ended.stderr);
    ended
}

/// The arguments of a command about keys of the namespace that the hosts use.
fn about<'a>(redis: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--store", redis, "--namespace", "probe"]].concat()
}

fn record(url: &str, key: &str) -> Value {
    serde_json::from_str(&ok(&about(url, &["keys", "get", key, "--json"]))).unwrap()
}

fn fence(url: &str, key: &str) -> String {
    record(url, key)["fence"].as_str().unwrap().to_owned()
}

fn audit_lines(bench: &Bench, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(bench.path(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn effects(redis: &Redis) -> Vec<Entry> {
    entries(&mut redis.client(), "effects")
}

fn dead(redis: &Redis) -> Vec<Entry> {
    entries(&mut redis.client(), "dead")
}

fn send(redis: &Redis, payloads: &[Value]) {
    produce(&mut redis.client(), "orders", payloads);
}

/// The arguments that send dead letters of the usual streams again.
fn requeue(redis: &Redis, arguments: &[&str]) -> Vec<String> {
    let (letters, to, url) = (redis.stream("dead"), redis.stream("orders"), redis.url());
    let places = ["--dead-letters", &letters, "--to", &to, "--store", &url, "--namespace", "probe"];
    [&["dead", "requeue"], arguments, &places].concat().into_iter().map(str::to_owned).collect()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn a_key_is_changed_only_by_the_fence_that_it_bears() {
    let redis = store();
    let (url, bench) = (redis.url(), Bench::default());
    let committed = ok(&about(&url, &["keys", "commit", "k", "--window", "2d"]));
    assert_eq!(committed, "committed: k (it was without a record) for 2d\n");
    let first = fence(&url, "k");
    // Said twice is said once: it is not remembered any longer for that.
    assert!(ok(&about(&url, &["keys", "commit", "k", "--window", "9d"])).contains("key k is left as it is"));
    assert_eq!(fence(&url, "k"), first);
    // Nor does an operator's word replace the commit of a delivery, which may have a receipt.
    bench.messages(&[json!({"steps": [{"seen": "done"}, {"commit_with": ["done", "receipt"]}]})]);
    bench.run_on("probe", &url).ok();
    let already = format!("is committed already (fence {})", fence(&url, "done"));
    refused(&about(&url, &["keys", "commit", "done"]), 1, &already);
    assert_eq!(record(&url, "done")["receipt"], "receipt");
    let wrong = "7-000102030405060708090a0b0c0d0e0f";
    let given = about(&url, &["keys", "forget", "k", "--fence", wrong]);
    refused(&given, 1, &format!("does not have the fence {wrong} but {first}"));
    assert_eq!(record(&url, "k")["state"], "committed");
    let forgotten = ok(&about(&url, &["keys", "forget", "k", "--fence", &first]));
    assert_eq!(forgotten, "forgotten: k (it was committed)\n");
    assert_eq!(record(&url, "k")["state"], "forgotten");
    refused(&about(&url, &["keys", "commit", "k", "--fence", &first]), 1, "does not have the fence");
    refused(&about(&url, &["keys", "commit", "none", "--fence", wrong]), 1, "there is no record of key none");
    refused(&about(&url, &["keys", "forget", "none"]), 1, "there is nothing to forget");
    refused(&about(&url, &["keys", "forget", "k", "--fence", "7"]), 2, "a fence is SEQUENCE-ATTEMPT");
    refused(&about(&url, &["keys", "commit", "k", "--window", "0s"]), 2, "--window takes a time");
    assert_eq!(ok(&about(&url, &["keys", "commit", "k"])), "committed: k (it was forgotten) for 7d\n");
    // What is shown escaped can be named so.
    ok(&about(&url, &["keys", "commit", "a\\nb\\xff"]));
    assert!(ok(&about(&url, &["keys", "list"])).contains("a\\nb\\xff  committed"));
}

#[test]
fn every_change_leaves_two_audit_lines_and_none_is_made_without_them() {
    let redis = store();
    let (url, bench) = (redis.url().replace("//", "//:hunter2@"), Bench::default());
    redis.ask::<()>(&["CONFIG", "SET", "requirepass", "hunter2"]);
    let audit = bench.path("audit.jsonl").display().to_string();
    let with = |arguments: &[&'static str]| {
        let all = [arguments, &["--audit", &audit, "--by", "ann"]].concat();
        call(&about(&url, &all))
    };
    let wrong = "7-000102030405060708090a0b0c0d0e0f";
    assert_eq!(with(&["keys", "commit", "a b"]).code, Some(0));
    assert_eq!(with(&["keys", "forget", "a b", "--fence", wrong]).code, Some(1));
    let lines = audit_lines(&bench, "audit.jsonl");
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["intent", "outcome", "intent", "outcome"]);
    assert_eq!(lines[0]["change"], lines[1]["change"]);
    assert_ne!(lines[1]["change"], lines[2]["change"]);
    for line in &lines {
        assert_eq!((&line["by"], &line["namespace"]), (&json!("ann"), &json!("probe")));
        assert_eq!(line["key"], "a b");
        assert!(line["time"].as_str().unwrap().ends_with('Z') && line["time"].as_str().unwrap().len() == 24);
        assert!(!line.to_string().contains("hunter2"), "{line}");
    }
    assert_eq!((&lines[1]["command"], &lines[2]["command"]), (&json!("keys commit"), &json!("keys forget")));
    assert_eq!(lines[0]["fence"], Value::Null);
    assert_eq!(lines[2]["fence"], json!(wrong));
    assert!(lines[1]["outcome"].as_str().unwrap().starts_with("committed: a b"));
    assert!(lines[3]["outcome"].as_str().unwrap().contains("does not have the fence"));

    let nowhere = bench.path("none/audit").display().to_string();
    for audit in [nowhere.as_str(), "/dev/full"] {
        let ended =
            refused(&about(&url, &["keys", "commit", "c", "--audit", audit]), 5, "nothing is changed");
        assert!(!ended.stderr.contains("hunter2"));
        assert_eq!(call(&about(&url, &["keys", "get", "c"])).code, Some(1), "it was changed");
    }
    // By default they go to standard error.
    let ended = call(&about(&url, &["keys", "forget", "a b"]));
    let said: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("oncegate: audit: {")).collect();
    assert_eq!(said.len(), 2, "{}", ended.stderr);
}

/// How often a record was looked at, by the server's own count.
fn looks(redis: &Redis) -> u64 {
    let stats: String = redis.ask(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_pttl:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[test]
fn a_key_that_changes_between_look_and_change_is_left_alone() {
    let redis = store();
    let (url, bench) = (redis.url(), Bench::default());
    ok(&about(&url, &["keys", "commit", "k"]));
    // The audit line is written between the two, and into a pipe that is full it is not written until somebody reads.
    let pipe = bench.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
    let mut options = OpenOptions::new();
    let mut held = options.read(true).write(true).custom_flags(nonblocking).open(&pipe).unwrap();
    while held.write(&[b' '; 4096]).is_ok() {}
    let before = looks(&redis);
    let pipe = pipe.display().to_string();
    let arguments = about(&url, &["keys", "forget", "k", "--audit", &pipe]);
    let racing = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the record is looked at", || looks(&redis) > before);
    ok(&about(&url, &["keys", "forget", "k"]));
    ok(&about(&url, &["keys", "commit", "k"]));
    let now = fence(&url, "k");
    let drain = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // Until the writer's end, whose lines are in it, has been read; the test ends with its own handle.
        let mut text = Vec::new();
        until("both lines are written", || {
            while let Ok(count @ 1..) = held.read(&mut bytes) {
                text.extend_from_slice(&bytes[..count]);
            }
            String::from_utf8_lossy(&text).contains("\"outcome\":")
        });
        String::from_utf8(text).unwrap()
    });
    let ended = Ended::new(racing.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.error().contains("key k has just changed"), "{}", ended.error());
    assert!(drain.join().unwrap().contains("has just changed"));
    assert_eq!((record(&url, "k")["state"].as_str(), fence(&url, "k")), (Some("committed"), now));
}

#[test]
fn a_claim_that_its_host_left_behind_is_listed_as_stuck() {
    let redis = store();
    let url = redis.url();
    let hosts = Hosts::on(&redis);
    let mut host = hosts.start();
    send(&redis, &[effect("done"), json!({"steps": [{"seen": "left"}, {"spin": null}]})]);
    let listed = || ok(&about(&url, &["keys", "list"]));
    until("the key is claimed", || listed().contains("left  claimed"));
    host.kill();
    assert!(!ok(&about(&url, &["keys", "stuck"])).contains("done"));
    until("its lease ends", || ok(&about(&url, &["keys", "stuck"])).contains("left  claimed, lapsed "));
    let stuck: Value = serde_json::from_str(&ok(&about(&url, &["keys", "stuck", "--json"]))).unwrap();
    assert_eq!((&stuck["key"], &stuck["host_deaths"]), (&json!("left"), &json!(0)));
    assert!(stuck["lapsed_ms"].is_u64() && stuck["fence"].is_string(), "{stuck}");
    let text = ok(&about(&url, &["keys", "stuck"]));
    assert!(text.contains(" ago  ") && text.contains("host deaths 0  fence "), "{text}");
}

#[test]
fn a_forgotten_key_is_forgotten_by_the_cache_of_a_host_that_runs() {
    let redis = store();
    let hosts = Hosts::on(&redis).set("l1.staleness", "'1h'");
    let host = hosts.start();
    send(&redis, &[effect("k")]);
    until("the effect is there", || effects(&redis).len() == 1);
    ok(&about(&redis.url(), &["keys", "forget", "k"]));
    send(&redis, &[effect("k")]);
    until("it comes again", || effects(&redis).len() == 2);
    // A key committed by hand is a duplicate without a word from the handler.
    ok(&about(&redis.url(), &["keys", "commit", "by hand"]));
    send(&redis, &[effect("by hand"), effect("last")]);
    until("the last one is there", || effects(&redis).len() == 3);
    let ends = host.drain().ends();
    assert_eq!((ends.of("applied"), ends.duplicates()), (3, 1));
}

#[test]
fn a_requeued_letter_is_handled_anew_with_all_its_keys() {
    let redis = store();
    let url = redis.url();
    let hosts = Hosts::on(&redis);
    let host = hosts.start();
    let rejected = json!({"steps": [{"seen": "k1"}, {"seen": "k2"}, {"reject": "why"}]});
    send(&redis, &[rejected]);
    until("it is dead", || dead(&redis).len() == 1);
    let first = dead(&redis).remove(0);
    let letters = redis.stream("dead");
    let listed = ok(&["dead", "list", "--dead-letters", &letters]);
    for expected in [first.entry.as_str(), "rejected: why", "key k1  key k2", "payload {\"steps\":"] {
        assert!(listed.contains(expected), "{expected}: {listed}");
    }
    assert_eq!(ok(&["dead", "list", "--dead-letters", &letters, "--after", &first.entry]), "");
    let shown = ok(&["dead", "show", &first.entry, "--dead-letters", &letters]);
    assert!(shown.contains("oncegate-fence") && shown.contains(&fence(&url, "k2")), "{shown}");
    refused(&["dead", "show", "1-1", "--dead-letters", &letters], 1, "there is no dead letter 1-1");

    let bench = Bench::default();
    let audit = bench.path("audit").display().to_string();
    let again = requeue(&redis, &[&first.entry, "--audit", &audit]);
    let said = ok(&words(&again));
    assert!(said.contains("key k1 is cleared; key k2 is cleared"), "{said}");
    assert_eq!(audit_lines(&bench, "audit")[0]["key"], json!(["k1", "k2"]));
    until("it is dead again", || dead(&redis).len() == 1 && dead(&redis)[0].entry != first.entry);
    let second = dead(&redis).remove(0);
    // The handler was asked again: with a record left, the reason would be that a key is dead.
    assert_eq!(second.reason(), "rejected: why");
    let sent = entries(&mut redis.client(), "orders").pop().unwrap();
    assert!(sent.fields.iter().all(|(name, _)| !name.starts_with("header:oncegate-")), "{sent:?}");
    assert_eq!(sent.get("id"), first.get("id"), "it is the same message");
    refused(&words(&again), 1, "1 dead letters were not sent again");
    assert_eq!(host.drain().ends().of("rejected"), 2);
}

#[test]
fn a_letter_whose_key_was_committed_is_sent_only_by_force_and_the_gate_suppresses_it() {
    let redis = store();
    let hosts = Hosts::on(&redis).set("policy.attempts", "1");
    let host = hosts.start();
    send(&redis, &[json!({"steps": [{"seen": "k"}, {"emit": ["t", "x"]}, {"panic": "why"}]})]);
    until("it is dead", || dead(&redis).len() == 1);
    ok(&about(&redis.url(), &["keys", "commit", "k"]));
    let ended = call(&words(&requeue(&redis, &["--all"])));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("not sent: its key k was committed meanwhile"), "{}", ended.stdout);
    assert_eq!((dead(&redis).len(), entries(&mut redis.client(), "orders").len()), (1, 1));
    let said = ok(&words(&requeue(&redis, &["--all", "--force"])));
    assert!(said.contains("key k stays committed"), "{said}");
    send(&redis, &[effect("last")]);
    until("the last one is there", || effects(&redis).len() == 1);
    assert!(dead(&redis).is_empty());
    assert_eq!(host.drain().ends().duplicates(), 1);
}

#[test]
fn a_requeue_that_was_interrupted_is_repeated_and_nothing_comes_twice() {
    let redis = store();
    let hosts = Hosts::on(&redis).set("policy.attempts", "1");
    let host = hosts.start();
    // Its first delivery fails, and so would every other one that counts as the first.
    send(&redis, &[json!({"steps": [{"seen": "k"}, {"emit": ["t", "x"]}, {"reject": "why"}]})]);
    until("it is dead", || dead(&redis).len() == 1);
    host.drain();
    let letter = dead(&redis).remove(0);
    let (letters, nowhere, url) = (redis.stream("dead"), redis.stream("mistyped"), redis.url());
    let to_nowhere = [
        "dead",
        "requeue",
        "--all",
        "--dead-letters",
        &letters,
        "--to",
        &nowhere,
        "--store",
        &url,
        "--namespace",
        "probe",
    ];
    // The record is cleared, and then nothing can be appended: as if it had been killed in between.
    refused(&to_nowhere, 5, "there is no stream under this name");
    assert_eq!(record(&url, "k")["state"], "forgotten");
    assert_eq!(dead(&redis), std::slice::from_ref(&letter));
    assert_eq!(redis.ask::<u64>(&["EXISTS", "mistyped"]), 0);
    ok(&words(&requeue(&redis, &[&letter.entry])));
    assert_eq!((dead(&redis).len(), entries(&mut redis.client(), "orders").len()), (0, 2));
    // Killed between append and removal, where these are two steps: the letter is still there, and its message has
    // been handled.
    let mut add = vec!["XADD", "dead", "*"];
    letter.fields.iter().for_each(|(name, value)| add.extend([name.as_str(), value.as_str()]));
    redis.ask::<String>(&add);
    ok(&about(&url, &["keys", "commit", "k"]));
    let ended = call(&words(&requeue(&redis, &["--all"])));
    assert!(ended.stdout.contains("was committed meanwhile"), "{}", ended.stdout);
    assert_eq!(entries(&mut redis.client(), "orders").len(), 2);
}

#[test]
fn letters_go_to_a_source_on_another_server_and_are_taken_off_then() {
    let (redis, other) = (store(), Redis::start());
    other.ask::<String>(&["XADD", "orders", "*", "payload", "1"]);
    redis.ask::<String>(&["XADD", "dead", "*", "id", "m", "topic", "t", "header:a", "1", "payload", "2"]);
    let (letters, to, url) = (redis.stream("dead"), other.stream("orders"), redis.url());
    ok(&[
        "dead",
        "requeue",
        "--all",
        "--dead-letters",
        &letters,
        "--to",
        &to,
        "--store",
        &url,
        "--namespace",
        "probe",
    ]);
    let sent = entries(&mut other.client(), "orders").pop().unwrap();
    let fields: Vec<_> = sent.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("id", "m"), ("topic", "t"), ("header:a", "1"), ("payload", "2")]);
    assert!(dead(&redis).is_empty());
}

#[test]
fn what_never_was_a_message_is_sent_as_it_was_or_not_at_all() {
    let redis = store();
    let hosts = Hosts::on(&redis);
    let host = hosts.start();
    redis.ask::<String>(&["XADD", "orders", "*", "odd", "1", "odd", "2"]);
    redis.ask::<String>(&["XADD", "orders", "*", "odd", &"x".repeat(100_000)]);
    until("they are dead letters", || dead(&redis).len() == 2);
    host.drain();
    let ended = call(&words(&requeue(&redis, &["--all"])));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("what was kept of its entry is not all of it"), "{}", ended.stdout);
    let sent = entries(&mut redis.client(), "orders").pop().unwrap();
    let fields: Vec<_> = sent.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("odd", "1"), ("odd", "2")]);
    assert_eq!(dead(&redis).len(), 1);
    let none = requeue(&redis, &["--all", "--reason-prefix", "rejected"]);
    assert_eq!(ok(&words(&none)), "", "a reason that nothing has");
}

#[test]
fn dead_letters_in_a_file_are_appended_elsewhere_and_stay_where_they_are() {
    let bench = Bench::default();
    let step = |key: &str| json!({"steps": [{"seen": key}, {"reject": "why"}]});
    bench.messages(&[step("a"), step("b"), json!({"steps": "odd"})]);
    bench.write("more", "no message\n");
    bench.run("probe").ok();
    let file = bench.path("out.ndjson.dead.ndjson").display().to_string();
    let (store, to) = (format!("file:{}", bench.path("gate.db").display()), bench.path("again.ndjson"));
    let before = std::fs::read(&file).unwrap();
    assert!(
        ok(&["dead", "list", "--dead-letters", &file, "--limit", "1"]).starts_with("1  rejected: why  key a")
    );
    assert!(ok(&["dead", "show", "2", "--dead-letters", &file]).contains("rejected: why"));
    let to = to.display().to_string();
    let places = ["--dead-letters", &file, "--to", &to, "--store", &store, "--namespace", "probe"];
    let arguments = [&["dead", "requeue", "1", "2"], places.as_slice()].concat();
    let ended = call(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("the dead letters stay in"), "{}", ended.stderr);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let mut again = oncegate_tests::lines(&bench.path("again.ndjson"));
    again.sort_by(|a, b| a.id().cmp(b.id()));
    assert_eq!(again.iter().map(|line| line.id()).collect::<Vec<_>>(), ["m0", "m1"]);
    assert!(again.iter().all(|line| line.header("oncegate-reason").is_none()));
    // They are handled anew: what is dead is a key, and that was cleared.
    let ends = bench.run_over("probe", &store, "again.ndjson").ok().ends();
    ends.are(&[("rejected", 2)]);
    let same = [&["dead", "requeue", "1"], &places[..2], &["--to", &file], &places[4..]].concat();
    refused(&same, 2, "--to is the file of the dead letters itself");
}

#[test]
fn a_store_is_begun_once_and_an_emptied_server_is_refused_until_then() {
    let redis = Redis::start();
    let url = redis.url();
    refused(&["store", "show", "--store", &url], 1, "1 sentinels are missing");
    refused(&about(&url, &["keys", "list"]), 4, "oncegate store init");
    assert!(ok(&["store", "init", "--store", &url, "--hash-tag", "t"]).contains("a store is begun"));
    let shown = ok(&["store", "show", "--store", &url]);
    assert!(shown.contains("hash tag t"), "{shown}");
    let again = ok(&["store", "init", "--store", &url, "--hash-tag", "t"]);
    assert!(again.contains("is left as it is"), "{again}");
    assert_eq!(ok(&["store", "show", "--store", &url]), shown);
    refused(&["store", "init", "--store", &url], 4, "set the same one");
    redis.ask::<()>(&["FLUSHALL"]);
    let keys = about(&url, &["keys", "list", "--hash-tag", "t"]);
    refused(&keys, 4, "oncegate store init");
    ok(&["store", "init", "--store", &url, "--hash-tag", "t"]);
    ok(&keys);
    refused(&["store", "init", "--store", "file:x"], 2, "is no Redis");
}

/// The configuration of a pipeline from stream to stream.
fn config(bench: &Bench, redis: &Redis, more: &str) -> String {
    let plugin = plugin("probe").canonicalize().unwrap();
    let text = format!(
        "[plugin]\npath = '{}'\n[input]\npath = '{}?group=g&start=0'\n[output]\npath = '{}'\n[store]\nurl = '{}'\n\
         [policy]\nnamespace = 'probe'\n{more}",
        plugin.display(),
        redis.stream("orders"),
        redis.stream("effects"),
        redis.url()
    );
    bench.write("oncegate.toml", text).display().to_string()
}

/// What doctor found, each as its level, and what it said.
fn findings(arguments: &[&str], code: i32) -> Vec<(String, String)> {
    let ended = call(&[&["doctor", "--json"], arguments].concat());
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    let finding = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let level = line["level"].as_str().unwrap().to_owned();
        assert_eq!(line["to_do"].is_string(), matches!(level.as_str(), "WARN" | "FAIL"), "{line}");
        (
            level,
            format!("{} -> {}", line["what"].as_str().unwrap(), line["to_do"].as_str().unwrap_or_default()),
        )
    };
    ended.stdout.lines().map(finding).collect()
}

fn has(findings: &[(String, String)], level: &str, expected: &str) {
    let found = findings.iter().any(|(found, text)| found == level && text.contains(expected));
    assert!(found, "no {level} with {expected:?}: {findings:#?}");
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
    let found = findings(&["--config", &bench.write("tag.toml", text).display().to_string()], 4);
    has(&found, "FAIL", "the store has the hash tag none, and store.hash_tag is `t`");
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
fn a_cluster_is_begun_shown_checked_and_operated_like_one_server() {
    let cluster = Cluster::start();
    let url = cluster.seed().url();
    let begun = ok(&["store", "init", "--store", &url]);
    assert_eq!(begun.matches("a store is begun").count(), 3, "{begun}");
    assert_eq!(ok(&["store", "show", "--store", &url]).lines().count(), 64);
    for key in ["a", "b", "c", "d"] {
        ok(&about(&url, &["keys", "commit", key]));
    }
    assert_eq!(ok(&about(&url, &["keys", "list"])).lines().count(), 4);
    ok(&about(&url, &["keys", "forget", "c"]));
    let found = findings(&["--store", &url], 0);
    let whole = found.iter().filter(|(_, text)| text.contains("the cluster serves all of its slots"));
    assert_eq!(whole.count(), 3);
    // The streams lie on different nodes, or in different slots: append and removal are two steps.
    let mut client = cluster.client();
    client.ask::<String>(&["XADD", "orders", "*", "payload", "1"]);
    client.ask::<String>(&["XADD", "dead", "*", "id", "m", "topic", "t", "payload", "2"]);
    ok(&words(&requeue(cluster.seed(), &["--all"])));
    assert_eq!(entries(&mut client, "orders").pop().unwrap().payload(), "2");
    assert!(entries(&mut client, "dead").is_empty());
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
