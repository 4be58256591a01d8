//! A whole run: servers, hosts and a producer; a storm; calm; the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use oncegate_tests::{Client, Group};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::event::{Event, Kind};
use crate::evidence::Found;
use crate::fleet::{Fleet, HOSTS};
use crate::ledger::{Ledger, Phase};
use crate::options::Options;
use crate::producer::{self, Address, Mix, Producer};
use crate::schedule::Schedule;
use crate::servers::Servers;
use crate::settings::SETTLE_BOUND_MS;
use crate::shape::{Control, GROUP, Pipeline, Shape};
use crate::stopper::Stopper;
use crate::storm::Storm;
use crate::verdict::{self, Verdict};
use crate::witness::Witness;

/// How long the calm lasts in which the producer goes on.
const CALM: Duration = Duration::from_secs(3);

/// How long everything that was sent may take to be settled once all is calm, on a busy machine.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);

/// How long it may take until each host has had its part of the tail.
const TAIL_WITHIN: Duration = Duration::from_secs(40);

/// How many messages of the tail each host has to have, of each pipeline.
const TAIL: usize = 5;

/// The first number of an event of the tail: far beyond those of the producer.
const TAIL_EVENTS: u64 = 1_000_000_000;

/// Why there is no verdict.
#[derive(Debug)]
pub enum NoVerdict {
    /// Somebody wanted it to end.
    Stopped,
    /// It cannot be done here.
    Cannot(String),
}

/// Everything that a run is about.
struct Run<'a> {
    options: &'a Options,
    pipelines: &'static [Pipeline],
    servers: Servers,
    fleet: Fleet,
    witness: Witness,
    ledger: Ledger,
    stopper: &'a Stopper,
    /// What was drawn, and when.
    draws: File,
}

/// Does it, and has the evidence judged.
pub fn run(options: &Options, stopper: &Stopper) -> Result<Verdict, NoVerdict> {
    let folder = &options.evidence;
    make_room(folder)?;
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    println!("{}", headline(options));
    let done = Run::start(options, stopper, &logs).and_then(Run::leaves_evidence);
    if let Err(why) = done {
        if matches!(why, NoVerdict::Stopped) && !options.keep {
            std::fs::remove_dir_all(folder).unwrap();
        }
        return Err(why);
    }
    let verdict = verdict::of(folder, options.control).map_err(NoVerdict::Cannot)?;
    print!("{}", verdict.text());
    if verdict.is_good() && !options.keep {
        std::fs::remove_dir_all(folder).unwrap();
    } else {
        println!("evidence  {}", folder.display());
    }
    Ok(verdict)
}

/// Removes what another run has left in a folder, and nothing else.
fn make_room(folder: &Path) -> Result<(), NoVerdict> {
    let is_empty = || std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    let is_evidence = || folder.join("logs").is_dir() && folder.join("draws.txt").is_file();
    if !folder.exists() || is_empty() {
        return Ok(());
    }
    if !is_evidence() {
        let why = format!("{} holds something else than evidence: name another folder", folder.display());
        return Err(NoVerdict::Cannot(why));
    }
    std::fs::remove_dir_all(folder)
        .map_err(|error| NoVerdict::Cannot(format!("{} cannot be removed: {error}", folder.display())))
}

fn headline(options: &Options) -> String {
    let control = options.control.map(|control| format!(", control {}", control.name())).unwrap_or_default();
    let seconds = options.storm.as_secs();
    format!("chaos: {}{control}, seed {}, {seconds} s of faults", options.shape.name(), options.seed)
}

