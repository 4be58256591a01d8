//! What a configuration must not ask for, and what follows from what it asks for.

use anyhow::Result;
use oncegate_sandbox::{ClockGrant, Grants, RandomGrant, Reuse, Seed, Topics};

use super::*;
use crate::pipeline::Order;

/// The settings that a file would give.
fn settings(text: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncegate.toml");
    std::fs::write(&path, text).unwrap();
    let mut settings = Settings::defaults();
    settings.file(&path).unwrap();
    settings
}

fn all(text: &str) -> Result<Vec<Config>> {
    Config::all(&mut settings(text))
}

fn one(text: &str) -> Config {
    all(text).unwrap_or_else(|error| panic!("{text}: {error:#}")).remove(0)
}

fn refused(text: &str, expected: &str) {
    let Err(error) = all(text) else { panic!("it was taken: {text}") };
    let error = format!("{error:#}");
    assert!(error.contains(expected), "{text}\ngave {error:?}");
    assert!(!error.contains('\n'), "{error:?}");
    assert!(!error.contains("hunter2"), "{error:?}");
}

/// From stream to stream on one Redis; `further` is whole tables.
fn streams(further: &str) -> String {
    places("redis-stream://h/in?group=g&start=0", "redis-stream://h/out", further)
}

fn places(input: &str, output: &str, further: &str) -> String {
    format!(
        "plugin.path = \"x/pay.wasm\"\ninput.path = \"{input}\"\noutput.path = \"{output}\"\n\
         store.url = \"redis://h\"\n{further}\n"
    )
}

fn files(further: &str) -> String {
    places("/in.ndjson", "/out.ndjson", further)
}

#[test]
fn a_stream_is_read_as_its_url_and_the_settings_say() {
    let config = one(&streams("input.most_held = 7\ninput.line_limit = \"2KiB\"\npolicy.lease = \"90s\""));
    let Input::Stream { url, options, exclusive } = &config.input else { panic!("{config:?}") };
    assert_eq!((url.stream.as_deref(), url.group.as_deref(), *exclusive), (Some("in"), Some("g"), false));
    assert_eq!((options.most_held, options.message_limit), (7, 2048));
    assert_eq!(options.takeover_idle, Duration::from_secs(100), "lease plus twice the margin");
    assert_eq!(config.policy.redelivery_ms, Some(100_000));
    assert_eq!(config.dead_letters.to_string(), "stream in.dead at h:6379");
    assert_eq!(config.topics, Topics::default());
    assert_eq!(one(&files("")).policy.redelivery_ms, None);
}

#[test]
fn clocks_and_chance_are_the_systems_unless_the_operator_says_otherwise() {
    assert_eq!(one(&files("")).grants, Grants::default());
    let coarse = one(&files("grants.clock_step = \"1m\"\ngrants.random_seed = \"s\"")).grants;
    assert_eq!(coarse.clock, ClockGrant::System { step_ms: 60_000 });
    assert_eq!(coarse.random, RandomGrant::Seeded(Seed::new("s")));
    let frozen = one(&files("grants.clock_frozen = \"2001-09-09T01:46:40Z\"")).grants;
    assert_eq!(frozen.clock, ClockGrant::Frozen { at_ms: 1_000_000_000_000 });
    refused(&files("grants.clock_frozen = \"yesterday\""), "grants.clock_frozen is no time in UTC such as");
    refused(&files("grants.clock_step = \"0ms\""), "grants.clock_step is 0: set at least 1");
    refused(&files("grants.clock_step = \"2d\""), "grants.clock_step is longer than a day: set at most 1d");
}

#[test]
fn an_instance_is_kept_with_half_of_its_memory_limit_unless_the_operator_says_otherwise() {
    let reuse = |settings: &str| one(&files(settings)).reuse;
    let with = |max_memory: usize| Reuse::Reused { max_calls: 10_000, max_memory: Some(max_memory) };
    assert_eq!(reuse(""), Reuse::Fresh);
    assert_eq!(reuse("run.reuse = true"), with(32 << 20));
    assert_eq!(reuse("run.reuse = true\nlimits.memory = \"24MiB\""), with(12 << 20));
    assert_eq!(reuse("run.reuse = true\nrun.reuse_memory = \"1MiB\""), with(1 << 20));
}

