//! Hosts that share one pipeline from stream to stream.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;

use crate::redis::Redis;
use crate::run::{Bench, Ended, oncegate, plugin};
use crate::wait::until;
use crate::wire::Wire;
use crate::{signal, stream};

/// What all hosts of a test have in common: where everything is, and their settings.
#[derive(Debug)]
pub struct Hosts {
    bench: Arc<Bench>,
    settings: BTreeMap<String, String>,
    started: Cell<u32>,
}

/// Short times, in the order that the rules want: a handler's limit, the lease, the take-over.
const SETTINGS: [(&str, &str); 12] = [
    ("policy.handler_limit", "'1s'"),
    ("policy.margin", "'500ms'"),
    ("policy.lease", "'3s'"),
    ("input.take_over", "'4s'"),
    ("policy.backoff_min", "'10ms'"),
    ("policy.backoff_max", "'500ms'"),
    ("policy.in_flight_wait", "'500ms'"),
    ("policy.keep", "'2m'"),
    ("policy.window", "'1h'"),
    ("output.topics", "['*']"),
    ("policy.namespace", "'probe'"),
    ("run.threads", "2"),
];

/// What the operator of a new store allows.
const INIT: &[&str] = &["--init-store"];

impl Hosts {
    /// Everything on one Redis, or on the cluster that it belongs to: the stream `orders`, read by the group `g`, the
    /// streams `effects` and `dead`, and the store.
    pub fn on(redis: &Redis) -> Self {
        let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let hosts = Self { bench: Arc::default(), settings: settings.into(), started: Cell::new(0) };
        let input = format!("'{}?group=g&start=0'", redis.stream("orders"));
        hosts
            .set("plugin.path", &format!("'{}'", plugin("probe").canonicalize().unwrap().display()))
            .set("input.path", &input)
            .set("output.path", &format!("'{}'", redis.stream("effects")))
            .set("dead_letters.path", &format!("'{}'", redis.stream("dead")))
            .set("store.url", &format!("'{}'", redis.url()))
    }

    /// With this setting, written as in TOML.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Without this setting.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.settings.remove(name);
        self
    }

    /// The same pipeline for hosts of which one setting differs.
    #[must_use]
    pub fn but(&self, name: &str, value: &str) -> Self {
        let hosts = Self { bench: Arc::default(), settings: self.settings.clone(), started: Cell::new(0) };
        hosts.set(name, value)
    }

    /// With the store elsewhere: the settle is ordered then, and outputs go out before the marks.
    #[must_use]
    pub fn with_store(self, store: &Redis) -> Self {
        self.set("store.url", &format!("'{}'", store.url()))
    }

    /// Starts one.
    pub fn start(&self) -> Host {
        self.start_over(&[], INIT)
    }

    /// Starts one whose connections go through this wire, or these.
    pub fn start_through(&self, wires: &[&Wire]) -> Host {
        self.start_over(wires, INIT)
    }

    /// Starts one with further arguments, and without anything that the operator has to allow.
    pub fn start_with(&self, arguments: &[&str]) -> Host {
        self.start_over(&[], arguments)
    }

    fn start_over(&self, wires: &[&Wire], arguments: &[&str]) -> Host {
        let number = self.started.replace(self.started.get() + 1);
        let text = wires.iter().fold(self.text(), |text, wire| wire.through(&text));
        let config = self.bench.write(&format!("host{number}.toml"), text);
        let (out, err) =
            (self.bench.path(&format!("{number}.out")), self.bench.path(&format!("{number}.err")));
        let mut command = oncegate();
        command
            .current_dir(self.bench.path("."))
            .args(["run", "--json", "--config"])
            .arg(config)
            .args(arguments);
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Host { child: command.spawn().unwrap(), out, err, _bench: Arc::clone(&self.bench) }
    }

    /// The settings as a file.
    fn text(&self) -> String {
        let mut tables: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in &self.settings {
            let (table, name) = name.rsplit_once('.').unwrap();
            tables.entry(table).or_default().push_str(&format!("{name} = {value}\n"));
        }
        tables.iter().map(|(table, lines)| format!("[{table}]\n{lines}\n")).collect()
    }
}

/// A host that was started. It is gone when dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    /// The folder where it is.
    _bench: Arc<Bench>,
}

impl Host {
    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without notice.
    pub fn kill(&mut self) {
        signal::kill(self.pid());
        self.child.wait().unwrap();
    }

    /// Stops it where it stands.
    pub fn stop(&self) {
        signal::stop(self.pid());
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        signal::go_on(self.pid());
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }

    /// Waits until it has said this.
    pub fn wait_until_it_says(&mut self, words: &str) {
        until(&format!("a host says {words:?}: {}", self.err.display()), || {
            self.said().contains(words) || !self.is_running()
        });
        assert!(self.said().contains(words), "it ended without saying {words:?}: {}", self.said());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        until("a host ends", || !self.is_running());
        let code = self.child.wait().unwrap().code();
        Ended { code, stdout: std::fs::read_to_string(&self.out).unwrap(), stderr: self.said() }
    }

    /// Asks it to finish, and waits for its end, which has to be a good one.
    pub fn drain(self) -> Ended {
        signal::drain(self.pid());
        let ended = self.end();
        assert_eq!(ended.code, Some(7), "{ended:?}");
        ended
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Gone already if the test has waited for its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("a host said:\n{}", self.said());
        }
    }
}

/// Sends what has an effect once for each key, every third message twice, and gives the keys.
pub fn send(client: &mut crate::Client, prefix: &str, count: usize) -> Vec<String> {
    let (messages, keys) = stream::effects(prefix, count);
    stream::produce(client, "orders", &messages);
    keys
}
