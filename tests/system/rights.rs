//! What a running host, and the child that compiles for it, can still do: looked at from the outside.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use oncegate_tests::{Bench, Ended, Redis, oncegate, plugin, until};
use serde_json::json;

/// What the kernel says of each thread of a process: the value of this line.
fn of_each_thread(pid: u32, name: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let value = |path: &Path| {
        let status = fs::read_to_string(path.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        line.map(str::to_owned)
    };
    tasks.filter_map(|task| value(&task.unwrap().path())).collect()
}

/// A host that runs until it is killed, because its input is a pipe that nobody closes.
fn host(bench: &Bench, further: &[&str]) -> Child {
    let mut command = oncegate();
    command.current_dir(bench.path(".")).arg("run").arg("--plugin").arg(plugin("probe"));
    command.args(["--input", "-", "--output", "out.ndjson", "--topics", "*", "--store", "file:gate.db"]);
    command.args(further);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn every_thread_of_a_host_has_dropped_its_rights() {
    let bench = Bench::default();
    let mut host = host(&bench, &[]);
    let message =
        json!({"id": "m", "payload": {"steps": [{"seen": "k"}, {"emit": ["t", "x"]}, {"commit": "k"}]}});
    let mut input = host.stdin.take().unwrap();
    writeln!(input, "{message}").unwrap();
    input.flush().unwrap();
    until("an output", || bench.path("out.ndjson").metadata().is_ok_and(|file| file.len() > 0));
    for (name, expected) in [("NoNewPrivs", "1"), ("Seccomp", "2")] {
        let found = of_each_thread(host.id(), name);
        // Reader, workers, settler, signals, ticker, the pipeline's own.
        assert!(found.len() > 4, "{found:?}");
        assert!(found.iter().all(|value| value == expected), "{name}: {found:?}");
    }
    drop(input);
    assert!(host.wait().unwrap().success());
}

#[test]
fn a_compile_child_has_three_pipes_and_no_rights() {
    // The shell leaves more open than the child may have, and tells it more than it needs to know.
    let program = oncegate().get_program().to_owned();
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg("exec 9</etc/passwd; exec \"$0\" compile-child").arg(program);
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    until("its filter", || of_each_thread(pid, "Seccomp") == ["2"]);
    assert_eq!(of_each_thread(pid, "NoNewPrivs"), ["1"]);
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"));
    // Nobody but root may look, because it is not dumpable.
    if let (Ok(open), Ok(limits)) = (fs::read_dir(format!("/proc/{pid}/fd")), limits) {
        assert_eq!(open.count(), 3);
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        assert_eq!(files.split_whitespace().nth(3), Some("4"), "{files}");
    }
    drop(child.stdin.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.stdout.starts_with(b"ogsay"), "a question that never comes is answered with a reason");
}

#[test]
fn a_run_says_in_one_line_what_is_in_force() {
    let bench = Bench::default();
    bench.messages(&[]);
    let line = |ended: &Ended| {
        let mut lines = ended.stderr.lines().filter(|line| line.starts_with("oncegate: rights "));
        let line = lines.next().unwrap_or_else(|| panic!("no line: {}", ended.stderr)).to_owned();
        assert_eq!(lines.next(), None);
        line
    };
    let dropped = line(&bench.run("probe").ok());
    assert!(dropped.starts_with("oncegate: rights dropped: no new privileges, "), "{dropped}");
    bench.write("off.toml", "[host]\ndrop_rights = \"off\"");
    let off = bench.path("off.toml");
    let kept = line(&bench.run("probe").args(&["--config", off.to_str().unwrap()]).ok());
    assert_eq!(kept, "oncegate: rights kept: host.drop_rights is off");
    bench.write("required.toml", "[host]\ndrop_rights = \"required\"");
    let required = bench.path("required.toml");
    let ended = bench.run("probe").args(&["--config", required.to_str().unwrap()]).end();
    match dropped.contains("not to be had here") {
        false => assert_eq!((ended.code, line(&ended)), (Some(0), dropped)),
        true => assert_eq!(ended.code, Some(1)),
    }
}

#[test]
fn a_host_with_a_server_works_without_the_rest() {
    let (bench, redis) = (Bench::default(), Redis::start());
    bench.messages(&[json!({"steps": [{"seen": "k"}, {"emit": ["t", "x"]}, {"commit": "k"}]})]);
    let url = redis.url().replace("127.0.0.1", "localhost");
    let ended = bench.run_on("probe", &url).ok();
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    assert_eq!(bench.output().len(), 1);
}

#[test]
fn a_second_start_does_not_compile() {
    let bench = Bench::default();
    bench.messages(&[]);
    let cache = bench.path("cache");
    // In a millisecond nothing is compiled.
    let run = |time: &str, folder: &Path| {
        let text = format!("[compile]\ncache = \"{}\"\ntime = \"{time}\"", folder.display());
        let config = bench.write("compile.toml", text);
        bench.run("probe").args(&["--config", config.to_str().unwrap()]).end()
    };
    let late = run("1ms", &cache);
    assert_eq!(late.code, Some(3));
    assert!(
        late.error().ends_with("compiling it took more than 1 ms; compile.time allows more"),
        "{}",
        late.error()
    );
    assert_eq!(run("60s", &cache).code, Some(0));
    assert_eq!(run("1ms", &cache).code, Some(0), "it was found");
    let link = bench.path("link");
    std::os::unix::fs::symlink(&cache, &link).unwrap();
    let refused = run("60s", &link);
    assert_eq!(refused.code, Some(1), "a cache that was named has to be had");
    assert!(refused.error().contains("cannot keep compiled plugins"), "{}", refused.error());
}

#[test]
fn the_usual_cache_is_done_without_if_it_cannot_be_had() {
    let bench = Bench::default();
    bench.messages(&[]);
    let file = bench.write("file", "");
    let ended = bench.run("probe").env("XDG_CACHE_HOME", file.to_str().unwrap()).ok();
    assert!(ended.stderr.contains("warning: plugins are compiled at each start: "), "{}", ended.stderr);
}

#[test]
fn a_plugin_that_takes_too_much_memory_to_compile_is_refused() {
    let bench = Bench::default();
    bench.messages(&[]);
    let text = format!("[compile]\ncache = \"{}\"\nmemory = \"2MiB\"", bench.path("cache").display());
    let config = bench.write("compile.toml", text);
    let ended = bench.run("payment").args(&["--config", config.to_str().unwrap()]).end();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.error().ends_with("compiling it needed more than 2 MiB of memory; compile.memory allows more"),
        "{}",
        ended.error()
    );
}
