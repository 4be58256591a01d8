//! A run's folder, written by hand: an intact one, from which each test takes something away, or to which it adds.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

/// When the run began.
pub const BEGIN: u64 = 1_700_000_000_000;

/// How long a message may take in the end.
pub const BOUND: u64 = 10_000;

/// The pipelines: the first settles in one step.
pub const PIPELINES: [&str; 2] = ["atomic", "ordered"];

/// The id of an entry that was appended so many milliseconds after the beginning.
pub fn at(ms: u64) -> String {
    format!("{}-0", BEGIN + ms)
}

/// What a run left.
pub struct Folder {
    /// `run.json`.
    pub run: Value,
    files: BTreeMap<&'static str, Vec<Value>>,
    texts: BTreeMap<&'static str, String>,
}

/// What the checker said of it.
pub struct Judged {
    /// The exit code.
    pub code: i32,
    /// What it printed with `--json`, if it could judge.
    pub report: Value,
    /// The line that says why it could not.
    pub error: String,
}

const FILES: [&str; 7] = ["ledger", "sink", "dead", "faults", "acks", "groups", "summaries"];

impl Folder {
    /// A run in which all that a run can require happened and nothing is wrong. Of each pipeline:
    ///
    /// | ms | event | |
    /// |---|---|---|
    /// | 100, 200 | `e1` | sent twice, has its effect once |
    /// | 300 | `e2` | two effects |
    /// | 400 | `e3` | must die |
    /// | 500 | `e4` | a mismatch with `e1` |
    /// | 600 | `e5` | no effect |
    /// | 50,000 … | `t0` to `t9` | the tail: five for `h1`, five for `h2` |
    pub fn intact() -> Self {
        let run = json!({
            "seed": 7, "shape": "single", "control": null, "settle_bound_ms": BOUND,
            "pipelines": [{"name": "atomic", "transaction": true}, {"name": "ordered", "transaction": false}],
            "requires": ["duplicates", "taken_over", "fence_refused", "reply_lost", "gate:after ack"],
        });
        let files = FILES.into_iter().map(|name| (name, Vec::new())).collect();
        let mut folder = Self { run, files, texts: BTreeMap::new() };
        for pipeline in PIPELINES {
            folder.storm(pipeline);
            folder.tail(pipeline);
            folder.ends(pipeline);
        }
        folder.add(
            "faults",
            json!({"ms": BEGIN + 150, "fault": "reply_lost", "host": 1, "pipeline": "atomic"}),
        );
        let kill = json!({"ms": BEGIN + 250, "fault": "kill", "host": 3, "pipeline": "ordered",
            "gate": "after ack", "unmarked": []});
        folder.add("faults", kill);
        folder
    }

    fn storm(&mut self, pipeline: &str) {
        for ms in [100, 200] {
            self.sent(pipeline, ms, "e1", &[&effect(pipeline, "e1")]);
        }
        self.sent(pipeline, 300, "e2", &[&effect(pipeline, "e2a"), &effect(pipeline, "e2b")]);
        for (ms, event, why) in [(400, "e3", "dead"), (500, "e4", "mismatch")] {
            self.sent(pipeline, ms, event, &[]);
            self.last("ledger")[why] = json!(true);
            self.dies(pipeline, ms, event);
        }
        self.sent(pipeline, 600, "e5", &[]);
        for (ms, key) in [(110, "e1"), (310, "e2a"), (311, "e2b")] {
            let payload = key.trim_end_matches(['a', 'b']);
            self.happens(pipeline, ms, &effect(pipeline, key), payload);
        }
        for ms in [100, 200, 300, 400, 500, 600] {
            self.acknowledged(pipeline, ms, ms + 50, "h1");
        }
    }

    fn tail(&mut self, pipeline: &str) {
        for number in 0..10 {
            let (ms, event) = (50_000 + number * 100, format!("t{number}"));
            let host = if number % 2 == 0 { "h1" } else { "h2" };
            self.sent(pipeline, ms, &event, &[&effect(pipeline, &event)]);
            self.last("ledger")["phase"] = json!("tail");
            self.happens(pipeline, ms + 10, &effect(pipeline, &event), &event);
            self.acknowledged(pipeline, ms, ms + 20, host);
        }
    }

    fn ends(&mut self, pipeline: &str) {
        let group = json!({"pipeline": pipeline, "stream": "orders", "length": 16, "read": 16, "pending": 0, "lag": 0});
        self.add("groups", group);
        for host in ["h1", "h2"] {
            let ends = json!({"applied": 8, "duplicate_store": 1, "taken_over": 1});
            let summary = json!({"host": host, "pipeline": pipeline, "read": 10, "redelivered": 2, "fences_lost": 1,
                "ends": ends});
            self.add("summaries", summary);
        }
    }

    /// One more entry.
    pub fn sent(&mut self, pipeline: &str, ms: u64, event: &str, expect: &[&str]) {
        self.add("ledger", sent(pipeline, ms, event, expect));
    }

    /// One more effect.
    pub fn happens(&mut self, pipeline: &str, ms: u64, id: &str, payload: &str) {
        self.add("sink", json!({"pipeline": pipeline, "at": at(ms), "id": id, "payload": payload}));
    }

    /// One more dead letter, ten milliseconds after its entry.
    pub fn dies(&mut self, pipeline: &str, ms: u64, event: &str) {
        let letter =
            json!({"pipeline": pipeline, "at": at(ms + 10), "entry": at(ms), "event": event, "reason": "no"});
        self.add("dead", letter);
    }

