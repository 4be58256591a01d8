//! What a run leaves for the checker, as the checker reads it.

use std::collections::HashMap;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use oncegate_tests::{Client, Entry};
use redis::{FromRedisValue, Value as Answer};
use serde_json::{Value, json};

use crate::ledger::Ledger;
use crate::servers::Servers;
use crate::shape::{GROUP, Pipeline};
use crate::witness::Witness;

/// How many entries of a stream are read at a time.
const PAGE: &str = "5000";

/// Everything that is to be found when a run is over.
pub struct Found<'a> {
    /// About the run.
    pub run: Value,
    /// The pipelines that there were.
    pub pipelines: &'a [Pipeline],
    /// Where everything is.
    pub servers: &'a Servers,
    /// What was sent.
    pub ledger: &'a Ledger,
    /// What was seen on the wires.
    pub witness: &'a Witness,
    /// What the hosts said at their end.
    pub summaries: &'a [Value],
    /// Whether a server may have been replaced by one that does not hold all that was sent.
    pub replaced: bool,
}

impl Found<'_> {
    /// Writes all of it into a folder.
    pub fn write(&self, folder: &Path) {
        let text = serde_json::to_string_pretty(&self.run).unwrap();
        std::fs::write(folder.join("run.json"), text + "\n").unwrap();
        self.write_ledgers(folder);
        self.write_sinks(folder);
        write(folder, "faults", self.witness.faults().iter().map(|struck| struck.line()));
        write(
            folder,
            "acks",
            self.witness.acks_after(0).into_iter().map(|ack| {
                let host = format!("h{}", ack.host);
                json!({"ms": ack.ms, "host": host, "pipeline": ack.pipeline.name(), "entry": ack.entry})
            }),
        );
        write(folder, "groups", self.pipelines.iter().map(|pipeline| self.group(*pipeline)));
        write(folder, "summaries", self.summaries.iter().cloned());
    }

    /// What is in the sources is matched with what was sent: where a reply was lost, nobody knows otherwise.
    fn write_ledgers(&self, folder: &Path) {
        let mut there: HashMap<(Pipeline, String), ()> = HashMap::new();
        for pipeline in self.pipelines {
            for entry in all(&mut self.servers.client(), &pipeline.source()) {
                let number = entry.get("header:number").and_then(|number| number.parse().ok());
                if number.is_some_and(|number| self.ledger.found(number, &entry.entry)) {
                    there.insert((*pipeline, entry.entry), ());
                }
            }
        }
        let sent = self.ledger.all();
        let lines = |only_there: bool| {
            let is_there = |pipeline, entry: &String| there.contains_key(&(pipeline, entry.clone()));
            sent.iter()
                .filter(move |(sent, entry)| !only_there || is_there(sent.event.pipeline, entry))
                .map(|(sent, entry)| sent.line(entry))
        };
        // What an acknowledged write has lost is lost, unless a server was replaced by one that did not have it.
        write(folder, "ledger", lines(self.replaced));
        if self.replaced {
            write(folder, "sent", lines(false));
        }
    }

    fn write_sinks(&self, folder: &Path) {
        let (mut effects, mut dead) = (Vec::new(), Vec::new());
        for pipeline in self.pipelines {
            let mut client = self.servers.sink_client(*pipeline);
            let name = pipeline.name();
            for entry in all(&mut client, &pipeline.effects()) {
                effects.push(json!({
                    "pipeline": name, "at": entry.entry, "id": entry.id(), "payload": entry.payload(),
                }));
            }
            for entry in all(&mut client, &pipeline.dead()) {
                dead.push(json!({
                    "pipeline": name, "at": entry.entry, "entry": entry.id(),
                    "event": entry.get("header:event"), "reason": entry.reason(),
                }));
            }
        }
        write(folder, "sink", effects.into_iter());
        write(folder, "dead", dead.into_iter());
    }

    /// How far a group has come. Redis 7.0 counts what a group has read anew after a restart from its append-only file,
    /// and so what it says of that (`entries-read`, `lag`) says nothing: the entries themselves are counted.
    fn group(&self, pipeline: Pipeline) -> Value {
        let mut client = self.servers.client();
        let stream = pipeline.source();
        let length: usize = client.ask(&["XLEN", &stream]);
        let groups: Vec<HashMap<String, Answer>> = client.ask(&["XINFO", "GROUPS", &stream]);
        let named = |about: &&HashMap<String, Answer>| value::<String>(&about["name"]) == GROUP;
        let about = groups.iter().find(named).unwrap_or_else(|| panic!("{stream} has no group {GROUP}"));
        let last: String = value(&about["last-delivered-id"]);
        let unread = all_after(&mut client, &stream, &format!("({last}")).len();
        let pending: u64 = value(&about["pending"]);
        json!({
            "pipeline": pipeline.name(), "stream": stream, "length": length,
            "read": length.saturating_sub(unread), "pending": pending, "lag": unread,
        })
    }
}

fn value<T: FromRedisValue>(value: &Answer) -> T {
    redis::from_redis_value(value.clone()).unwrap()
}

fn write(folder: &Path, name: &str, lines: impl Iterator<Item = Value>) {
    let file = std::fs::File::create(folder.join(format!("{name}.ndjson"))).unwrap();
    let mut file = BufWriter::new(file);
    lines.for_each(|line| writeln!(file, "{line}").unwrap());
    file.flush().unwrap();
}

/// All entries of a stream.
fn all(client: &mut Client, stream: &str) -> Vec<Entry> {
    all_after(client, stream, "-")
}

/// All entries from one on, a page at a time.
fn all_after(client: &mut Client, stream: &str, from: &str) -> Vec<Entry> {
    let (mut found, mut from) = (Vec::new(), from.to_owned());
    loop {
        let page: Vec<(String, Vec<(String, String)>)> =
            client.ask(&["XRANGE", stream, &from, "+", "COUNT", PAGE]);
        let Some((last, _)) = page.last() else { return found };
        from = format!("({last}");
        found.extend(page.into_iter().map(|(entry, fields)| Entry { entry, fields }));
    }
}
