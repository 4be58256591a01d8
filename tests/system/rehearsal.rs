//! `oncegate test`: hosts die on purpose, and whoever handles an effect wrongly is found out.

use std::fs::File;
use std::process::{Child, Stdio};

use oncegate_tests::{Bench, Ended, Redis, oncegate, plugin, signal, until};
use serde_json::{Value, json};

/// Tests a plugin over `cases.ndjson`.
fn test(bench: &Bench, name: &str, arguments: &[&str]) -> Ended {
    let mut command = oncegate();
    command.current_dir(bench.path(".")).arg("test").arg(plugin(name));
    Ended::new(command.args(["--input", "cases.ndjson"]).args(arguments).output().unwrap())
}

/// The same, read as JSON: the messages, and the summary.
fn report(bench: &Bench, name: &str, arguments: &[&str]) -> (Vec<Value>, Value, Ended) {
    let ended = test(bench, name, &[arguments, &["--json"]].concat());
    let lines = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut lines: Vec<Value> = lines.collect();
    let summary = lines.pop().unwrap_or_else(|| panic!("nothing is said: {}", ended.stderr));
    let messages = lines.into_iter().map(|line| line["message"].clone()).collect();
    (messages, summary["summary"].clone(), ended)
}

fn cases(bench: &Bench, lines: &[Value]) {
    bench.write("cases.ndjson", lines.iter().map(|line| format!("{line}\n")).collect::<String>());
}

fn scripts(bench: &Bench, scripts: &[Value]) {
    cases(bench, &scripts.iter().map(|steps| json!({"payload": {"steps": steps}})).collect::<Vec<_>>());
}

fn payment(id: &str) -> Value {
    json!({"payment_id": id, "account": "a", "amount_cents": 100, "currency": "EUR"})
}

/// The kinds of what is wrong with a message, and the words.
fn faults(message: &Value) -> Vec<(&str, &str)> {
    let faults = message["faults"].as_array().unwrap().iter();
    faults.map(|fault| (fault["kind"].as_str().unwrap(), fault["what"].as_str().unwrap())).collect()
}

/// One fault of this kind, in these words.
#[track_caller]
fn is_faulty(message: &Value, kind: &str, words: &str) {
    let found = faults(message);
    let [(found_kind, what)] = found.as_slice() else { panic!("one fault: {message}") };
    assert_eq!(*found_kind, kind, "{what}");
    assert!(what.contains(words), "{words:?} in {what}");
}

fn crashes(message: &Value) -> Vec<Option<&str>> {
    message["deliveries"].as_array().unwrap().iter().map(|delivery| delivery["crash"].as_str()).collect()
}

