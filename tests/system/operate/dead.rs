//! Dead letters: looked at and sent again.

use super::*;

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
    // The first letter, were it still there, would have nothing to clear: the key is dead by the second delivery now.
    let mut add = vec!["XADD", "dead", "*"];
    first.fields.iter().for_each(|(name, value)| add.extend([name.as_str(), value.as_str()]));
    let copy: String = redis.ask(&add);
    let ended = call(&words(&requeue(&redis, &[&copy])));
    assert!(ended.stdout.contains("its key k1 is dead by another delivery"), "{}", ended.stdout);
    assert_eq!(fence(&url, "k1"), second.get("header:oncegate-fence").unwrap());
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
    bench.run("probe").args(&["--order", "partition"]).ok();
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
fn a_configuration_names_all_places_of_the_pipeline_that_is_meant() {
    let redis = store();
    let (bench, plugin) = (Bench::default(), plugin("probe").canonicalize().unwrap());
    let pipeline = |name: &str| {
        let (input, output) = (redis.stream(&format!("{name}?group=g&start=0")), redis.stream("effects"));
        format!(
            "[[pipeline]]\nname = '{name}'\n[pipeline.plugin]\npath = '{}'\n[pipeline.input]\npath = '{input}'\n\
             [pipeline.output]\ntopics = ['*']\npath = '{output}'\n",
            plugin.display()
        )
    };
    let text = format!("[store]\nurl = '{}'\n{}{}", redis.url(), pipeline("orders"), pipeline("refunds"));
    let config = bench.write("oncegate.toml", text).display().to_string();
    redis.ask::<String>(&["XADD", "refunds", "*", "payload", "1"]);
    let id: String = redis.ask(&["XADD", "refunds.dead", "*", "id", "m", "topic", "t", "payload", "2"]);
    refused(
        &["dead", "list", "--config", &config],
        2,
        "say with --pipeline which one is meant: orders, refunds",
    );
    refused(&["dead", "list", "--config", &config, "--pipeline", "x"], 2, "has no pipeline x");
    let of = |arguments: &[&'static str]| {
        ok(&[arguments, &["--config", &config, "--pipeline", "refunds"]].concat())
    };
    let listed: Value = serde_json::from_str(&of(&["dead", "list", "--json"])).unwrap();
    assert_eq!((&listed["id"], &listed["message"]["payload"]), (&json!(id), &json!("2")));
    assert!(of(&["dead", "requeue", "--all"]).contains("sent to"));
    assert_eq!(entries(&mut redis.client(), "refunds").pop().unwrap().id(), "m");
    assert_eq!(of(&["dead", "list"]), "");
    refused(&["dead", "list"], 2, "say with --dead-letters or --config");
    let letters = redis.stream("dead");
    refused(&["dead", "requeue", "--all", "--dead-letters", &letters], 2, "say with --to");
}