#[test]
fn dead_letters_go_beside_the_inputs_stream_or_the_output() {
    let cases = [
        ("redis-stream://h/in?group=g&start=0", "/out", "stream in.dead at h:6379"),
        ("redis-stream://h/in?group=g&start=0", "-", "stream in.dead at h:6379"),
        ("redis-stream://h/{t}in?group=g&start=0", "redis-stream://i/o", "stream {t}in.dead at h:6379"),
        ("/in", "redis-stream://h/out", "stream out.dead at h:6379"),
        ("/in", "/out", "/out.dead.ndjson"),
    ];
    for (input, output, expected) in cases {
        assert_eq!(one(&places(input, output, "")).dead_letters.to_string(), expected, "{input} {output}");
    }
    refused(&places("/in", "-", ""), "the output is standard output: say with --dead-letters");
    let map = places("/in", "redis-stream://h", "[output.streams]\na = \"x\"");
    refused(&map, "the output is several streams: say with --dead-letters");
}

#[test]
fn a_stream_that_cannot_be_read_is_refused_without_its_password() {
    for (input, expected) in [
        (
            "redis-stream://u:hunter2@h/in?group=g",
            "input.path: the URL of an input stream must say where a new group",
        ),
        (
            "redis-stream://u:hunter2@h/in?start=0",
            "input.path: the URL of an input stream must name the group",
        ),
        (
            "redis-stream://u:hunter2@h?group=g&start=0",
            "input.path: the URL of an input stream must name the stream",
        ),
        (
            "redis-stream://u:hunter2@h/in?group=g&start=9",
            "input.path: the parameter start of a stream's URL must be",
        ),
        ("redis-stream:u:hunter2@h/in", "input.path: a stream's URL is"),
        (
            "redis://u:hunter2@h/in",
            "input.path takes a file name, - or redis-stream://HOST/STREAM, not redis://",
        ),
    ] {
        refused(&places(input, "/out", ""), expected);
    }
    refused(&streams("input.most_held = 0"), "input.most_held is 0: set at least 1");
}

#[test]
fn topics_reach_the_streams_of_the_table_and_no_others() {
    let map =
        "dead_letters.path = \"/dead\"\n[output.streams]\norders = \"shop-orders\"\nbills = \"{b}illing\"";
    let config = one(&places("/in", "redis-stream://h", map));
    let Topics::Only(topics) = &config.topics else { panic!("{:?}", config.topics) };
    let mut topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    topics.sort_unstable();
    assert_eq!(topics, ["bills", "orders"]);
    let target = config.output.stream().unwrap();
    assert_eq!(target.topics.stream_of("orders"), Some("shop-orders"));
    assert_eq!(target.topics.stream_of("in"), None);

    let listed = places("/in", "redis-stream://h/out", "output.topics = [\"a\"]");
    assert_eq!(one(&listed).topics, Topics::Only(["a".to_owned()].into()));
    let any = places("/in", "redis-stream://h/out", "output.topics = [\"*\"]");
    assert_eq!(one(&any).topics, Topics::Any);
    let some = places("/in", "redis-stream://h/out", "output.topics = [\"a\", \"*\"]");
    refused(&some, "output.topics lists *, which is any topic, among others");
    let both = format!("output.topics = [\"a\"]\n{map}");
    refused(&places("/in", "redis-stream://h", &both), "output.topics and output.streams both say");
    refused(
        &places("/in", "redis-stream://h/out", map),
        "names one stream for all topics, and output.streams one",
    );
    refused(&places("/in", "redis-stream://h", ""), "output.path names a Redis and no stream");
    refused(&files("[output.streams]\na = \"x\""), "output.streams is set, and output.path names no Redis");
    refused(
        &places("/in", "redis-stream://h/out?group=g", ""),
        "output.path: the URL of an output stream has no group",
    );
}

#[test]
fn a_stream_with_a_brace_too_many_is_refused() {
    for name in ["{a", "a}", "}a{", "{a}}"] {
        let map = format!("dead_letters.path = \"/dead\"\n[output.streams]\nt = \"{name}\"");
        refused(&places("/in", "redis-stream://h", &map), "are not in pairs");
        refused(&places("/in", &format!("redis-stream://h/{name}"), ""), "are not in pairs");
    }
    let dead = "dead_letters.path = \"redis-stream://h/{dead\"";
    refused(&files(dead), "are not in pairs");
}

