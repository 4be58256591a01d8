//! The host that is being shown, as a user would start it.

use crate::command::{line, run};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

/// The built host and the plugin that it runs.
#[derive(Clone, Debug)]
pub struct Host {
    /// The binary.
    pub program: PathBuf,
    /// The component.
    pub plugin: PathBuf,
}

/// One pipeline: the host with its files.
#[derive(Clone, Debug)]
pub struct Job {
    host: Host,
    input: PathBuf,
    /// Where the charges go.
    pub output: PathBuf,
    /// The embedded store.
    pub store: PathBuf,
}

impl Host {
    /// A pipeline from this input to files in this folder.
    pub fn job(&self, input: &Path, folder: &Path) -> Job {
        let (output, store) = files(folder);
        Job { host: self.clone(), input: input.to_owned(), output, store }
    }
}

impl Job {
    /// The same pipeline with its output and store in another folder.
    pub fn moved_to(&self, folder: &Path) -> Job {
        let (output, store) = files(folder);
        Job { output, store, ..self.clone() }
    }

    /// What one would type.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.host.program);
        command.arg("run").arg("--plugin").arg(&self.host.plugin);
        command.arg("--input").arg(&self.input).arg("--output").arg(&self.output);
        command.args(["--topics", "charges", "--store", &self.store_url()]);
        command
    }

    /// The store as the host's command line names it.
    pub fn store_url(&self) -> String {
        format!("file:{}", self.store.display())
    }

    /// Runs it to its end, on this terminal.
    pub fn run(&self) -> Result<()> {
        run(&mut self.command())
    }

    /// Runs it and kills it, with no chance to clean up, as soon as the output has this many bytes. Returns how
    /// many whole lines it then has, or `None` if the run ended first.
    pub fn run_and_kill(&self, bytes: u64) -> Result<Option<usize>> {
        println!("$ {}", line(&self.command()));
        let mut child = self.command().spawn().context("failed to start the host")?;
        while child.try_wait()?.is_none() {
            // There is no output at all before the first group is written.
            if fs::metadata(&self.output).is_ok_and(|output| output.len() >= bytes) {
                child.kill().context("failed to kill the host")?;
                let ended_first = child.wait()?.success();
                return Ok(if ended_first { None } else { Some(count_lines(&self.output)?) });
            }
            sleep(Duration::from_millis(2));
        }
        Ok(None)
    }
}

fn count_lines(file: &Path) -> Result<usize> {
    let content = fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    Ok(content.iter().filter(|&&byte| byte == b'\n').count())
}

fn files(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("charges.ndjson"), folder.join("gate.db"))
}
