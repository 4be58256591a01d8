//! A handler's values and passwords are in nothing that is printed, whatever is wrong around them.

use oncegate_tests::{Bench, Ended, oncegate, plugin};

/// Wherever a secret may stand.
const SECRET: &str = "hunter2secret";

/// Runs a command; the secret is in nothing that it says.
#[track_caller]
fn silent(bench: &Bench, arguments: &[&str]) -> Ended {
    let mut command = oncegate();
    command.current_dir(bench.path(".")).args(arguments).env("ONCEGATE_REDIS_PASSWORD", SECRET);
    let ended = Ended::new(command.output().unwrap());
    assert!(!ended.stdout.contains(SECRET), "{arguments:?}: {}", ended.stdout);
    assert!(!ended.stderr.contains(SECRET), "{arguments:?}: {}", ended.stderr);
    ended
}

/// A configuration of the probe, with a table of the handler's values.
fn config(values: &str, rest: &str) -> String {
    let plugin = plugin("probe");
    format!(
        "[plugin]\npath = {:?}\n[plugin.config]\n{values}\n[input]\npath = \"in.ndjson\"\n[output]\npath = \
         \"out.ndjson\"\n{rest}\n",
        plugin.display().to_string()
    )
}

#[test]
fn a_handlers_values_are_named_and_not_shown() {
    let bench = Bench::default();
    bench.write("in.ndjson", "");
    bench.write("good.toml", config(&format!("token = {SECRET:?}"), "[store]\nurl = \"memory:\""));
    let ended = silent(&bench, &["check", "--config", "good.toml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("plugin.config.token = (set)"), "{}", ended.stdout);
    silent(&bench, &["run", "--config", "good.toml"]);
    silent(&bench, &["inspect", &plugin("probe").display().to_string()]);
}

#[test]
fn a_mistake_beside_a_secret_does_not_quote_it() {
    let bench = Bench::default();
    bench.write("in.ndjson", "");
    for values in [
        // No closing quotation mark, none at all, a stray word, half an escape.
        &format!("token = \"{SECRET}") as &str,
        &format!("token = {SECRET}"),
        &format!("token = \"{SECRET}\" {SECRET}"),
        &format!("token = \"\\x{SECRET}\""),
        &format!("token = '''{SECRET}"),
        &format!("token \"{SECRET}\""),
        // Another type.
        &format!("token = [\"{SECRET}\"]"),
        &format!("token = {{ a = \"{SECRET}\" }}"),
        // Twice, and with a name that is a table.
        &format!("token = \"{SECRET}\"\ntoken = \"{SECRET}\""),
        &format!("token = \"{SECRET}\"\ntoken.a = \"{SECRET}\""),
        // Beside a name that nobody knows.
        &format!("token = \"{SECRET}\"\n[plugin.nothing]\na = \"{SECRET}\""),
        &format!("token = \"{SECRET}\"\n[policy]\nleese = \"{SECRET}\""),
        &format!("token = \"{SECRET}\"\n[policy]\nlease = \"{SECRET}\""),
        &format!("token = \"{SECRET}\"\n[limits]\nkeys = \"{SECRET}\""),
        &format!("token = \"{SECRET}\"\n[store]\nreplicas = \"{SECRET}\""),
    ] {
        bench.write("bad.toml", config(values, "[l1]\nbytes = \"1MiB\""));
        let ended = silent(&bench, &["check", "--config", "bad.toml"]);
        assert_eq!((ended.code, ended.complaints().len()), (Some(2), 1), "{values}: {}", ended.stderr);
        assert!(ended.stderr.contains("bad.toml:"), "{values}: {}", ended.stderr);
    }
    bench.write("flat.toml", format!("[plugin]\nconfig = \"{SECRET}\"\n"));
    silent(&bench, &["check", "--config", "flat.toml"]);
}

#[test]
fn a_url_does_not_show_its_password_however_wrong_it_is() {
    let bench = Bench::default();
    bench.write("in.ndjson", "");
    let urls = [
        "redis://u:hunter2secret@127.0.0.1:1",
        "rediss://:hunter2secret@127.0.0.1:1/2",
        "redis://u:hunter2secret@h:70000",
        "redis://u:1/hunter2secret@h",
        "redis://u:hunter2secret@h/x",
        "redis://h?password=hunter2secret",
        "rediz://u:hunter2secret@h",
        "redis-stream://u:hunter2secret@127.0.0.1:1/s?group=g&start=0",
        "redis-stream://u:hunter2secret@127.0.0.1:1/s",
        "redis-stream://u:hunter2secret@h/s?group=g&start=0#x",
        "redis-stream://u:hunter2secret@h/%ff?group=g&start=0",
        "redis-stram://u:hunter2secret@h/s",
    ];
    let probe = plugin("probe").display().to_string();
    for url in urls {
        for flag in ["--store", "--input", "--output", "--dead-letters", "--lease", "--nothing", "--plugin"] {
            let places =
                ["--plugin", &probe, "--input", "in.ndjson", "--output", "out.ndjson", "--store", "memory:"];
            let kept = places.chunks(2).filter(|pair| pair[0] != flag).flatten().copied();
            let arguments: Vec<&str> = ["check"].into_iter().chain(kept).chain([flag, url]).collect();
            silent(&bench, &arguments);
        }
        for setting in ["store.url", "input.path", "output.path", "dead_letters.path"] {
            bench.write("url.toml", format!("plugin.path = {probe:?}\n{setting} = {url:?}\n"));
            silent(&bench, &["check", "--config", "url.toml"]);
        }
        for url in [url, "redis:u:hunter2secret@h", "u:hunter2secret@h"] {
            silent(&bench, &["keys", "list", "--namespace", "n", "--store", url]);
        }
        silent(&bench, &["store", "show", "--store", url]);
        silent(&bench, &["doctor", "--store", url]);
        silent(&bench, &["doctor", "--source", url]);
        silent(&bench, &["dead", "list", "--dead-letters", url]);
        silent(&bench, &["keys", "list", url]);
        silent(&bench, &["run", url]);
        silent(&bench, &[url]);
    }
}