#[test]
fn neither_outputs_nor_dead_letters_go_to_the_pipelines_own_input() {
    let own = "the pipeline's own input";
    refused(&places("redis-stream://h/in?group=g&start=0", "redis-stream://h:6379/in", ""), own);
    refused(&streams("dead_letters.path = \"redis-stream://h/in\""), own);
    let map = "[output.streams]\na = \"other\"\nb = \"in\"";
    refused(&places("redis-stream://h/in?group=g&start=0", "redis-stream://h", map), own);
    // The same name elsewhere is another stream.
    for elsewhere in ["redis-stream://h2/in", "redis-stream://h/in?db=1"] {
        one(&places("redis-stream://h/in?group=g&start=0", elsewhere, ""));
    }
}

#[test]
fn outputs_and_dead_letters_are_kept_apart() {
    refused(&streams("dead_letters.path = \"redis-stream://h/out\""), "would both go to the stream \"out\"");
    let map = "[output.streams]\na = \"in.dead\"";
    let text = places("redis-stream://h/in?group=g&start=0", "redis-stream://h", map);
    refused(&text, "would both go to the stream \"in.dead\"");
}

#[test]
fn an_entry_is_not_taken_over_from_a_host_that_may_still_work_on_it() {
    one(&streams("input.take_over = \"65s\""));
    refused(
        &streams("input.take_over = \"64999ms\""),
        "has to be at least lease plus margin (60000 + 5000 ms)",
    );
    // A file has nobody who would take over.
    one(&files("input.take_over = \"1s\""));
    refused(&streams("input.take_over = \"8d\""), "the window (604800000 ms) has to be at least");
    refused(
        &streams("input.take_over = \"2d\"\npolicy.keep = \"3d\""),
        "keep (259200000 ms) has to be at least twice",
    );
    let short = one(&streams("policy.window = \"131s\""));
    assert_eq!(short.policy.keep_ms, 140_000, "twice the take-over time, which is longer than the window");
}

#[test]
fn a_policy_that_does_not_hold_says_why() {
    refused(&files("policy.handler_limit = \"55s\""), "has to be lower than lease less margin");
    refused(
        &files("policy.backoff_min = \"2s\"\npolicy.backoff_max = \"1s\""),
        "policy.backoff_min (2000 ms) is longer",
    );
    refused(&files("policy.keep = \"59s\""), "keep (59000 ms) has to be at least twice");
    refused(&files("policy.window = \"80s\""), "the window (80000 ms) has to be at least");
}

#[test]
fn scope_host_has_a_group_and_a_namespace_of_its_own() {
    let config = one(&streams("[policy]\nscope = \"host\"\nhost_id = \"h-1\""));
    assert_eq!(config.policy.namespace.as_str(), "pay.h-1");
    assert_eq!(config.input.stream().unwrap().group.as_deref(), Some("g.h-1"));
    assert_eq!(config.scope, Scope::Host("h-1".to_owned()));
    let group = one(&streams("policy.host_id = \"h-1\""));
    assert_eq!(group.policy.namespace.as_str(), "pay");
    assert_eq!(group.input.stream().unwrap().group.as_deref(), Some("g"));

    refused(&streams("policy.scope = \"host\""), "policy.scope is host and policy.host_id is not set");
    for id in ["a.b", "a b", "ä"] {
        refused(
            &streams(&format!("[policy]\nscope = \"host\"\nhost_id = \"{id}\"")),
            "policy.host_id takes 1 to 64",
        );
    }
    let long =
        format!("[policy]\nscope = \"host\"\nnamespace = \"{}\"\nhost_id = \"abcdef\"", "n".repeat(60));
    refused(&streams(&long), "a namespace has 1 to 64");
}

#[test]
fn only_who_reads_alone_can_keep_an_order() {
    for (word, order) in [("key", Order::Key), ("partition", Order::Partition)] {
        let text = format!("policy.order = \"{word}\"");
        refused(&streams(&text), "an order needs one stream for each partition and one host that reads it");
        assert_eq!(one(&streams(&format!("{text}\ninput.exclusive = true"))).rules.order, order);
        assert_eq!(one(&files(&text)).rules.order, order);
    }
    assert_eq!(one(&streams("")).rules.order, Order::None);
}

