//! Keys: by fence, with an audit, heard of by caches.

use super::*;

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
    // Long enough to be killed in the middle.
    let hosts = Hosts::on(&redis)
        .set("policy.handler_limit", "'4s'")
        .set("policy.lease", "'5s'")
        .set("input.take_over", "'6s'");
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