impl<'a> Run<'a> {
    fn start(options: &'a Options, stopper: &'a Stopper, logs: &Path) -> Result<Self, NoVerdict> {
        // Written before anything else, so that the folder is known for what it is.
        let draws = File::create(options.evidence.join("draws.txt")).unwrap();
        let servers = Servers::start(options.shape);
        if let Some(why) = servers.no_disk() {
            println!("not available: disk_full ({why})");
            if std::env::var("CI").is_ok_and(|ci| ci == "true") {
                return Err(NoVerdict::Cannot("a disk cannot be filled up here, and CI=true".to_owned()));
            }
        }
        let (witness, ledger) = (Witness::default(), Ledger::default());
        // The plain adapter knows one server, and one pipeline.
        let pipelines: &[Pipeline] =
            if options.control == Some(Control::Plain) { &[Pipeline::Atomic] } else { &Pipeline::ALL };
        for pipeline in pipelines {
            make_group(&mut servers.client(), *pipeline);
        }
        let mut fleet = Fleet::new(&servers, options.shape, options.control, logs, &witness);
        fleet.fill();
        // Whoever reads by the plain command is a consumer from its first message on.
        if options.control != Some(Control::Plain) {
            all_join(&servers, &mut fleet, pipelines)?;
        }
        Ok(Self { options, pipelines, servers, fleet, witness, ledger, stopper, draws })
    }

    /// Storm, calm and tail. Gives what must have happened.
    fn weathers(&mut self) -> Result<Vec<String>, NoVerdict> {
        let Options { seed, shape, control, storm, .. } = *self.options;
        let disks = shape == Shape::Single && self.servers.no_disk().is_none();
        let schedule = Schedule::of(seed, shape, control, disks);
        let requires = requires(&schedule, control);
        let dice = Dice::of(seed, "producer");
        let mix = match (control, shape) {
            (Some(Control::Plain), _) => Mix::Plain,
            (_, Shape::Sentinel) => Mix::NoMismatch,
            _ => Mix::All,
        };
        let (ledger, witness) = (&self.ledger, &self.witness);
        let address = Address { client: self.servers.client(), finder: self.servers.finder() };
        let producer = Producer::start(address, ledger, witness, dice, self.pipelines, mix);
        Storm::new(&mut self.servers, &mut self.fleet, witness, schedule, self.stopper, &self.draws)
            .rages(storm);
        producer.goes_on_in(Phase::Calm);
        self.lasts(CALM)?;
        producer.end();
        self.settles()?;
        self.tail()?;
        self.settles()?;
        self.fleet.end();
        Ok(requires)
    }

