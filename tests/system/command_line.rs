//! Bad input gets one clear line and its exit code; what there is to look at can be looked at.

use std::process::Command;

use oncegate_tests::{Bench, Ended, Redis, oncegate, plugin};
use serde_json::json;

fn call(bench: &Bench, arguments: &[&str]) -> Ended {
    Ended::new(oncegate().current_dir(bench.path(".")).args(arguments).output().unwrap())
}

/// The failure is one line, with this exit code, and says this.
fn refused(bench: &Bench, arguments: &[&str], code: i32, expected: &str) {
    let ended = call(bench, arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    let lines = ended.complaints();
    assert_eq!(lines.len(), 1, "{arguments:?}: {}", ended.stderr);
    assert!(lines[0].contains(expected), "{arguments:?}: {}", lines[0]);
}

fn payment() -> String {
    plugin("payment").display().to_string()
}

#[test]
fn what_cannot_be_run_is_refused_in_one_line() {
    let bench = Bench::default();
    bench.messages(&[json!(1)]);
    bench.write("text.wasm", "(component)");
    bench.write("empty.wasm", "");
    bench.write("core.wasm", b"\0asm\x01\0\0\0");
    let payment = payment();
    let run = |plugin: &str, code: i32, expected: &str| {
        let arguments = [
            "run",
            "--plugin",
            plugin,
            "--input",
            "in.ndjson",
            "--output",
            "out.ndjson",
            "--store",
            "memory:",
        ];
        refused(&bench, &arguments, code, expected);
    };
    run("none.wasm", 3, "none.wasm: it cannot be read: No such file");
    run("text.wasm", 3, "it is text");
    run("empty.wasm", 3, "it is empty");
    run("core.wasm", 3, "it is a core module, not a component");
    let with = |arguments: &[&str], code: i32, expected: &str| {
        let mut all = vec!["run", "--plugin", &payment, "--input", "in.ndjson", "--output", "out.ndjson"];
        all.extend_from_slice(arguments);
        refused(&bench, &all, code, expected);
    };
    let no_input = ["run", "--plugin", &payment, "--output", "out.ndjson"];
    refused(&bench, &no_input, 2, "input.path is not set: give --input");
    with(&["--store", "gate.db"], 2, "is file:gate.db meant?");
    with(&["--store", "mysql://x"], 2, "mysql: is not known");
    with(
        &["--store", "memory:", "--lease", "10s"],
        2,
        "the handler limit (30000 ms) has to be lower than lease",
    );
    with(&["--store", "memory:", "--window", "1s"], 2, "the window (1000 ms) has to be at least");
    with(&["--store", "memory:", "--lease", "30"], 2, "--lease takes a time such as");
    with(&["--store", "memory:", "--namespace", "a b"], 2, "a namespace has 1 to 64");
    with(&["--store", "memory:", "--dead-letters", "out.ndjson"], 2, "are the same file");
    with(&["--store", "memory:", "--fingerprint", "md5"], 2, "policy.fingerprint takes");
    with(&["--store", "redis://127.0.0.1:1"], 4, "127.0.0.1:1");
    with(&["--store", "file:none/gate.db"], 4, "none");
    with(&["--config", "none.toml"], 2, "the configuration none.toml cannot be read");
    let missing =
        ["run", "--plugin", &payment, "--input", "none.ndjson", "--output", "o", "--store", "memory:"];
    refused(&bench, &missing, 5, "none.ndjson");
    let folder = ["run", "--plugin", &payment, "--input", ".", "--output", "o", "--store", "memory:"];
    refused(&bench, &folder, 5, "is a directory");
    let nowhere =
        ["run", "--plugin", &payment, "--input", "in.ndjson", "--output", "no/o", "--store", "memory:"];
    refused(&bench, &nowhere, 5, "the folder no does not exist");
    let stdout = ["run", "--plugin", &payment, "--input", "in.ndjson", "--output", "-", "--store", "memory:"];
    refused(&bench, &stdout, 2, "say with --dead-letters");
}

#[test]
fn a_configuration_error_names_file_line_key_and_what_is_allowed() {
    let bench = Bench::default();
    bench.write("zero.toml", "[limits]\nwaiting = 0\n");
    let payment = payment();
    let zero = ["check", "--config", "zero.toml", "--plugin", &payment, "--input", "i", "--output", "o"];
    refused(&bench, &zero, 2, "limits.waiting is 0: set at least 1");
    bench.write("oncegate.toml", "[policy]\n# a comment\nlease = 60\n");
    refused(
        &bench,
        &["check", "--config", "oncegate.toml"],
        2,
        "oncegate.toml:3: policy.lease takes a time such as",
    );
}

#[test]
fn a_password_is_never_shown() {
    let bench = Bench::default();
    bench.messages(&[json!(1)]);
    let url = "redis://user:hunter2@127.0.0.1:1/0";
    let input = "redis-stream://user:hunter2@127.0.0.1:1/in?group=g&start=0";
    let output = "redis-stream://user:hunter2@127.0.0.1:1/out";
    let of = |command, input, output, store, code| {
        let payment = payment();
        let arguments =
            [command, "--plugin", &payment, "--input", input, "--output", output, "--store", store];
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args(arguments).env("ONCEGATE_REDIS_PASSWORD", "hunter3");
        let ended = Ended::new(command.output().unwrap());
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!all.contains("hunter"), "{all}");
    };
    for command in ["run", "check"] {
        of(command, "in.ndjson", "o", url, 4);
        of(command, "in.ndjson", output, "memory:", 5);
        of(command, input, output, "memory:", 5);
        of(command, "redis-stream://user:hunter2@h/in?group=g&start=x", "o", "memory:", 2);
        of(command, "in.ndjson", "redis://user:hunter2@h/out", "memory:", 2);
    }
}