    /// One more acknowledgement.
    pub fn acknowledged(&mut self, pipeline: &str, entry: u64, ms: u64, host: &str) {
        self.add("acks", json!({"ms": BEGIN + ms, "host": host, "pipeline": pipeline, "entry": at(entry)}));
    }

    /// A host was killed while these were unmarked.
    pub fn strikes(&mut self, ms: u64, fault: &str, host: u64, unmarked: &[&str]) {
        let fault = json!({"ms": BEGIN + ms, "fault": fault, "host": host, "pipeline": "atomic", "gate": null,
            "unmarked": unmarked});
        self.add("faults", fault);
    }

    /// One more line.
    pub fn add(&mut self, file: &'static str, line: Value) {
        self.files.entry(file).or_default().push(line);
    }

    /// A file's last line.
    pub fn last(&mut self, file: &str) -> &mut Value {
        self.files.get_mut(file).and_then(|lines| lines.last_mut()).unwrap()
    }

    /// The line of a pipeline in which a field has this value.
    pub fn line(&mut self, file: &str, pipeline: &str, field: &str, value: &str) -> &mut Value {
        let mut lines = self.files.get_mut(file).unwrap().iter_mut();
        lines.find(|line| line["pipeline"] == pipeline && line[field] == value).unwrap()
    }

    /// Takes those lines of a pipeline away in which a field has this value. There must be some.
    pub fn take(&mut self, file: &str, pipeline: &str, field: &str, value: &str) {
        let lines = self.files.get_mut(file).unwrap();
        let before = lines.len();
        lines.retain(|line| line["pipeline"] != pipeline || line[field] != value);
        assert!(lines.len() < before, "{file} has no line with {field} {value}");
    }

    /// This file is this text instead.
    pub fn text(&mut self, file: &'static str, text: &str) {
        self.texts.insert(file, text.to_owned());
    }

    /// A file's lines as they would be written.
    pub fn written(&self, file: &str) -> String {
        self.files[file].iter().map(|line| format!("{line}\n")).collect()
    }

    /// This file is not there.
    pub fn without(&mut self, file: &str) {
        self.files.remove(file).unwrap();
    }

    fn write(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("run.json"), self.run.to_string()).unwrap();
        for &file in self.files.keys() {
            let text = self.texts.get(file).cloned().unwrap_or_else(|| self.written(file));
            std::fs::write(folder.path().join(format!("{file}.ndjson")), text).unwrap();
        }
        folder
    }

    /// What the program says.
    pub fn judge(&self) -> Judged {
        let folder = self.write();
        let program = env!("CARGO_BIN_EXE_oncegate-checker");
        let output = Command::new(program).arg(folder.path()).arg("--json").output().unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let error = String::from_utf8(output.stderr).unwrap();
        Judged { code: output.status.code().unwrap(), report, error }
    }

    /// What the program prints for people.
    pub fn printed(&self) -> String {
        let folder = self.write();
        let output =
            Command::new(env!("CARGO_BIN_EXE_oncegate-checker")).arg(folder.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Judged {
    /// Nothing is wrong with it.
    pub fn is_proven(&self) {
        assert_eq!((self.code, self.violated()), (0, vec![]), "{:#}{}", self.report, self.error);
    }

    /// These rows are violated, and no others.
    pub fn is_violated_in(&self, rows: &[(&str, &str)]) {
        let rows: Vec<(String, String)> =
            rows.iter().map(|(row, pipeline)| ((*row).to_owned(), (*pipeline).to_owned())).collect();
        assert_eq!((self.code, self.violated()), (1, rows), "{:#}{}", self.report, self.error);
    }

    /// It cannot be judged, for this reason, said in one line.
    pub fn is_unreadable(&self, why: &str) {
        assert_eq!(self.code, 2, "{:#}", self.report);
        assert!(self.error.contains(why), "{}", self.error);
        assert_eq!(self.error.lines().count(), 1, "{}", self.error);
    }

    /// Nothing is violated, and this is missing.
    pub fn lacks(&self, what: &str) {
        assert_eq!((self.code, self.violated()), (3, vec![]), "{:#}{}", self.report, self.error);
        assert_eq!(self.report["missing"], json!([what]));
    }

    /// All trails of a row's first violation.
    pub fn trail(&self, name: &str, pipeline: &str) -> String {
        let rows = self.report["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name && row["pipeline"] == pipeline).unwrap();
        let lines = row["examples"][0]["trail"].as_array().unwrap();
        lines.iter().map(|line| format!("{}\n", line.as_str().unwrap())).collect()
    }

    fn violated(&self) -> Vec<(String, String)> {
        let rows = self.report["rows"].as_array().map_or(&[][..], Vec::as_slice);
        let violated = rows.iter().filter(|row| row["ok"] == false);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        violated.map(|row| (text(&row["name"]), text(&row["pipeline"]))).collect()
    }
}

/// An effect's id.
pub fn effect(pipeline: &str, key: &str) -> String {
    format!("{pipeline}/k/{key}/0")
}

/// A line of the ledger, or of what was ever sent.
pub fn sent(pipeline: &str, ms: u64, event: &str, expect: &[&str]) -> Value {
    json!({"pipeline": pipeline, "entry": at(ms), "event": event, "expect": expect, "payload": event,
        "dead": false, "phase": "storm"})
}
