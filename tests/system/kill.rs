//! The embedded store and regular files are exact: whatever moment a kill chooses, each effect of a committed key
//! is there once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use oncegate_tests::Bench;
use serde_json::{Value, json};

/// More than either limit of attempts, so that no key is given up because hosts died.
const KILLS: usize = 34;

const QUICK: &str = r#"
[policy]
backoff_min = "1ms"
backoff_max = "10ms"
"#;

/// Random enough for moments, and printed, so that a failure can be looked at again.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = now.as_nanos() as u64 | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn messages(count: usize) -> Vec<Value> {
    let message = |n: usize| {
        let key = format!("k{}", if n % 3 == 2 { n / 2 } else { n });
        let steps = match n % 50 {
            7 => json!([{"seen": format!("poison{n}")}, {"reject": "poison"}]),
            13 => json!([{"seen": format!("failing{n}")}, {"retry": "fails"}]),
            _ => {
                json!([{"seen": key}, {"emit": ["t", key]}, {"emit": ["u", key]}, {"commit_with": [key, key]}])
            }
        };
        json!({"steps": steps})
    };
    (0..count).map(message).collect()
}

/// Checks the files as they are: whole lines, nothing twice. Returns how many effects there are.
fn nothing_twice(bench: &Bench) -> usize {
    let mut effects: HashMap<String, usize> = HashMap::new();
    for line in bench.output() {
        *effects.entry(line.id().to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = effects.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "written twice: {twice:?}");
    let mut dead: HashMap<String, usize> = HashMap::new();
    for line in bench.dead_letters() {
        *dead.entry(line.id().to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = dead.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "dead-lettered twice: {twice:?}");
    effects.len()
}

/// What a crash left may end in the middle of a line and hold what was never committed: the next start cuts it.
/// A run over no input makes it so, and tells what is really there.
fn settle_files(bench: &Bench) {
    bench.write("none.ndjson", "");
    bench.run_over("probe", "file:gate.db", "none.ndjson").ok();
}

#[test]
fn killed_at_any_moment_and_run_again_each_effect_is_there_once() {
    let bench = Bench::default();
    bench.write("quick.toml", QUICK);
    let messages = messages(80_000);
    bench.messages(&messages);
    // Fresh instances are slower, so that there is work left to interrupt until the end.
    let run = || bench.run("probe").args(&["--config", "quick.toml"]);
    let mut random = Random::new();
    let (mut round, mut killed, mut before, mut began) = (0, 0, 0, 0);
    let deadline = Instant::now() + Duration::from_secs(240);
    while killed < KILLS && Instant::now() < deadline {
        // A third of them while the process has hardly begun.
        let within_ms = [100, 900, 2000][round % 3];
        round += 1;
        let mut child = run().start();
        std::thread::sleep(Duration::from_millis(random.below(within_ms)));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            // It was faster than the kill, which does not count then.
            continue;
        }
        killed += 1;
        settle_files(&bench);
        let effects = nothing_twice(&bench);
        assert!(effects >= before, "committed effects went from {before} to {effects}");
        began += usize::from(effects > before);
        before = effects;
    }
    eprintln!("{killed} kills, {began} of them after new effects");
    assert!(killed >= 30, "only {killed} kills hit");
    assert!(began >= 3, "too few kills hit a run that was working");

    run().ok();
    nothing_twice(&bench);
    everything_is_settled(&bench, &messages);
    let again = run().ok();
    let count = |name: &str| again.ends().of(name);
    assert_eq!(count("applied") + count("rejected") + count("attempts_used_up"), 0, "{}", again.stdout);
    nothing_twice(&bench);
}

/// Every key is committed with its effect once, or dead once with the reason.
fn everything_is_settled(bench: &Bench, messages: &[Value]) {
    let output: Vec<String> = bench.output().iter().map(|line| line.id().to_owned()).collect();
    let output: std::collections::HashSet<String> = output.into_iter().collect();
    let dead: HashMap<String, String> =
        bench.dead_letters().iter().map(|line| (line.id().to_owned(), line.reason().to_owned())).collect();
    for (index, message) in messages.iter().enumerate() {
        let reason = dead.get(&format!("m{index}"));
        match &message["steps"][1] {
            step if step.get("reject").is_some() => assert_eq!(reason.unwrap(), "rejected: poison"),
            step if step.get("retry").is_some() => {
                assert!(reason.unwrap().starts_with("attempts used up (5): fails"), "{reason:?}");
            }
            _ => {
                let key = message["steps"][0]["seen"].as_str().unwrap();
                for output_index in 0..2 {
                    let id = format!("probe/k/{key}/{output_index}");
                    assert!(output.contains(&id), "{id} is lost");
                }
                assert_eq!(reason, None, "m{index}");
            }
        }
    }
}

#[test]
fn a_signal_leaves_everything_consistent_and_the_next_run_goes_on() {
    let bench = Bench::default();
    bench.messages(&messages(60_000));
    let child = bench.run("probe").start();
    std::thread::sleep(Duration::from_millis(600));
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = oncegate_tests::Ended::new(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert_eq!(ended.error(), "stopped by a signal; run again to go on");
    let applied = ended.ends().of("applied");
    assert_eq!(nothing_twice(&bench) as u64, 2 * applied);
    bench.run("probe").args(&["--reuse"]).ok();
    nothing_twice(&bench);
}
