//! Output files and the embedded store, when they do not fit together, are held, or cannot be written.

use std::io::Write as _;
use std::process::Command;

use oncegate_tests::{Bench, Ended, oncegate, plugin};
use serde_json::{Value, json};

fn effects(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({"steps": [{"seen": format!("k{n}")}, {"emit": ["t", "x"]}, {"commit": format!("k{n}")}]})).collect()
}

fn ran_once() -> Bench {
    let bench = Bench::default();
    bench.messages(&effects(10));
    bench.run("probe").ok();
    bench
}

#[test]
fn a_file_that_was_never_seen_is_appended_to() {
    let bench = Bench::default();
    bench.messages(&effects(3));
    bench.write("out.ndjson", "{\"id\":\"mine\",\"topic\":\"t\",\"payload\":1}\n");
    bench.run("probe").ok();
    assert_eq!(bench.output().len(), 4);
    assert_eq!(bench.output()[0].id(), "mine");
}

#[test]
fn an_output_that_is_not_what_the_store_recorded_is_refused_and_not_touched() {
    let cases: [(&str, fn(&Bench), &str); 3] = [
        (
            "shorter",
            |bench| {
                std::fs::File::options()
                    .write(true)
                    .open(bench.path("out.ndjson"))
                    .unwrap()
                    .set_len(10)
                    .unwrap()
            },
            "shorter",
        ),
        ("grown", |bench| bench_append(bench, "{}\n"), "grew after a clean stop"),
        (
            "replaced",
            |bench| {
                let content = std::fs::read(bench.path("out.ndjson")).unwrap();
                std::fs::remove_file(bench.path("out.ndjson")).unwrap();
                bench.write("other.ndjson", "");
                bench.write("out.ndjson", content.to_ascii_uppercase());
            },
            "was replaced",
        ),
    ];
    for (name, damage, expected) in cases {
        let bench = ran_once();
        damage(&bench);
        let before = std::fs::read(bench.path("out.ndjson")).unwrap();
        let ended = bench.run("probe").end();
        assert_eq!(ended.code, Some(5), "{name}: {}", ended.stderr);
        assert!(ended.error().contains(expected), "{name}: {}", ended.error());
        assert_eq!(std::fs::read(bench.path("out.ndjson")).unwrap(), before, "{name}: it was touched");
    }
}

fn bench_append(bench: &Bench, text: &str) {
    let mut file = std::fs::File::options().append(true).open(bench.path("out.ndjson")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_second_process_is_told_who_holds_the_store_and_the_output() {
    let bench = Bench::default();
    // Reads from a pipe that stays open, so that the run goes on.
    let mut first = oncegate()
        .current_dir(bench.path("."))
        .args(["run", "--input", "-", "--output", "out.ndjson", "--topics", "*", "--store", "file:gate.db"])
        .arg("--plugin")
        .arg(plugin("probe"))
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = first.id();
    while !bench.path("out.ndjson.dead.ndjson").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    bench.messages(&effects(1));
    let same_store = bench.run("probe").end();
    assert_eq!(same_store.code, Some(4), "{}", same_store.stderr);
    assert!(same_store.error().contains(&format!("process {pid}")), "{}", same_store.error());
    let same_output = bench.run_on("probe", "file:other.db").end();
    assert_eq!(same_output.code, Some(5), "{}", same_output.stderr);
    assert!(same_output.error().contains(&format!("process {pid}")), "{}", same_output.error());
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
    bench.run("probe").ok();
}

/// A run whose files may not grow beyond so many KiB.
fn limited(bench: &Bench, kib: u32, store: &str) -> Ended {
    let binary = oncegate().get_program().to_owned();
    let script = format!("ulimit -f {kib}; exec \"$@\"");
    let output = Command::new("bash")
        .current_dir(bench.path("."))
        .args(["-c", &script, "bash"])
        .arg(binary)
        .args([
            "run",
            "--json",
            "--input",
            "in.ndjson",
            "--output",
            "out.ndjson",
            "--topics",
            "*",
            "--store",
            store,
            "--plugin",
        ])
        .arg(plugin("probe"))
        .output()
        .unwrap();
    Ended::new(output)
}

#[test]
fn a_limit_on_the_size_of_files_is_one_line_and_the_run_can_be_repeated() {
    let bench = Bench::default();
    bench.messages(&effects(20_000));
    let mut refused = 0;
    for kib in [1, 64, 256, 1024] {
        let ended = limited(&bench, kib, "file:gate.db");
        if ended.code != Some(0) {
            refused += 1;
            assert!(matches!(ended.code, Some(4 | 5)), "{kib} KiB: {:?} {}", ended.code, ended.stderr);
            assert!(!ended.error().is_empty());
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        }
    }
    assert!(refused >= 2, "no limit was met");
    bench.run("probe").ok();
    let mut ids: Vec<String> = bench.output().iter().map(|line| line.id().to_owned()).collect();
    assert_eq!(ids.len(), 20_000);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20_000, "an effect is there twice");
}

#[test]
fn a_store_of_a_newer_layout_or_of_no_kind_is_refused_by_name() {
    let bench = ran_once();
    bench.write("file", "hello");
    let ended = bench.run_on("probe", "file:file").end();
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.error().contains("file"), "{}", ended.error());
    assert_eq!(std::fs::read(bench.path("file")).unwrap(), b"hello");
}

/// A file system of its own of so many KiB, unmounted when dropped.
struct Small(std::path::PathBuf);

impl Small {
    /// None, said loudly, where this user may mount nothing; in CI that is a failure.
    fn mount(bench: &Bench, kib: u32) -> Option<Self> {
        let folder = bench.path("small");
        std::fs::create_dir(&folder).unwrap();
        let size = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).status();
        if !mounted.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("CI").is_none(), "CI has to be able to mount a tmpfs");
            eprintln!("SKIPPED: a tmpfs cannot be mounted here");
            return None;
        }
        Some(Self(folder))
    }

    fn grow(&self, kib: u32) {
        let size = format!("remount,size={kib}k");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn fills_up(output: &str, store: &str, code: i32, sizes_kib: [u32; 2]) {
    let bench = Bench::default();
    let Some(small) = Small::mount(&bench, sizes_kib[0]) else { return };
    bench.messages(&effects(20_000));
    let run = || {
        let mut command = oncegate();
        command.current_dir(bench.path(".")).args([
            "run",
            "--reuse",
            "--input",
            "in.ndjson",
            "--output",
            output,
            "--topics",
            "*",
        ]);
        command.args(["--dead-letters", "dead.ndjson", "--store", store, "--plugin"]).arg(plugin("probe"));
        Ended::new(command.output().unwrap())
    };
    let ended = run();
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    assert!(ended.error().contains("No space left on device"), "{}", ended.error());
    let whole = oncegate_tests::lines(&bench.path(output)).len();
    assert!((1..20_000).contains(&whole), "it was not in mid-run: {whole} effects");
    small.grow(sizes_kib[1]);
    let ended = run();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut ids: Vec<String> =
        oncegate_tests::lines(&bench.path(output)).iter().map(|line| line.id().to_owned()).collect();
    assert_eq!(ids.len(), 20_000);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20_000, "an effect is there twice");
}

#[test]
fn an_output_s_disk_that_fills_up_in_mid_run_loses_and_doubles_nothing() {
    fills_up("small/out.ndjson", "file:gate.db", 5, [300, 65_536]);
}

#[test]
fn a_store_s_disk_that_fills_up_in_mid_run_loses_and_doubles_nothing() {
    fills_up("out.ndjson", "file:small/gate.db", 4, [2_000, 262_144]);
}