#[test]
fn outage_and_trial_run_reach_the_policy() {
    let config = one(&files("[policy]\noutage = \"open\"\nshadow = true"));
    assert_eq!((config.policy.outage, config.policy.shadow), (oncegate_dedup::Outage::Open, true));
    let config = one(&files(""));
    assert_eq!((config.policy.outage, config.policy.shadow), (oncegate_dedup::Outage::Closed, false));
}

#[test]
fn what_only_a_redis_has_is_refused_of_other_stores() {
    one(&files("store.replicas = 1\nstore.hash_tag = \"pay\""));
    let file = files("store.replicas = 1").replace("redis://h\"", "file:g\"");
    refused(&file, "store.replicas is set, and the store file:");
    let memory = files("store.hash_tag = \"t\"").replace("redis://h\"", "memory:\"");
    refused(&memory, "store.hash_tag is set, and the store memory: is no Redis");
    refused(
        &files("store.hash_tag = \"{t}\""),
        "store.hash_tag takes 1 to 64 visible ASCII characters without braces",
    );
    refused(&files("store.replicas = 1\nstore.replica_timeout = \"0ms\""), "store.replica_timeout is 0");
}

#[test]
fn a_promise_says_why_it_is_not_a_better_one() {
    let promise = |text: &str| one(text).promise();
    assert_eq!(promise(&streams("")), Promise::Atomic { one_slot: false });
    assert_eq!(promise(&streams("policy.shadow = true")).word(), "ordered");
    let tagged = streams("store.hash_tag = \"t\"").replace("/in?", "/{t}in?").replace("/out", "/{t}out");
    assert_eq!(promise(&tagged), Promise::Atomic { one_slot: true });
    let other_tag = tagged.replace("/{t}out", "/{u}out");
    assert_eq!(promise(&other_tag), Promise::Atomic { one_slot: false });
    assert_eq!(promise(&files("").replace("redis://h\"", "file:/g\"")), Promise::Exact);
    let ordered = |text: &str, expected: &str| {
        let promise = promise(text);
        assert_eq!(promise.word(), "ordered", "{text}");
        assert!(promise.to_string().ends_with(&format!("and {expected})")), "{promise}");
    };
    ordered(&files(""), "the store is redis://h");
    ordered(&streams("").replace("redis://h\"", "redis://h/1\""), "the store is redis://h/1");
    ordered(&streams("").replace("redis://h\"", "memory:\""), "the store is memory:");
    ordered(&places("redis-stream://h/in?group=g&start=0", "/out", ""), "the outputs go to /out");
    let dead = "dead_letters.path = \"redis-stream://i/dead\"";
    ordered(&streams(dead), "the dead letters go to stream dead at i:6379");
    let to_stream = places("/in", "redis-stream://h/out", "dead_letters.path = \"/dead\"");
    ordered(&to_stream.replace("redis://h\"", "file:/g\""), "the outputs go to stream out at h:6379");
}

/// Two pipelines with what the one and the other say.
fn two(a: &str, b: &str) -> String {
    let pipeline = |name: &str, further: &str| {
        format!(
            "[[pipeline]]\nname = \"{name}\"\noutput.path = \"redis-stream://h/out\"\n\
             dead_letters.path = \"redis-stream://h/dead\"\n{further}\n"
        )
    };
    format!("plugin.path = \"x.wasm\"\nstore.url = \"redis://h\"\n{}{}", pipeline("a", a), pipeline("b", b))
}

const IN_A: &str = "input.path = \"redis-stream://h/in?group=a&start=0\"";
const IN_B: &str = "input.path = \"redis-stream://h:6379/in?group=b&start=$\"";

#[test]
fn pipelines_are_called_by_their_names_and_may_share_streams() {
    let configs = all(&two(IN_A, IN_B)).unwrap();
    let names: Vec<_> =
        configs.iter().map(|config| (config.name.as_str(), config.policy.namespace.as_str())).collect();
    assert_eq!(names, [("a", "a"), ("b", "b")]);
    assert_eq!(one(&files("")).name, "pay", "without a name the namespace is its name");
    let bad = format!("{IN_B}\npolicy.attempts = 0");
    refused(&two(IN_A, &bad), "the pipeline b: the policy does not hold: the number of attempts is zero");
}

