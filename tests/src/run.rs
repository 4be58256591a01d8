//! Runs of the real binary.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::line::{Line, lines};

/// A folder of its own for one test, with the usual names.
#[derive(Debug)]
pub struct Bench {
    folder: TempDir,
}

impl Default for Bench {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
}

impl Bench {
    /// The path of a name in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Writes the input: one envelope for each payload, with ids m0, m1, ….
    pub fn messages(&self, payloads: &[Value]) {
        let line = |(index, payload): (usize, &Value)| {
            format!("{}\n", json!({"id": format!("m{index}"), "topic": "t", "payload": payload}))
        };
        let text: String = payloads.iter().enumerate().map(line).collect();
        self.write("in.ndjson", text);
    }

    /// A run of a plugin over the usual files on the embedded store.
    pub fn run(&self, plugin: &str) -> Run {
        self.run_on(plugin, &format!("file:{}", self.path("gate.db").display()))
    }

    /// A run of a plugin over the usual files on another store.
    pub fn run_on(&self, plugin: &str, store: &str) -> Run {
        self.run_over(plugin, store, "in.ndjson")
    }

    /// A run of a plugin over another input.
    pub fn run_over(&self, plugin: &str, store: &str, input: &str) -> Run {
        let mut command = oncegate();
        command.current_dir(self.folder.path()).arg("run").arg("--json");
        command.arg("--plugin").arg(crate::run::plugin(plugin)).args(["--store", store]);
        command.args(["--input", input, "--output", "out.ndjson", "--topics", "*"]);
        if store.starts_with("redis") {
            // A server that a test has just started holds no store yet.
            command.arg("--init-store");
        }
        Run { command }
    }

    /// The output's lines.
    pub fn output(&self) -> Vec<Line> {
        lines(&self.path("out.ndjson"))
    }

    /// The dead letters.
    pub fn dead_letters(&self) -> Vec<Line> {
        lines(&self.path("out.ndjson.dead.ndjson"))
    }
}

/// The binary under test.
pub fn oncegate() -> Command {
    let path = std::env::var_os("ONCEGATE_BIN").map(PathBuf::from).unwrap_or_else(|| built("debug/oncegate"));
    assert!(path.exists(), "{} is missing: `cargo xtask test` builds it", path.display());
    let mut command = Command::new(path);
    // Compiled once for all tests, and not beside what the user of this machine has compiled.
    command.env("XDG_CACHE_HOME", built("cache")).env_remove("CACHE_DIRECTORY");
    command
}

/// A plugin's component.
pub fn plugin(name: &str) -> PathBuf {
    let folder = std::env::var_os("ONCEGATE_PLUGINS").map(PathBuf::from).unwrap_or_else(|| built("plugins"));
    let path = folder.join(name).with_extension("wasm");
    assert!(path.exists(), "{} is missing: `cargo xtask plugins` builds it", path.display());
    path
}

pub(crate) fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(name)
}

/// A run that is to be started.
#[derive(Debug)]
pub struct Run {
    command: Command,
}

impl Run {
    /// With these further arguments.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// With this variable in its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it and does not wait.
    pub fn start(mut self) -> Child {
        let command = self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs it to its end.
    pub fn end(self) -> Ended {
        Ended::new(self.start().wait_with_output().unwrap())
    }

    /// Runs it to its end, which has to be a good one.
    pub fn ok(self) -> Ended {
        let ended = self.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote on standard output.
    pub stdout: String,
    /// What it wrote on standard error.
    pub stderr: String,
}

impl Ended {
    /// From what the operating system says of it.
    pub fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The summary.
    pub fn summary(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The ends of the deliveries, whose sum has to be what was read.
    pub fn ends(&self) -> Ends {
        let summary = self.summary();
        let ends = Ends(summary["ends"].clone());
        let sum: u64 = ends.0.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(sum, summary["read"].as_u64().unwrap(), "{summary}");
        ends
    }

    /// What it wrote on standard error beyond the line that every run begins with.
    pub fn complaints(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| !line.starts_with("oncegate: rights ")).collect()
    }

    /// The one line of a failure.
    pub fn error(&self) -> &str {
        let mut lines = self.stderr.lines().filter(|line| line.starts_with("oncegate: "));
        let line = lines.next_back().unwrap_or_else(|| panic!("no error line: {self:?}"));
        line.strip_prefix("oncegate: ").unwrap()
    }
}

/// How many deliveries ended how.
#[derive(Debug)]
pub struct Ends(Value);

impl Ends {
    /// So many ended so.
    pub fn of(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or_else(|| panic!("no end {name:?} in {}", self.0))
    }

    /// All duplicates, whoever knew them.
    pub fn duplicates(&self) -> u64 {
        ["duplicate_l1", "duplicate_store", "duplicate_waited"].into_iter().map(|name| self.of(name)).sum()
    }

    /// Checks all ends at once: those that are named, and that there are no others.
    pub fn are(&self, expected: &[(&str, u64)]) {
        let others = self.0.as_object().unwrap().iter().filter(|(_, count)| count.as_u64() != Some(0));
        let mut found: Vec<(&str, u64)> =
            others.map(|(name, count)| (name.as_str(), count.as_u64().unwrap())).collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}