    /// Lets time pass.
    fn lasts(&mut self, time: Duration) -> Result<(), NoVerdict> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.goes_on()?;
        }
        Ok(())
    }

    /// A moment passes. Hosts that ended are replaced even now, and are told of.
    fn goes_on(&mut self) -> Result<(), NoVerdict> {
        if self.stopper.is_told() {
            return Err(NoVerdict::Stopped);
        }
        self.fleet.tend();
        self.fleet.fill();
        std::thread::sleep(Duration::from_millis(20));
        Ok(())
    }

    /// Waits until everything that is in the sources is settled. If it never is, the evidence says so.
    fn settles(&mut self) -> Result<(), NoVerdict> {
        let (end, mut client) = (Instant::now() + SETTLED_WITHIN, self.servers.client());
        for pipeline in self.pipelines {
            let group = Group::of(&pipeline.source(), GROUP);
            while !group.is_settled(&mut client) {
                if Instant::now() >= end {
                    println!("{}: not settled within {SETTLED_WITHIN:?}", pipeline.name());
                    return Ok(());
                }
                self.goes_on()?;
            }
        }
        Ok(())
    }

    /// Sends one message after the other, until each host has had its part.
    fn tail(&mut self) -> Result<(), NoVerdict> {
        let (end, mut client) = (Instant::now() + TAIL_WITHIN, self.servers.client());
        let before = self.witness.acks_after(0).len();
        let mut mine: BTreeSet<(Pipeline, String)> = BTreeSet::new();
        for number in TAIL_EVENTS.. {
            if self.all_had_their_part(&mine, before) || Instant::now() >= end {
                break;
            }
            for pipeline in self.pipelines {
                let event = Event::new(*pipeline, Kind::Plain, number, None);
                let entry = producer::send(&mut client, &self.ledger, &self.witness, event, Phase::Tail);
                mine.extend(entry.map(|entry| (*pipeline, entry)));
            }
            self.goes_on()?;
        }
        Ok(())
    }

    fn all_had_their_part(&self, mine: &BTreeSet<(Pipeline, String)>, before: usize) -> bool {
        let mut parts: BTreeMap<(u32, Pipeline), usize> = BTreeMap::new();
        for ack in self.witness.acks_after(before) {
            if mine.contains(&(ack.pipeline, ack.entry)) {
                *parts.entry((ack.host, ack.pipeline)).or_default() += 1;
            }
        }
        let had = |host: u32, pipeline| parts.get(&(host, pipeline)).is_some_and(|count| *count >= TAIL);
        self.fleet.hosts.iter().all(|host| self.pipelines.iter().all(|pipeline| had(host.number, *pipeline)))
    }

    /// All of it, and then nothing is left but the evidence.
    fn leaves_evidence(mut self) -> Result<(), NoVerdict> {
        let requires = self.weathers()?;
        let Options { seed, shape, control, .. } = *self.options;
        let about = |pipeline: &Pipeline| json!({"name": pipeline.name(), "transaction": *pipeline == Pipeline::Atomic});
        let pipelines: Vec<Value> = self.pipelines.iter().map(about).collect();
        let run = json!({
            "seed": seed, "shape": shape.name(), "control": control.map(Control::name),
            "settle_bound_ms": SETTLE_BOUND_MS, "pipelines": pipelines, "requires": requires,
        });
        let found = Found {
            run,
            pipelines: self.pipelines,
            servers: &self.servers,
            ledger: &self.ledger,
            witness: &self.witness,
            summaries: &self.fleet.summaries,
            replaced: shape == Shape::Sentinel,
        };
        found.write(&self.options.evidence);
        self.tells();
        match self.witness.strange() {
            0 => Ok(()),
            // What is not understood is not seen, and evidence that lacks it says nothing.
            count => Err(NoVerdict::Cannot(format!(
                "{count} calls of hosts were not understood: tests/chaos/src/asked.rs has to follow their scripts"
            ))),
        }
    }

    /// A line for each kind of fault.
    fn tells(&self) {
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let faults = self.witness.faults();
        for struck in &faults {
            let gate =
                struck.fault.gate.map(|(pipeline, gate)| format!(", {}: {}", pipeline.name(), gate.name()));
            let name = format!("{}{}", struck.fault.name, gate.unwrap_or_default());
            let count = counts.entry(name).or_default();
            *count = (count.0 + 1, count.1 + struck.unmarked.len());
        }
        for (name, (count, unmarked)) in counts {
            let between =
                if unmarked > 0 { format!(" ({unmarked} effects unmarked)") } else { String::new() };
            println!("{count:>6}  {name}{between}");
        }
        for struck in faults.iter().filter(|struck| struck.fault.name == "exit") {
            println!("        h{}: {}", struck.fault.host.unwrap_or_default(), struck.fault.about);
        }
        let (sent, hosts) = (self.ledger.count(), self.fleet.started());
        println!("{sent:>6}  messages, {} acknowledgements, {hosts} hosts", self.witness.acks_after(0).len());
    }
}

/// What must have happened, as the checker counts it.
fn requires(schedule: &Schedule, control: Option<Control>) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    names.insert("duplicates".to_owned());
    if control.is_none() {
        names.extend(["taken_over", "fence_refused"].map(str::to_owned));
    }
    for kind in schedule.needed() {
        names.insert(kind.name().to_owned());
        names.extend(kind.gate().map(|(_, gate)| format!("gate:{}", gate.name())));
    }
    names.into_iter().collect()
}

/// Waits until all hosts are there. One that ends instead says why.
fn all_join(servers: &Servers, fleet: &mut Fleet, pipelines: &[Pipeline]) -> Result<(), NoVerdict> {
    let (end, mut client) = (Instant::now() + SETTLED_WITHIN, servers.client());
    for pipeline in pipelines {
        let group = Group::of(&pipeline.source(), GROUP);
        while group.consumers(&mut client).len() < HOSTS {
            if let Some(host) = fleet.hosts.iter_mut().find_map(|host| (!host.is_running()).then_some(host)) {
                return Err(NoVerdict::Cannot(format!("a host ended at once: {}", host.last_words())));
            }
            if Instant::now() >= end {
                return Err(NoVerdict::Cannot(format!("not all hosts join {group:?}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// Hosts make the group when they start; an adapter as most articles write it does not.
fn make_group(client: &mut Client, pipeline: Pipeline) {
    client.ask::<()>(&["XGROUP", "CREATE", &pipeline.source(), GROUP, "0", "MKSTREAM"]);
}