#[test]
fn pipelines_do_not_read_one_stream_as_the_same_group() {
    refused(
        &two(IN_A, &IN_A.replace("h/in", "h:6379/in")),
        "read stream in (group a) at h:6379 as the same group",
    );
    // A host of scope host has a group of its own.
    all(&two(IN_A, &format!("{IN_A}\n[pipeline.policy]\nscope = \"host\"\nhost_id = \"h\""))).unwrap();
}

#[test]
fn pipelines_do_not_share_a_namespace_unless_they_say_so() {
    let named = |input: &str, further: &str| format!("{input}\npolicy.namespace = \"n\"\n{further}");
    let shared = "policy.share_namespace = true";
    refused(&two(&named(IN_A, ""), &named(IN_B, "")), "each needs a namespace of its own");
    refused(&two(&named(IN_A, shared), &named(IN_B, "")), "each needs a namespace of its own");
    all(&two(&named(IN_A, shared), &named(IN_B, shared))).unwrap();
    for (setting, value) in
        [("window", "\"9d\""), ("lease", "\"61s\""), ("keep", "\"9d\""), ("fingerprint", "\"off\"")]
    {
        let differs = named(IN_B, &format!("{shared}\npolicy.{setting} = {value}"));
        refused(&two(&named(IN_A, shared), &differs), "differ in policy.window, lease, keep or fingerprint");
    }
    // A trial run claims in a namespace of its own, and elsewhere it is another namespace.
    all(&two(&named(IN_A, ""), &named(IN_B, "policy.shadow = true"))).unwrap();
    all(&two(&named(IN_A, "policy.shadow = true"), &named(IN_B, ""))).unwrap();
    all(&two(&named(IN_A, ""), &named(IN_B, "store.url = \"redis://h/1\""))).unwrap();
}

#[test]
fn a_store_is_opened_once_so_that_pipelines_agree_on_it() {
    for (setting, value) in
        [("hash_tag", "\"t\""), ("replicas", "1"), ("replica_timeout", "\"9s\""), ("ca_file", "\"c\"")]
    {
        let differs = format!("{IN_B}\nstore.url = \"redis://h:6379\"\nstore.{setting} = {value}");
        refused(&two(IN_A, &differs), &format!("differ in store.{setting}"));
    }
}

/// Two pipelines; the texts are the tables of each.
fn side_by_side(top: &str, a: &str, b: &str) -> String {
    let pipeline = |name: &str, further: &str| {
        format!(
            "[[pipeline]]\nname = \"{name}\"\nplugin.path = \"x.wasm\"\ninput.path = \"/{name}.in\"\n\
             output.path = \"/{name}.out\"\n{further}\n"
        )
    };
    format!("store.url = \"redis://h\"\n{top}\n{}{}", pipeline("a", a), pipeline("b", b))
}

#[test]
fn the_hosts_handlers_and_processors_are_divided_by_share() {
    let handlers = |text: &str| all(text).unwrap().iter().map(|it| it.rules.concurrency).collect::<Vec<_>>();
    assert_eq!(handlers(&side_by_side("", "", "")), [64, 64]);
    assert_eq!(handlers(&side_by_side("host.handlers = 30", "", "")), [15, 15]);
    assert_eq!(handlers(&side_by_side("host.handlers = 30", "run.share = 200", "")), [20, 10]);
    assert_eq!(handlers(&side_by_side("host.handlers = 30", "run.concurrency = 4", "")), [4, 26]);
    let nice = |a: &str, b: &str| {
        all(&side_by_side("run.threads = 2", a, b))
            .unwrap()
            .iter()
            .map(|it| it.rules.nice)
            .collect::<Vec<_>>()
    };
    assert_eq!(nice("", ""), [0, 0]);
    assert_eq!(nice("run.share = 400", ""), [0, 6]);
    assert_eq!(nice("run.threads = 8", ""), [6, 0], "threads are no share");
    refused(&side_by_side("host.handlers = 1", "", ""), "host.handlers is 1, and there are 2 pipelines");
    refused(&side_by_side("", "run.share = 0", ""), "run.share is 0: set 1 to 10000");
}
