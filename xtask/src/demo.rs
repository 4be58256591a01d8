//! `cargo xtask demo`: what the project is for, on one screen.

mod host;
mod ledger;
pub mod stream;

use crate::command::{cargo, line, run as run_command};
use crate::plugins;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use host::Host;
use ledger::Ledger;
use std::fs;
use std::path::{Path, PathBuf};

/// How many deliveries the stream has, and how many of them repeat an earlier payment.
const DELIVERIES: u64 = 200_000;
const DUPLICATES: u64 = DELIVERIES / 3;

/// Builds what it needs, then shows three things: a stream is handled, running it again changes nothing, and
/// neither does killing it.
pub fn run(workspace: &Workspace) -> Result<()> {
    let host = build(workspace)?;
    let folder = relative(workspace.built("demo"));
    let input = folder.join("payments.ndjson");
    fresh(&folder)?;
    stream::write(&input, DELIVERIES, DUPLICATES)
        .with_context(|| format!("failed to write {}", input.display()))?;
    let ledger = Ledger::of(&input)?;
    println!("\n{DELIVERIES} deliveries of {} payments: {}", ledger.payments(), size(&input)?);

    let first = host.job(&input, &folder);
    first_run(&first, &ledger)?;
    second_run(&first, &ledger)?;
    let killed_folder = folder.join("killed");
    fresh(&killed_folder)?;
    let bytes = fs::metadata(&first.output)?.len();
    killed_run(&first.moved_to(&killed_folder), bytes / 2, &ledger)?;
    println!("{}", next(&host, &first, &killed_folder, ledger.payments()));
    Ok(())
}

fn build(workspace: &Workspace) -> Result<Host> {
    run_command(cargo().current_dir(&workspace.root).args(["build", "--release", "--package", "oncegate"]))?;
    let plugin = plugins::build(workspace)?.join("payment.wasm");
    Ok(Host { program: relative(workspace.built("release/oncegate")), plugin: relative(plugin) })
}

fn first_run(job: &host::Job, ledger: &Ledger) -> Result<()> {
    heading("1. The stream, for the first time");
    job.run()?;
    println!("\n{}: {}; {}: {}", show(&job.output), size(&job.output)?, show(&job.store), size(&job.store)?);
    println!("{}", ledger.verify(&job.output)?);
    Ok(())
}

fn second_run(job: &host::Job, ledger: &Ledger) -> Result<()> {
    heading("2. The same stream again: every delivery is now a duplicate");
    let before = fs::read(&job.output)?;
    job.run()?;
    let unchanged = before == fs::read(&job.output)?;
    ensure!(unchanged, "the second run changed {}", job.output.display());
    println!("\n{} has the same {} bytes as before", show(&job.output), before.len());
    println!("{}", ledger.verify(&job.output)?);
    Ok(())
}

fn killed_run(job: &host::Job, bytes: u64, ledger: &Ledger) -> Result<()> {
    heading("3. From the start in another folder, killed half-way, and run again");
    match job.run_and_kill(bytes)? {
        Some(lines) => println!("\nkilled (SIGKILL) when {lines} charges were written"),
        None => println!("\nit was done before it could be killed"),
    }
    job.run()?;
    println!("\n{}", ledger.verify(&job.output)?);
    Ok(())
}

fn next(host: &Host, job: &host::Job, killed: &Path, payments: usize) -> String {
    let program = host.program.display();
    let keys = format!("--store {} --namespace payment", job.store_url());
    format!(
        "
What to try next

  What the store knows of one payment, with its receipt:
    {program} keys get {keys} {example}
  Let it be charged a second time:
    {program} keys forget {keys} {example}
    {run}
  What the plugin is and may do:
    {program} inspect {plugin}
  Kill it yourself, as often as you like, then run it to its end and count the {payments} charges:
    rm -r {killed}; mkdir {killed}
    timeout -s KILL 0.5 {again}
    {again}
    wc -l {killed_output}
",
        example = stream::payment_id(17),
        run = line_of(&job.command()),
        plugin = host.plugin.display(),
        killed = killed.display(),
        again = line_of(&job.moved_to(killed).command()),
        killed_output = job.moved_to(killed).output.display(),
    )
}

/// The command with the program's whole path, for copying.
fn line_of(command: &std::process::Command) -> String {
    let arguments = line(command);
    let arguments = arguments.split_once(' ').map_or("", |(_, arguments)| arguments);
    format!("{} {arguments}", command.get_program().to_string_lossy())
}

fn heading(text: &str) {
    println!("\n== {text}\n");
}

/// Removes the folder with all that it holds, and makes it again.
fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))
}

/// The path as one would type it here.
fn relative(path: PathBuf) -> PathBuf {
    match std::env::current_dir() {
        Ok(here) => path.strip_prefix(here).map(Path::to_path_buf).unwrap_or(path),
        Err(_) => path,
    }
}

fn show(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The size of a file, or of all files below a folder.
fn size(path: &Path) -> Result<String> {
    let bytes = bytes(path).with_context(|| format!("failed to read the size of {}", path.display()))?;
    Ok(format!("{:.1} MB", bytes as f64 / 1e6))
}

fn bytes(path: &Path) -> std::io::Result<u64> {
    if !path.is_dir() {
        return Ok(path.metadata()?.len());
    }
    fs::read_dir(path)?.map(|entry| bytes(&entry?.path())).sum()
}
