//! One host: its process, and the wires that all of its connections go over.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oncegate_tests::{Ports, Wire};
use serde_json::Value;

use crate::witness::Witness;

/// How long what a dead host has sent may stay on its way.
const DRAINED_WITHIN: Duration = Duration::from_secs(1);

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Its number: the first one is 1, and none is given twice.
    pub number: u32,
    /// Its wires.
    pub wires: Vec<Wire>,
    /// Whether something holds it up, or has ended it.
    pub busy: Arc<AtomicBool>,
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// The wires of one host: one to each server, as it is to hear of them.
pub fn wires(all: &[u16], tellable: &[u16], witness: &Witness, number: u32) -> Vec<Wire> {
    let ports = Ports::default();
    let to = |port: &u16| {
        let wire = Wire::among(*port, &ports);
        if tellable.contains(port) {
            ports.add(*port, wire.port());
        }
        wire.watch(witness.watch(number));
        wire
    };
    all.iter().map(to).collect()
}

impl Host {
    /// Starts a process that says what it has to say to files in this folder.
    pub fn start(number: u32, wires: Vec<Wire>, mut command: Command, folder: &Path) -> Self {
        let file = |ending: &str| folder.join(format!("h{number}.{ending}"));
        let (out, err) = (file("out"), file("err"));
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self { number, wires, busy: Arc::default(), child, out, err }
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Whether nothing is being done to it.
    pub fn is_free(&self) -> bool {
        !self.busy.load(Ordering::SeqCst)
    }

    /// Its exit code, once it has ended; none if a signal ended it.
    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Kills it, if it has not ended, and waits until nothing that it sent is on its way any more.
    pub fn kill(&mut self) {
        // Its number may be another's by now: only what was not waited for yet is killed.
        let _ = self.child.kill();
        self.child.wait().unwrap();
        let end = Instant::now() + DRAINED_WITHIN;
        while !self.wires.iter().all(Wire::is_quiet) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has said, line by line of JSON, of how its deliveries ended.
    pub fn summaries(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.out).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The last line that it has said for people.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.err).unwrap_or_default();
        text.lines().next_back().unwrap_or_default().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Gone already if it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
