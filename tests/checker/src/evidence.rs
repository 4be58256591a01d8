//! What a run left, as it lies in its folder: a file for each kind, a line for each record. Unknown fields are ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde::Deserialize;

use crate::entry_id::EntryId;
use crate::file::{lines, object};

/// `run.json`: what was run, and what must have happened for it to prove anything.
#[derive(Debug, Deserialize)]
pub struct Run {
    /// What drew the faults.
    pub seed: u64,
    /// Which servers there were.
    pub shape: String,
    /// If this run was made to fail: what was left out.
    pub control: Option<String>,
    /// The longest that a message may take once nothing is wrong any more.
    pub settle_bound_ms: u64,
    /// The pipelines.
    pub pipelines: Vec<Pipeline>,
    /// The names of what must have happened at least once.
    pub requires: Vec<String>,
}

/// One of the run's pipelines.
#[derive(Debug, Deserialize)]
pub struct Pipeline {
    /// Its name.
    pub name: String,
    /// Whether effects, marks and acknowledgements are one step.
    pub transaction: bool,
}

/// `ledger.ndjson`: an entry that a source stream accepted. `sent.ndjson` is the same for servers that a failover
/// replaced; then the ledger is what the promoted server still has.
#[derive(Debug, Deserialize)]
pub struct Sent {
    /// Whose source it was sent to.
    pub pipeline: String,
    /// Its id in the source stream.
    pub entry: EntryId,
    /// The business event; one that is sent again is another entry of the same event.
    pub event: String,
    /// The ids of the effects that the event must have, once each.
    pub expect: Vec<String>,
    /// What each of these effects must carry.
    pub payload: Option<String>,
    /// Must end as a dead letter.
    pub dead: bool,
    /// The key of an earlier event with another payload: must end as a dead letter, too.
    #[serde(default)]
    pub mismatch: bool,
    /// When in the run it was sent.
    pub phase: Phase,
}

impl Sent {
    /// Must end as a dead letter, without an effect.
    pub fn condemned(&self) -> bool {
        self.dead || self.mismatch
    }
}

/// Faults strike in the storm; none does afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// While faults strike.
    Storm,
    /// While what the storm left is settled.
    Calm,
    /// The last messages, of which each consumer has to have its share.
    Tail,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Storm => "storm",
            Phase::Calm => "calm",
            Phase::Tail => "tail",
        })
    }
}

/// `sink.ndjson`: an effect that lay at a sink in the end.
#[derive(Debug, Deserialize)]
pub struct Effect {
    /// Whose sink.
    pub pipeline: String,
    /// Its id in the sink's stream.
    pub at: EntryId,
    /// The effect's own id, the same for each copy.
    pub id: String,
    /// What it carries.
    pub payload: String,
}

/// `dead.ndjson`: a dead letter that was found.
#[derive(Debug, Deserialize)]
pub struct DeadLetter {
    /// Whose.
    pub pipeline: String,
    /// Its id in the stream of dead letters.
    pub at: EntryId,
    /// The entry of the source that died.
    pub entry: EntryId,
    /// The event, if it can be told.
    pub event: Option<String>,
    /// Why it died.
    pub reason: String,
}

impl DeadLetter {
    /// Whether its delivery held no claim: its key was committed or given up by another one before.
    pub fn is_unclaimed(&self) -> bool {
        ["mismatch:", "key is dead:"].iter().any(|why| self.reason.starts_with(why))
    }
}

/// `faults.ndjson`: something that was done to a host or a server.
#[derive(Debug, Deserialize)]
pub struct Fault {
    /// When it began.
    pub ms: u64,
    /// What.
    pub fault: String,
    /// The number of the process that it struck; none if it struck a server.
    pub host: Option<u64>,
    /// The pipeline at whose gate it struck.
    pub pipeline: Option<String>,
    /// The gate that was waited for.
    pub gate: Option<String>,
    /// Effects (by their ids) and dead letters (by their entries) that were on their way to a sink, or there, and whose
    /// marks were not known to be confirmed.
    #[serde(default)]
    pub unmarked: Vec<String>,
    /// Entries that the host had been handed and had not acknowledged. One that becomes a dead letter without a claim has
    /// no fence, and may do so late.
    #[serde(default)]
    pub held: Vec<String>,
}

impl Fault {
    /// Whether it can have struck what this consumer did.
    pub fn strikes(&self, host: &str) -> bool {
        self.host.is_none_or(|number| host == format!("h{number}"))
    }
}

/// `acks.ndjson`: an acknowledgement that the server was seen to confirm.
#[derive(Debug, Deserialize)]
pub struct Ack {
    /// When.
    pub ms: u64,
    /// By which process: `h3`.
    pub host: String,
    /// Whose entry.
    pub pipeline: String,
    /// The entry.
    pub entry: EntryId,
}