#[test]
fn check_shows_the_effective_policy_with_origins_and_changes_nothing() {
    let bench = Bench::default();
    bench.messages(&[json!(1)]);
    bench.write(
        "oncegate.toml",
        format!("[plugin]\npath = \"{}\"\n[plugin.config]\ntoken = \"s3cret\"\n[input]\npath = \"in.ndjson\"\n[output]\npath = \"out.ndjson\"\n[store]\nurl = \"file:gate.db\"\n[policy]\nlease = \"90s\"\n", payment()),
    );
    let ended = call(&bench, &["check", "--config", "oncegate.toml", "--window", "2d"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let has = |setting: &str, value: &str, origin: &str| {
        let line = ended.stdout.lines().find(|line| line.starts_with(&format!("{setting} "))).unwrap();
        assert!(line.contains(&format!("= {value} ")) && line.ends_with(&format!("({origin})")), "{line}");
    };
    has("policy.lease", "90s", "oncegate.toml:12");
    has("policy.window", "2d", "--window");
    has("policy.attempts", "5", "default");
    has("policy.namespace", "payment", "derived");
    assert!(ended.stdout.contains("exact: commits and outputs are one step"));
    assert!(ended.stdout.contains("plugin.config.token = (set)"));
    assert!(!ended.stdout.contains("s3cret"));
    let mut names: Vec<_> =
        std::fs::read_dir(bench.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["in.ndjson", "oncegate.toml"]);
    let ended = call(&bench, &["run", "--config", "oncegate.toml", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = call(&bench, &["check", "--config", "oncegate.toml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_redis_without_a_store_is_refused_until_somebody_begins_one() {
    let (bench, redis) = (Bench::default(), Redis::start());
    bench.messages(&[json!({"steps": [{"seen": "k"}, {"commit": "k"}]})]);
    let (plugin, url) = (plugin("probe").display().to_string(), redis.url());
    let with = |command: &str, further: &[&str]| {
        let mut all =
            vec![command, "--plugin", &plugin, "--input", "in.ndjson", "--output", "o", "--store", &url];
        all.extend_from_slice(further);
        call(&bench, &all)
    };
    for command in ["check", "run"] {
        let ended = with(command, &[]);
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        assert!(ended.error().contains("--init-store"), "{}", ended.error());
    }
    assert_eq!(with("run", &["--init-store"]).code, Some(0));
    assert_eq!(with("run", &[]).code, Some(0));
    assert_eq!(with("check", &[]).code, Some(0));
    assert_eq!(with("check", &["--init-store"]).code, Some(2), "a check begins nothing");
}

/// What a Redis holds, by name.
fn names(redis: &Redis) -> Vec<String> {
    let url = redis.url();
    let found = Command::new("redis-cli").args(["-u", &url, "--raw", "KEYS", "*"]).output().unwrap();
    let mut names: Vec<String> =
        String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn check_says_what_a_settle_over_streams_promises_and_makes_nothing() {
    let (bench, redis) = (Bench::default(), Redis::start());
    bench.messages(&[]);
    bench.run_on("probe", &redis.url()).ok();
    let before = names(&redis);
    assert!(!before.is_empty(), "the store has its sentinel");
    let (plugin, url) = (plugin("probe").display().to_string(), redis.url());
    let server = url.replace("redis://", "redis-stream://");
    let (input, output) = (format!("{server}/in?group=g&start=0"), format!("{server}/out"));
    let check = |output: &str, further: &[&str]| {
        let mut all =
            vec!["check", "--plugin", &plugin, "--input", &input, "--output", output, "--store", &url];
        all.extend_from_slice(further);
        call(&bench, &all)
    };
    let shown = |ended: &Ended, expected: &str| {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains(expected), "{expected}: {}", ended.stdout);
    };
    let ended = check(&output, &[]);
    shown(&ended, "settle  atomic: commits, outputs and acknowledgement are one step");
    let address = url.strip_prefix("redis://").unwrap();
    shown(&ended, &format!("dead_letters.path        = stream in.dead at {address} (derived)"));
    shown(&ended, &format!("input   stream in (group g) at {address} (the group is made by the first run)"));
    shown(&ended, "input.take_over          = 70s");
    let ended = check("o", &[]);
    shown(&ended, "settle  ordered: outputs, then commits");
    shown(&ended, "the outputs go to o)");
    bench.write("host.toml", "[policy]\nscope = \"host\"");
    let ended = check(&output, &["--config", "host.toml", "--host-id", "h7"]);
    shown(
        &ended,
        "scope   host h7: this host handles each message once, in namespace probe.h7, as group g.h7",
    );
    assert_eq!(names(&redis), before, "neither stream nor group nor key is made");

    let ended = check(&output, &["--order", "key"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.error().contains("an order needs one stream for each partition"), "{}", ended.error());
}

#[test]
fn inspect_shows_what_a_plugin_is() {
    let bench = Bench::default();
    let ended = call(&bench, &["inspect", &payment()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for expected in [
        "world    oncegate:plugin/handler",
        "version  0.1.0",
        "sha256   ",
        "import   oncegate:plugin/dedup@0.1.0",
        "export   handle",
    ] {
        assert!(ended.stdout.contains(expected), "{expected}: {}", ended.stdout);
    }
    refused(&bench, &["inspect", "none.wasm"], 3, "the plugin none.wasm: it cannot be read");
}

#[test]
fn the_version_says_which_handlers_it_runs() {
    let bench = Bench::default();
    for flag in ["--version", "-V"] {
        let said = call(&bench, &[flag]).stdout;
        assert_eq!(said, format!("oncegate {} (serves oncegate:plugin 0.1.0)\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn keys_tell_what_happened_and_let_it_happen_again() {
    let bench = Bench::default();
    let long = "x".repeat(300);
    let script = |key: &str| json!({"steps": [{"seen": key}, {"emit": ["t", "x"]}, {"commit_with": [key, "receipt"]}]});
    bench.messages(&[script("a"), script(&long), json!({"steps": [{"seen": "d"}, {"reject": "why"}]})]);
    bench.run("probe").ok();
    let keys = |arguments: &[&str]| {
        let mut all = vec!["keys", arguments[0], "--store", "file:gate.db", "--namespace", "probe"];
        all.extend_from_slice(&arguments[1..]);
        call(&bench, &all)
    };
    let listed = keys(&["list"]).stdout;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let got = keys(&["get", "a"]).stdout;
    assert!(got.starts_with("a  committed") && got.contains("receipt receipt"), "{got}");
    assert!(keys(&["get", "d"]).stdout.contains("rejected: why"));
    let hashed = listed.lines().find(|line| line.starts_with("sha256:")).unwrap().split(' ').next().unwrap();
    assert!(keys(&["get", hashed, "--json"]).stdout.contains("\"state\":\"committed\""));
    let absent = keys(&["get", "none"]);
    assert_eq!(absent.code, Some(1));
    assert!(absent.error().starts_with("no record of key none"), "{}", absent.error());

    assert_eq!(keys(&["forget", "a"]).stdout, "forgotten: a (it was committed)\n");
    assert!(keys(&["get", "a"]).stdout.contains("forgotten"));
    bench.run("probe").ok().ends().are(&[("applied", 1), ("duplicate_store", 1), ("dead", 1)]);
    assert_eq!(bench.output().len(), 3, "the forgotten key's effect came again");
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let bench = Bench::default();
    let help = call(&bench, &["--help"]).stdout;
    for word in ["run", "check", "inspect", "test", "keys", "dead", "store", "doctor", "Exit codes:"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    assert!(call(&bench, &["run", "--help"]).stdout.contains("[default: 60s]"));
}
