//! Components of Go, Python and JavaScript toolchains, run by the real binary: what they ask for is shown, and no more of
//! the host than its operator says reaches them.

use std::path::PathBuf;

use oncegate_tests::{Bench, Ended, oncegate};
use serde_json::Value;

/// One of them; none if it was not built, which CI forbids.
fn fixture(name: &str) -> Option<PathBuf> {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/fixtures");
    let folder = std::env::var_os("ONCEGATE_FIXTURES").map_or_else(|| PathBuf::from(built), PathBuf::from);
    let path = folder.join(name).with_extension("wasm");
    if !path.is_file() {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        assert!(!ci, "{} is not there", path.display());
        eprintln!("skipped: {} is not there, `cargo xtask fixtures` builds it", path.display());
        return None;
    }
    Some(path)
}

fn call(bench: &Bench, arguments: &[&str]) -> Ended {
    // A secret of the host, which is not to be seen.
    let mut command = oncegate();
    command.current_dir(bench.path(".")).env("SECRET", "s3cret").args(arguments);
    let ended = Ended::new(command.output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended
}

fn bench_with(plugin: &str, further: &str) -> Option<Bench> {
    let bench = Bench::default();
    bench.messages(&["first", "second", "first"].map(Value::from));
    let plugin = fixture(plugin)?;
    let config = format!(
        "plugin.path = '{}'\ninput.path = 'in.ndjson'\noutput.path = 'out.ndjson'\noutput.topics = ['out']\n\
         store.url = 'file:gate.db'\nrun.threads = 1\nrun.log_level = 'info'\n{further}",
        plugin.canonicalize().unwrap().display()
    );
    bench.write("c.toml", config);
    Some(bench)
}

/// What it said that it saw, for each message.
fn said(bench: &Bench) -> Vec<String> {
    bench.output().iter().map(|line| line.payload().as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_a_component_asks_for_is_shown_and_what_it_would_get() {
    let strict =
        "compile.time = '10m'\n[grants]\nclock_frozen = '2001-09-09T01:46:40Z'\nrandom_seed = 's3cret'\n";
    let Some(bench) = bench_with("go", strict) else { return };
    let go = fixture("go").unwrap().display().to_string();
    let shown = call(&bench, &["inspect", &go]).stdout;
    assert!(
        shown.contains("asks     clock, random, stdout and stderr, exit, environment (denied)\n"),
        "{shown}"
    );
    let json: Value = serde_json::from_str(&call(&bench, &["inspect", "--json", &go]).stdout).unwrap();
    assert_eq!(json["asks"][0], serde_json::json!({"capability": "clock", "granted": true}));
    let checked = call(&bench, &["check", "--config", "c.toml"]).stdout;
    let grants = "grants  clock (frozen at 2001-09-09T01:46:40.000Z), random (seeded), stdout and stderr (into the log), \
                  exit (fails the delivery), environment (none)\n";
    assert!(checked.contains(grants) && checked.contains("emits   to \"out\"\n"), "{checked}");
    assert!(!checked.contains("s3cret"), "{checked}");

    call(&bench, &["run", "--config", "c.toml"]);
    let first = said(&bench);
    assert_eq!(first.len(), 2, "a duplicate has no effect: {first:?}");
    // It slept for an hour.
    assert!(first.iter().all(|text| text.contains("clock_ms=1000003600")), "{first:?}");
    let Some(again) = bench_with("go", strict) else { return };
    call(&again, &["run", "--config", "c.toml"]);
    assert_eq!(said(&again), first, "the same messages, clock and seed");
}

#[test]
fn a_python_component_is_compiled_within_the_limits_and_sees_nothing_of_the_host() {
    // Whatever else the machine has to do meanwhile.
    let Some(bench) = bench_with("python", "compile.time = '10m'\n") else { return };
    let ended = call(&bench, &["run", "--config", "c.toml"]);
    let said = said(&bench);
    assert_eq!(said.len(), 2, "{}", ended.stderr);
    for text in &said {
        assert!(
            text.ends_with("environment=0 arguments=0 files=0") && text.contains("slept_s=3600 "),
            "{text}"
        );
    }
    assert!(ended.stderr.contains("and \\u{1b}[2Janother"), "{}", ended.stderr);
}
