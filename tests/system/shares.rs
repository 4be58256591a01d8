//! Shares: what each pipeline gets of processors that are busy, and of handlers that may be under way.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use oncegate_tests::{Bench, Ended, oncegate, plugin, until, until_within};

/// A run that is under way.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A pipeline whose handlers compute without end, with enough of them for every thread.
fn spinning(bench: &Bench, name: &str, further: &str) -> String {
    bench.write(&format!("{name}.in"), "{\"payload\":{\"steps\":[{\"spin\":null}]}}\n".repeat(5_000));
    format!(
        "[[pipeline]]\nname = \"{name}\"\nplugin.path = \"{}\"\ninput.path = \"{name}.in\"\n\
         output.path = \"{name}.out\"\noutput.topics = [\"*\"]\n{further}\n",
        plugin("probe").display()
    )
}

fn configure(bench: &Bench, top: &str, a: &str, b: &str) {
    let pipelines = [spinning(bench, "a", a), spinning(bench, "b", b)].concat();
    bench.write("oncegate.toml", format!("store.url = \"memory:\"\n{top}\n{pipelines}"));
}

fn command(bench: &Bench, name: &str) -> Command {
    let mut command = oncegate();
    command.current_dir(bench.path(".")).args([name, "--config", "oncegate.toml"]);
    command
}

/// What the threads that run a pipeline's handlers have used, in ticks of the kernel's clock.
fn used(pid: u32, pipeline: &str) -> u64 {
    let threads = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")).unwrap();
    let of = |stat: String| {
        let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
        let is_its = name.starts_with('h') && name.ends_with(&format!("-{pipeline}"));
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
        if is_its { ticks(11) + ticks(12) } else { 0 }
    };
    threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).map_or(0, of)).sum()
}

/// One at a time: each of them takes all processors.
static TURN: Mutex<()> = Mutex::new(());

/// How much more the first uses than the second, once both compute.
fn ratio(a: &str, b: &str) -> f64 {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bench = Bench::default();
    configure(&bench, "", a, b);
    let mut command = command(&bench, "run");
    let running = Running(command.stderr(Stdio::null()).spawn().unwrap());
    let pid = running.0.id();
    until("both compute", || used(pid, "a") > 5 && used(pid, "b") > 5);
    let before = [used(pid, "a"), used(pid, "b")];
    // However slow the machine is: until there is enough to compare.
    until_within(Duration::from_secs(300), "they have computed for a while", || {
        sleep(Duration::from_millis(100));
        used(pid, "a") + used(pid, "b") - before[0] - before[1] > 200
    });
    (used(pid, "a") - before[0]) as f64 / (used(pid, "b") - before[1]).max(1) as f64
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn a_greater_share_is_more_cpu_time() {
    // The kernel moves threads between processors now and then, so that small differences show only in the long run.
    let ratio = ratio("run.share = 10000", "");
    assert!(ratio > 2.0, "{ratio:.2} for a hundred times the share");
}

#[test]
fn more_threads_are_not_a_greater_share() {
    let threads = 4 * processors();
    let ratio = ratio(&format!("run.threads = {threads}"), "");
    assert!(ratio < 2.0, "{ratio:.2} for four times the threads");
}

#[test]
fn a_check_shows_what_each_gets() {
    let bench = Bench::default();
    configure(&bench, "host.handlers = 30", "run.share = 200\nrun.threads = 2", "run.threads = 2");
    let ended = Ended::new(command(&bench, "check").output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in [
        "share   200 of 300: 20 handlers at once, 2 threads that run them at nice +0\n",
        "share   100 of 300: 10 handlers at once, 2 threads that run them at nice +3\n",
    ] {
        assert!(ended.stdout.contains(line), "{line:?} in {}", ended.stdout);
    }
}