#[test]
fn a_good_handler_has_each_effect_once_although_its_host_crashes_twice() {
    let bench = Bench::default();
    let charge = json!({"topic": "charges", "key": "p1", "payload": {
        "charge_id": "ch_p1", "payment_id": "p1", "account": "a", "amount_cents": 100, "currency": "EUR",
    }});
    cases(
        &bench,
        &[
            json!({"payload": payment("p1"), "expect": {"end": "applied", "outputs": [charge], "receipt": "ch_p1"}}),
            payment("p2"),
            json!({"id": "sent again", "payload": payment("p1"), "expect": {"end": "duplicate", "outputs": [], "receipt": "ch_p1"}}),
            json!({"payload": {}, "expect": {"end": "rejected", "reason": "missing field"}}),
        ],
    );
    let (messages, summary, ended) = report(&bench, "payment", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
    assert_eq!(crashes(&messages[0]), [Some("before-settle"), Some("before-ack"), None]);
    let deliveries = &messages[0]["deliveries"];
    let of = |name: &str| -> Vec<Value> { (0..3).map(|index| deliveries[index][name].clone()).collect() };
    assert_eq!(of("end"), [json!(null), json!("applied"), json!("duplicate")]);
    let outputs: Vec<usize> = of("outputs").iter().map(|outputs| outputs.as_array().unwrap().len()).collect();
    assert_eq!(outputs, [0, 1, 0], "once, in the delivery that was settled");
    assert_eq!(deliveries[1]["outputs"][0]["id"], "payment/k/p1/0");
    assert_eq!(deliveries[0]["calls"][0]["keys"][0]["told"], "new");
    assert_eq!(deliveries[2]["calls"][0]["keys"][0]["receipt"], "ch_p1");
    assert_eq!(crashes(&messages[3]), [None], "what is rejected is not delivered again");
    for (name, expected) in [
        ("messages", 4),
        ("failed", 0),
        ("deliveries", 10),
        ("crashes", 6),
        ("outputs", 2),
        ("commits", 2),
        ("dead_letters", 1),
    ] {
        assert_eq!(summary[name], expected, "{name} in {summary}");
    }

    let said = test(&bench, "payment", &[]).stdout;
    for words in [
        "line 1: {\"account\"",
        "  delivery 1: p1 is new; the host crashes before the settle, with 1 output and 1 commit staged: nothing is applied",
        "      output to charges, key p1: {\"charge_id\"",
        "      commit of p1, receipt ch_p1",
        "  delivery 3: p1 was committed before, receipt ch_p1; a duplicate, no effect",
        "line 3, sent again: ",
        "  ok, a duplicate",
        "4 messages, 10 deliveries, 6 crashes: 2 outputs and 2 commits applied, each once; 1 dead letter (store memory:",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn who_emits_without_a_commit_is_told_what_to_do_and_may_see_the_effect_twice() {
    let bench = Bench::default();
    scripts(
        &bench,
        &[
            json!([{"emit": ["t", "x"]}]),
            json!([{"seen": "k"}, {"emit": ["t", "x"]}]),
            json!([{"seen": "good"}, {"emit": ["t", "x"]}, {"commit": "good"}]),
        ],
    );
    let (messages, summary, ended) = report(&bench, "probe", &[]);
    assert_eq!((ended.code, ended.error()), (Some(1), "2 of 3 messages did not do what they should"));
    for message in &messages[..2] {
        is_faulty(
            message,
            "dead",
            "ask seen(key), emit if the key is new, and commit(key) before you return",
        );
        assert!(
            message["reason"].as_str().unwrap().starts_with("effect without commit: output 1 to topic t")
        );
    }
    assert_eq!((&messages[2]["ok"], &summary["faults"]["dead"]), (&json!(true), &json!(2)));

    let (messages, summary, ended) = report(&bench, "probe", &["--outputs", "free"]);
    assert_eq!(ended.code, Some(1));
    is_faulty(&messages[0], "twice", "in delivery 2 and again in delivery 3: no key covers it");
    is_faulty(&messages[1], "twice", "its key k was claimed and never committed");
    assert_eq!(summary["outputs"], 5);
    let once = report(&bench, "probe", &["--outputs", "free", "--crash", "before-settle"]).2;
    assert_eq!(once.code, Some(0), "what nobody delivers again happens once: {}", once.stdout);
    let repeated = report(&bench, "probe", &["--outputs", "free", "--crash", "none", "--repeat", "1"]).0;
    is_faulty(&repeated[0], "twice", "in delivery 1 and again in delivery 2");
}

#[test]
fn who_does_something_else_when_it_runs_again_is_found_out() {
    let bench = Bench::default();
    scripts(
        &bench,
        &[
            json!([{"end_after": 1}, {"seen": "a"}, {"emit": ["t", "x"]}, {"commit": "a"}]),
            json!([{"seen": "b"}, {"emit_attempt": "t"}, {"commit": "b"}]),
        ],
    );
    let (messages, _, ended) = report(&bench, "probe", &[]);
    assert_eq!(ended.code, Some(1));
    is_faulty(&messages[0], "missing", "the output to t and the commit of a of delivery 1 never happened");
    is_faulty(&messages[1], "differs", "key b, output 1: its payload is 1, then 2");
    assert_eq!(
        report(&bench, "probe", &["--crash", "none"]).2.code,
        Some(0),
        "without a crash nobody notices"
    );
}

#[test]
fn a_handler_that_fails_is_shown_with_its_own_words_and_its_log() {
    let bench = Bench::default();
    scripts(
        &bench,
        &[
            json!([{"seen": "a"}, {"log": "before it"}, {"panic": "oh no"}]),
            json!([{"seen": "b"}, {"retry_until": 3}, {"emit": ["t", "x"]}, {"commit": "b"}]),
        ],
    );
    let ended = test(&bench, "probe", &[]);
    assert_eq!(ended.code, Some(1));
    for words in [
        "  delivery 1, attempts 1 to 4: a is new; failed: trapped: unreachable; last log lines: info: before it",
        "oh no",
        "      info: before it",
        "  delivery 1, attempt 5: a is new; dead letter: attempts used up (5)",
        "FAILED (dead): the handler failed as often as it may",
        "  delivery 1, attempts 1 to 2: b is new; failed: not yet; tried again",
        "  ok, applied once",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    assert!(test(&bench, "probe", &["--attempts", "2"]).stdout.contains("attempts used up (2)"));
}

#[test]
fn each_expectation_that_does_not_hold_is_named() {
    let bench = Bench::default();
    let steps = json!({"steps": [{"seen": "k"}, {"emit": ["t", "x"]}, {"commit_with": ["k", "r"]}]});
    let expect = |id: &str, expect: Value| json!({"id": id, "payload": steps, "expect": expect});
    let retried = json!({"steps": [{"retry_until": 2}]});
    cases(
        &bench,
        &[
            expect("0", json!({"end": "duplicate"})),
            expect("1", json!({"reason": "why"})),
            expect("2", json!({"outputs": [{"topic": "t"}]})),
            expect("3", json!({"receipt": "other"})),
            json!({"payload": {"steps": [{"seen": "l"}, {"emit": ["t", "{\"a\": 1}"]}, {"commit": "l"}]},
            "expect": {"outputs": [{"topic": "t", "key": null, "payload": {"a": 2}}], "receipt": "r"}}),
            json!({"payload": retried, "expect": {"end": "retry", "reason": "not yet"}}),
            json!({"payload": {"steps": [{"emit": ["t", "x"]}]}, "expect": {"end": "dead_letter"}}),
            json!({"payload": {"steps": [{"seen": "m"}, {"emit": ["t", "{\"a\": 1}"]}, {"commit": "m"}]},
            "expect": {"outputs": [{"payload": {"a": 1}, "headers": {}}], "receipt": null}}),
        ],
    );
    let (messages, summary, ended) = report(&bench, "probe", &[]);
    assert_eq!((ended.code, &summary["faults"]["unexpected"]), (Some(1), &json!(5)));
    is_faulty(&messages[0], "unexpected", "it is expected to end as duplicate, and it ended as applied");
    is_faulty(&messages[1], "unexpected", "its reason is expected to have \"why\" in it, and there is none");
    is_faulty(&messages[2], "unexpected", "1 outputs are expected, and 0 were applied");
    is_faulty(&messages[3], "unexpected", "the receipt \"other\" is expected, and it is r");
    let both: Vec<&str> = faults(&messages[4]).into_iter().map(|(_, what)| what).collect();
    assert_eq!(
        both,
        [
            "output 1: the payload {\"a\":2} is expected, and it is {\"a\": 1}",
            "the receipt \"r\" is expected, and there is none",
        ]
    );
    for message in &messages[5..] {
        assert_eq!(message["ok"], true, "{message}");
    }
}

#[test]
fn a_shuffled_order_is_that_of_its_seed_and_effects_happen_once_in_any() {
    let bench = Bench::default();
    // Pairs of messages of one event, so that it depends on the order which of them has the effect.
    let lines =
        (0..40).map(|line| json!({"id": format!("m{line}"), "payload": payment(&format!("p{}", line / 2))}));
    cases(&bench, &lines.collect::<Vec<_>>());
    let shuffled = |seed: &str| {
        let (messages, mut summary, ended) =
            report(&bench, "payment", &[&format!("--shuffle={seed}"), "--repeat", "1"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stdout);
        assert_eq!((&summary["outputs"], &summary["commits"]), (&json!(20), &json!(20)));
        summary["seconds"] = Value::Null;
        (messages, summary)
    };
    let first = shuffled("1");
    assert_eq!(first, shuffled("1"));
    assert_ne!(first.0, shuffled("2").0);
    let lines = first.0.iter().map(|message| message["line"].as_u64().unwrap());
    assert!(lines.eq(1..=40), "they are told of in the order of their lines");

    let said = test(&bench, "payment", &["--shuffle"]).stdout;
    let seed = said.split_once("shuffled with seed ").unwrap().1.split(',').next().unwrap();
    assert!(seed.parse::<u64>().is_ok(), "{said}");
    assert!(said.lines().count() == 41, "one line for each of many messages that did well: {said}");
    assert!(test(&bench, "payment", &["--verbose"]).stdout.lines().count() > 41);
}

#[test]
fn a_real_store_is_tried_in_a_namespace_of_its_own() {
    let bench = Bench::default();
    let effect = |key: &str| json!([{"seen": key}, {"emit": ["t", "x"]}, {"commit_with": [key, "r"]}]);
    scripts(&bench, &[effect("a"), effect("b"), json!([{"seen": "a"}, {"reject": "no"}])]);
    let keys = |store: &str| {
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args(["keys", "list", "--store", store, "--namespace", "probe"]);
        Ended::new(command.output().unwrap()).stdout
    };
    let redis = Redis::start();
    let refused = test(&bench, "probe", &["--store", &redis.url()]);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    for store in ["file:gate.db".to_owned(), redis.url()] {
        bench.write("in.ndjson", format!("{}\n", json!({"payload": {"steps": effect("real")}})));
        bench.run_on("probe", &store).ok();
        let before = keys(&store);
        assert_eq!(before.lines().count(), 1, "{before}");
        // Twice: one test knows nothing of another.
        for _ in 0..2 {
            let (messages, summary, ended) =
                report(&bench, "probe", &["--store", &store, "--fingerprint", "off"]);
            assert_eq!(ended.code, Some(0), "{}", ended.stdout);
            assert_eq!((&summary["outputs"], &summary["crashes"]), (&json!(2), &json!(6)));
            assert_eq!(crashes(&messages[0]), [Some("before-settle"), Some("before-ack"), None]);
            assert!(summary["namespace"].as_str().unwrap().starts_with("test-"), "{summary}");
        }
        let names = |text: &str| {
            text.lines().map(|line| line.split("  ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&keys(&store)), names(&before), "what is real is not touched");
    }
    let mut client = redis.client();
    let tried = client.ask::<Vec<String>>(&["KEYS", "*test-*"]);
    assert_eq!(tried.len(), 4, "{tried:?}");
    for key in tried {
        let left_ms = client.ask::<i64>(&["PTTL", &key]);
        assert!((1..=3_600_000).contains(&left_ms), "{key}: {left_ms}");
    }
}

#[test]
fn what_a_pipeline_works_by_holds_for_its_test_and_nothing_is_written() {
    let bench = Bench::default();
    bench.write(
        "oncegate.toml",
        "input.path = \"redis-stream://none.invalid/in?group=g&start=0\"\noutput.path = \"out.ndjson\"\n\
         store.url = \"redis://none.invalid\"\nstore.replicas = 1\nstore.hash_tag = \"t\"\nbudget.output_size = \"1MiB\"\n\
         plugin.sha256 = \"00\"\n[policy]\nattempts = 2\nscope = \"host\"\norder = \"key\"\nshadow = true\noutage = \"open\"\n[[pipeline]]\nname = \"a\"\nplugin.path = \"a.wasm\"\n\
         output.path = \"a.out\"\noutput.topics = [\"allowed\"]\n[[pipeline]]\nname = \"b\"\nplugin.path = \"b.wasm\"\n\
         input.path = \"b.ndjson\"\noutput.path = \"b.out\"\n",
    );
    scripts(&bench, &[json!([{"seen": "k"}, {"emit": ["other", "x"]}, {"commit": "k"}])]);
    let ended = test(&bench, "probe", &["--config", "oncegate.toml"]);
    assert_eq!(
        (ended.code, ended.error()),
        (Some(2), "say with --pipeline which pipeline of the configuration is meant: a, b")
    );
    let (messages, summary, ended) =
        report(&bench, "probe", &["--config", "oncegate.toml", "--pipeline", "a"]);
    assert_eq!((ended.code, &messages[0]["end"]), (Some(0), &json!("rejected")));
    assert!(messages[0]["notes"][0].as_str().unwrap().contains("refused the topic other"), "{}", messages[0]);
    assert_eq!((&summary["store"], &summary["namespace"]), (&json!("memory:"), &json!("a")));
    let allowed =
        report(&bench, "probe", &["--config", "oncegate.toml", "--pipeline", "a", "--topics", "other"]).2;
    assert_eq!(allowed.code, Some(0), "{}", allowed.stdout);
    assert!(!bench.path("a.out").exists() && !bench.path("out.ndjson").exists());
}

#[test]
fn what_cannot_be_tested_is_said_in_one_line() {
    let bench = Bench::default();
    cases(&bench, &[json!(1)]);
    bench.write("text.wasm", "(component)");
    bench.write("bad.ndjson", "1\n\n{\"half\":\n");
    bench.write("expect.ndjson", "{\"payload\":1,\"expect\":{\"ends\":\"applied\"}}\n");
    bench.write("strange.ndjson", "{\"pay\":1,\"expect\":{\"end\":\"applied\"}}\n");
    bench.write("empty.ndjson", "\n");
    let payment = plugin("payment").display().to_string();
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let ended =
            Ended::new(oncegate().current_dir(bench.path(".")).arg("test").args(arguments).output().unwrap());
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{arguments:?}: {}", ended.stdout);
        assert!(ended.error().contains(words), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{arguments:?}: {}", ended.stderr);
    };
    let of = |input: &str, words: &str| refused(&[&payment, "--input", input], 5, words);
    of("none.ndjson", "the input none.ndjson: No such file");
    of("bad.ndjson", "the input bad.ndjson: line 3: not valid JSON");
    of("expect.ndjson", "line 1: \"expect\" has end, reason, outputs and receipt, and no member \"ends\"");
    of(
        "strange.ndjson",
        "line 1: not an envelope: unknown member \"pay\"; a line with \"expect\" is an envelope",
    );
    of("empty.ndjson", "there is no message in it");
    of(".", "the input .: Is a directory");
    refused(&["none.wasm", "--input", "cases.ndjson"], 3, "none.wasm: it cannot be read: No such file");
    refused(&["text.wasm", "--input", "cases.ndjson"], 3, "it is text");
    refused(&[".", "--input", "cases.ndjson"], 2, "`oncegate new` writes one");
    let with = |arguments: &[&str], words: &str| {
        refused(&[&[&payment, "--input", "cases.ndjson"], arguments].concat(), 2, words);
    };
    with(&["--crash", "none,before-ack"], "--crash none stands alone");
    with(&["--plugin-config", "name"], "NAME=VALUE");
    with(&["--lease", "1s"], "the handler limit (30000 ms) has to be lower than lease");
    with(&["--store", "gate.db"], "is file:gate.db meant?");
    refused(&[&payment, "--input", "-", "--watch"], 2, "--watch reads the input again");
    refused(&[&payment, "--input", "redis-stream://h/s"], 2, "--input takes a file, or -, and no stream");
    refused(&[&payment, "--input", "cases.ndjson", "--store", "redis://127.0.0.1:1"], 4, "127.0.0.1:1");
}

/// A test that goes on.
struct Watching {
    bench: Bench,
    child: Child,
}

impl Watching {
    fn start(plugin_bytes: &[u8]) -> Self {
        let bench = Bench::default();
        bench.write("p.wasm", plugin_bytes);
        cases(&bench, &[payment("p1")]);
        Self::of(bench, "p.wasm")
    }

    fn of(bench: Bench, subject: &str) -> Self {
        let said = File::create(bench.path("said")).unwrap();
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args(["test", subject, "--input", "cases.ndjson", "--watch"]);
        let child =
            command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
        Self { bench, child }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.bench.path("said")).unwrap()
    }

    /// Waits until it has tested so often, or failed to.
    fn wait(&self, times: usize) {
        until(&format!("{times} tests in\n{}", self.said()), || {
            self.said().matches("waiting for a change").count() == times
        });
    }

    fn end(mut self) -> Option<i32> {
        signal::interrupt(self.child.id());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_changed_plugin_or_input_is_tested_again_until_somebody_ends_it() {
    let watching = Watching::start(&std::fs::read(plugin("payment")).unwrap());
    watching.wait(1);
    assert!(watching.said().contains("1 message, 3 deliveries"), "{}", watching.said());
    cases(&watching.bench, &[payment("p1"), payment("p2")]);
    watching.wait(2);
    assert!(watching.said().contains("2 messages, 6 deliveries"), "{}", watching.said());
    // Renamed into its place, as a build does.
    let new = watching.bench.write("new.wasm", std::fs::read(plugin("probe")).unwrap());
    std::fs::rename(new, watching.bench.path("p.wasm")).unwrap();
    watching.wait(3);
    assert!(watching.said().contains("2 messages, 2 deliveries, 0 crashes"), "{}", watching.said());
    watching.bench.write("p.wasm", "text");
    watching.wait(4);
    assert!(watching.said().contains("oncegate: the plugin p.wasm: it is text"), "{}", watching.said());
    assert_eq!(watching.end(), Some(3), "the last one could not be made");
    let good = Watching::start(&std::fs::read(plugin("payment")).unwrap());
    good.wait(1);
    assert_eq!(good.end(), Some(0));
}

/// A whole handler as text: the payload is the key, and the effect.
const TEXT: &str = include_str!("../../guest-sdk/wat/handler.wat");

#[test]
fn what_is_no_component_yet_is_built_first_and_again() {
    let bench = Bench::default();
    cases(&bench, &[json!({"payload": "a", "expect": {"outputs": [{"topic": "effects", "payload": "a"}]}})]);
    bench.write("p.wat", TEXT);
    let mut command = oncegate();
    command.current_dir(bench.path(".")).args(["test", "p.wat", "--input", "cases.ndjson"]);
    let ended = Ended::new(command.output().unwrap());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 output and 1 commit applied, each once"), "{}", ended.stdout);

    let watching = Watching::of(bench, "p.wat");
    watching.wait(1);
    watching.bench.write("p.wat", TEXT.replace("effects", "charges"));
    watching.wait(2);
    assert!(
        watching.said().contains("the topic \"effects\" is expected, and it is \"charges\""),
        "{}",
        watching.said()
    );
    watching.bench.write("p.wat", "(component");
    watching.wait(3);
    assert!(watching.said().contains("oncegate: no component can be made of p.wat"), "{}", watching.said());
    watching.bench.write("p.wat", TEXT);
    watching.wait(4);
    assert_eq!(watching.end(), Some(0));
}
