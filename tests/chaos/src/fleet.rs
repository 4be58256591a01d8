//! The hosts of a run: four at any time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use oncegate_tests::{oncegate, signal};
use serde_json::Value;

use crate::fault::Fault;
use crate::host::{Host, wires};
use crate::servers::Servers;
use crate::settings;
use crate::shape::{Control, GROUP, Pipeline, Shape};
use crate::witness::{Reach, Witness};

/// How many hosts there are.
pub const HOSTS: usize = 4;

/// How long a host may take to end in order.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// The exit code of a host that was asked to end.
const STOPPED: i32 = 7;

/// What a host is started with.
#[derive(Debug)]
struct Plan {
    folder: PathBuf,
    /// All servers, and those that others name.
    ports: (Vec<u16>, Vec<u16>),
    /// The configuration, or the URL of the one server that a plain adapter knows.
    text: String,
    control: Option<Control>,
}

/// All hosts, those that were told to end included.
#[derive(Debug)]
pub struct Fleet {
    plan: Plan,
    witness: Witness,
    /// Those at work.
    pub hosts: Vec<Host>,
    leaving: Vec<(Host, Instant)>,
    started: u32,
    /// What those said that ended in order.
    pub summaries: Vec<Value>,
}

impl Fleet {
    /// No hosts yet.
    pub fn new(
        servers: &Servers,
        shape: Shape,
        control: Option<Control>,
        folder: &Path,
        witness: &Witness,
    ) -> Self {
        let text = match control {
            Some(Control::Plain) => servers.url(),
            _ => settings::text(servers, shape, control),
        };
        let ports = (servers.ports(), servers.tellable_ports());
        let plan = Plan { folder: folder.to_owned(), ports, text, control };
        let witness = witness.clone();
        Self { plan, witness, hosts: Vec::new(), leaving: Vec::new(), started: 0, summaries: Vec::new() }
    }

    /// Starts as many as are missing.
    pub fn fill(&mut self) {
        while self.hosts.len() < HOSTS {
            self.started += 1;
            let number = self.started;
            let wires = wires(&self.plan.ports.0, &self.plan.ports.1, &self.witness, number);
            let text = wires.iter().fold(self.plan.text.clone(), |text, wire| wire.through(&text));
            let command = self.plan.command(number, &text);
            self.hosts.push(Host::start(number, wires, command, &self.plan.folder));
        }
    }

    /// How many were started.
    pub fn started(&self) -> u32 {
        self.started
    }

    /// The place of a host that nothing is being done to, beginning here.
    pub fn free_from(&self, place: usize) -> Option<usize> {
        let places = (0..self.hosts.len()).map(|further| (place + further) % self.hosts.len());
        places.into_iter().find(|place| self.hosts[*place].is_free())
    }

    /// As [`free_from`](Self::free_from), for what ends a host: the last one is spared that will have a refusal to tell
    /// of at its end.
    pub fn dispensable_from(&self, place: usize) -> Option<usize> {
        let is_last = self.refused() == 1;
        let places = (0..self.hosts.len()).map(|further| (place + further) % self.hosts.len());
        let dispensable = |host: &Host| host.is_free() && !(is_last && self.witness.was_refused(host.number));
        places.into_iter().find(|place| dispensable(&self.hosts[*place]))
    }

    /// How many hosts are there that were refused what is another's.
    pub fn refused(&self) -> usize {
        self.hosts.iter().filter(|host| self.witness.was_refused(host.number)).count()
    }

    /// Kills a host.
    pub fn kill(&mut self, place: usize) {
        let mut host = self.hosts.swap_remove(place);
        self.witness.strikes(Fault::of("kill", host.number), Reach::Dead(host.number));
        host.kill();
        self.witness.is_gone(host.number);
    }

    /// Asks a host to end.
    pub fn drain(&mut self, place: usize) {
        let host = self.hosts.swap_remove(place);
        self.witness.struck(Fault::of("drained", host.number), Reach::Nobody);
        signal::drain(host.pid());
        self.leaving.push((host, Instant::now()));
    }

    /// Looks who has ended, by whatever hand. Gives how many.
    pub fn tend(&mut self) -> usize {
        let mut ended = 0;
        for place in (0..self.hosts.len()).rev() {
            if !self.hosts[place].is_running() {
                let mut host = self.hosts.swap_remove(place);
                // Killed at a gate, which noted it; else it is to be told.
                if let Some(code) = host.code() {
                    self.note_exit(&host, code);
                }
                host.kill();
                self.witness.is_gone(host.number);
                ended += 1;
            }
        }
        for place in (0..self.leaving.len()).rev() {
            let (host, since) = &mut self.leaving[place];
            let (late, runs) = (since.elapsed() > ENDS_WITHIN, host.is_running());
            if !runs || late {
                let (host, _) = self.leaving.swap_remove(place);
                self.has_left(host, true);
            }
        }
        ended
    }

    fn note_exit(&self, host: &Host, code: i32) {
        let about = format!("exit code {code}: {}", host.last_words());
        // Whoever starts while a server is away says so and ends.
        let name = if self.witness.is_at_work(host.number) { "exit" } else { "exit at start" };
        self.witness.strikes(Fault::of(name, host.number).about(&about), Reach::Dead(host.number));
    }

    /// A host that was asked to end has done so, or takes too long.
    fn has_left(&mut self, mut host: Host, early: bool) {
        if host.is_running() {
            let fault = Fault::of("kill", host.number).about("it did not end in time");
            self.witness.strikes(fault, Reach::Dead(host.number));
        } else {
            match host.code() {
                Some(STOPPED | 0) => self.keep_summaries(&host, early),
                Some(code) => self.note_exit(&host, code),
                None => {}
            }
        }
        host.kill();
        self.witness.is_gone(host.number);
    }

    fn keep_summaries(&mut self, host: &Host, early: bool) {
        for mut summary in host.summaries() {
            summary["host"] = format!("h{}", host.number).into();
            if early {
                summary["early"] = true.into();
            }
            self.summaries.push(summary);
        }
    }

    /// Asks all to end, and waits for it.
    pub fn end(&mut self) {
        let end = Instant::now() + ENDS_WITHIN;
        while !self.leaving.is_empty() && Instant::now() < end {
            self.tend();
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut hosts: Vec<Host> = self.hosts.drain(..).collect();
        hosts.iter().for_each(|host| signal::drain(host.pid()));
        let end = Instant::now() + ENDS_WITHIN;
        while hosts.iter_mut().any(Host::is_running) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        hosts.into_iter().for_each(|host| self.has_left(host, false));
    }
}

impl Plan {
    fn command(&self, number: u32, text: &str) -> Command {
        if self.control == Some(Control::Plain) {
            return self.plain(number, text);
        }
        let config = self.folder.join(format!("h{number}.toml"));
        std::fs::write(&config, text).unwrap();
        let mut command = oncegate();
        command.args(["run", "--json", "--init-store", "--config"]).arg(config);
        command
    }

    /// The adapter lies beside this program.
    fn plain(&self, number: u32, url: &str) -> Command {
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new(own.with_file_name("oncegate-plain"));
        let (pipeline, consumer) = (Pipeline::Atomic, format!("h{number}"));
        let idle = settings::TAKE_OVER_MS.to_string();
        command.args(["--url", url, "--group", GROUP, "--stream", &pipeline.source()]);
        command.args(["--effects", &pipeline.effects(), "--namespace", pipeline.name()]);
        command.args(["--consumer", &consumer, "--min-idle-ms", &idle]);
        command
    }
}