/// `groups.ndjson`: how far a source's group was in the end.
#[derive(Debug, Deserialize)]
pub struct Group {
    /// Whose.
    pub pipeline: String,
    /// The source's stream.
    pub stream: String,
    /// How many entries the stream has.
    pub length: u64,
    /// How many of them the group was handed.
    pub read: u64,
    /// How many of these are not acknowledged.
    pub pending: u64,
    /// How many it has yet to be handed, where the server knows.
    pub lag: Option<u64>,
}

/// `summaries.ndjson`: how a host that ended in order counts what it did for one pipeline.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// Which process: `h3`.
    pub host: String,
    /// For which pipeline.
    pub pipeline: String,
    /// Deliveries that it read.
    pub read: u64,
    /// Of these, how many some host had been handed before.
    pub redelivered: u64,
    /// Settles that a fence refused.
    pub fences_lost: u64,
    /// How the deliveries ended.
    pub ends: BTreeMap<String, u64>,
    /// It ended before the tail was sent.
    #[serde(default)]
    pub early: bool,
}

/// All that a run left.
#[derive(Debug)]
pub struct Evidence {
    /// What was run.
    pub run: Run,
    /// What the sources hold.
    pub ledger: Vec<Sent>,
    /// What servers held that are no more.
    pub sent: Vec<Sent>,
    /// What the sinks hold.
    pub effects: Vec<Effect>,
    /// The dead letters.
    pub dead: Vec<DeadLetter>,
    /// The faults.
    pub faults: Vec<Fault>,
    /// The acknowledgements.
    pub acks: Vec<Ack>,
    /// The groups.
    pub groups: Vec<Group>,
    /// The hosts' own counts.
    pub summaries: Vec<Summary>,
}

impl Evidence {
    /// Reads a run's folder.
    ///
    /// # Errors
    ///
    /// A file or a field is missing, a line is torn, or the files contradict each other.
    pub fn read(folder: &Path) -> Result<Self> {
        let failover = folder.join("sent.ndjson").exists();
        let evidence = Self {
            run: object(folder, "run.json")?,
            ledger: lines(folder, "ledger.ndjson")?,
            sent: if failover { lines(folder, "sent.ndjson")? } else { Vec::new() },
            effects: lines(folder, "sink.ndjson")?,
            dead: lines(folder, "dead.ndjson")?,
            faults: lines(folder, "faults.ndjson")?,
            acks: lines(folder, "acks.ndjson")?,
            groups: lines(folder, "groups.ndjson")?,
            summaries: lines(folder, "summaries.ndjson")?,
        };
        evidence.pipelines_are_known()?;
        evidence.entries_are_told_apart()?;
        Ok(evidence)
    }

    /// A record of a pipeline that the run does not name would be judged by nobody.
    fn pipelines_are_known(&self) -> Result<()> {
        let known: BTreeSet<&str> =
            self.run.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        ensure!(!known.is_empty(), "run.json names no pipeline");
        ensure!(known.len() == self.run.pipelines.len(), "run.json names a pipeline twice");
        let named: [(&str, Vec<&String>); 7] = [
            ("ledger.ndjson", self.ledger.iter().map(|sent| &sent.pipeline).collect()),
            ("sent.ndjson", self.sent.iter().map(|sent| &sent.pipeline).collect()),
            ("sink.ndjson", self.effects.iter().map(|effect| &effect.pipeline).collect()),
            ("dead.ndjson", self.dead.iter().map(|letter| &letter.pipeline).collect()),
            ("acks.ndjson", self.acks.iter().map(|ack| &ack.pipeline).collect()),
            ("groups.ndjson", self.groups.iter().map(|group| &group.pipeline).collect()),
            ("summaries.ndjson", self.summaries.iter().map(|summary| &summary.pipeline).collect()),
        ];
        for (file, names) in named {
            if let Some(name) = names.into_iter().find(|name| !known.contains(name.as_str())) {
                bail!("{file} names the pipeline `{name}`, which run.json does not");
            }
        }
        for name in known {
            let has_group = self.groups.iter().any(|group| group.pipeline == name);
            ensure!(has_group, "groups.ndjson has no group of the pipeline `{name}`");
        }
        Ok(())
    }

    fn entries_are_told_apart(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for sent in &self.ledger {
            let fresh = seen.insert((&sent.pipeline, sent.entry));
            ensure!(fresh, "ledger.ndjson has the entry {} of `{}` twice", sent.entry, sent.pipeline);
        }
        Ok(())
    }
}
