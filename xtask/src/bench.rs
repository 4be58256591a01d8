//! `cargo xtask bench`: the parts, whole runs, and what a million keys cost in memory.

pub mod languages;
pub mod neighbours;

use crate::command::{cargo, line, run as run_command};
use crate::demo::stream;
use crate::plugins;
use crate::test::redis;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The crates whose parts have benchmarks.
const PARTS: [&str; 3] = ["oncegate-dedup", "oncegate-broker", "oncegate-sandbox"];

/// How many keys the memory is measured with.
const KEYS: u64 = 1_000_000;

/// Runs all of it, or with `--whole` only the whole runs and the memory.
pub fn run(workspace: &Workspace, whole_only: bool) -> Result<()> {
    plugins::build(workspace)?;
    // Without it, or if it cannot be installed, the runs on streams are left out, and the benchmark says so.
    if let Err(error) = redis::server() {
        println!("warning: the server for the runs on streams cannot be installed: {error:#}");
    }
    let bench = || {
        let mut bench = cargo();
        bench.current_dir(&workspace.root).arg("bench");
        bench
    };
    if !whole_only {
        let parts = PARTS.iter().flat_map(|part| ["--package", part]);
        run_command(bench().args(parts).arg("--benches"))?;
    }
    run_command(bench().args(["--package", "oncegate", "--bench", "pipeline"]))?;
    memory(workspace)
}

/// The largest resident size of a run that remembers so many keys, as its kernel counts it.
fn memory(workspace: &Workspace) -> Result<()> {
    run_command(cargo().current_dir(&workspace.root).args(["build", "--release", "--package", "oncegate"]))?;
    let folder = workspace.built("bench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let input = folder.join("keys.ndjson");
    stream::write(&input, KEYS, 0).with_context(|| format!("failed to write {}", input.display()))?;
    let mut command = Command::new(workspace.built("release/oncegate"));
    command.arg("run").arg("--reuse").arg("--plugin").arg(workspace.built("plugins/payment.wasm"));
    command.arg("--input").arg(&input).arg("--output").arg(folder.join("out.ndjson"));
    command
        .args(["--topics", "charges", "--store"])
        .arg(format!("file:{}", folder.join("gate.db").display()));
    println!("$ {}", line(&command));
    let child = command.stderr(Stdio::inherit()).spawn().context("failed to start the host")?;
    let most = most_resident(child)?;
    println!("\n{KEYS} keys remembered: at most {most} MiB resident (VmHWM)");
    Ok(())
}

/// Looks at the process until it ends; its own high-water mark is gone with it.
fn most_resident(mut child: Child) -> Result<u64> {
    let mut most_kib = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib =
            mark.and_then(|mark| mark.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
        most_kib = most_kib.max(kib.unwrap_or(0));
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "the run failed ({status})");
            return Ok(most_kib / 1024);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
