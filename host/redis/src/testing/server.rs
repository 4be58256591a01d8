//! A real Redis for tests: started on a free port in a folder of its own, and gone with the test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::process::{PATIENCE, Process, free_port, wait_until};

/// How a server is to be started.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Keep everything on disk, synced with every write, so that a killed server forgets nothing.
    pub durable: bool,
    /// Further settings, as on the command line: `["--maxmemory-policy", "allkeys-lru"]`.
    pub settings: Vec<String>,
    /// Certificate, key and authority (PEM files): TLS on the port, and nothing else.
    pub tls: Option<[PathBuf; 3]>,
    /// A replica of the server on this port.
    pub replica_of: Option<u16>,
    /// A node of a cluster, which still has to meet the others.
    pub cluster: bool,
}

/// What a server writes into its log once it takes connections.
const READY: &str = "Ready to accept connections";

/// A `redis-server`. Killed when it is dropped, also by a panic.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    port: u16,
    /// Where nodes of a cluster talk to one another.
    bus: u16,
    options: ServerOptions,
}

impl RedisServer {
    /// Starts a server and waits until it takes connections. Its binary is `redis-server` on the path, or what
    /// the variable `REDIS_SERVER` names.
    pub fn start(options: ServerOptions) -> Self {
        let mut last = String::new();
        // Another process may take the port between our asking for a free one and the server's start.
        for _ in 0..5 {
            let (port, bus) = (free_port(), free_port());
            let mut server = Self { process: Process::new(), port, bus, options: options.clone() };
            match server.launch() {
                Ok(()) => return server,
                Err(why) => last = why,
            }
        }
        panic!("redis-server does not start: {last}");
    }

    /// Starts a replica of this server, and waits until it has all that this one has.
    pub fn replica(&self) -> Self {
        let replica_of = Some(self.port);
        let replica = Self::start(ServerOptions { replica_of, ..ServerOptions::default() });
        wait_until("the replica is in step", || replica.info("master_link_status") == "up");
        replica
    }

    fn launch(&mut self) -> Result<(), String> {
        let arguments = self.arguments();
        self.process.launch(&arguments, READY)
    }

    fn arguments(&self) -> Vec<OsString> {
        let port = self.port.to_string();
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |more: &[&str]| arguments.extend(more.iter().map(OsString::from));
        add(&["--bind", "127.0.0.1", "--save", "", "--logfile", "log"]);
        // A replica that comes is served at once, not when others may have come, too.
        add(&["--repl-diskless-sync-delay", "0"]);
        match &self.options.tls {
            None => add(&["--port", &port]),
            Some([certificate, key, authority]) => {
                add(&["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
                for (name, path) in [
                    ("--tls-cert-file", certificate),
                    ("--tls-key-file", key),
                    ("--tls-ca-cert-file", authority),
                ] {
                    add(&[name, path.to_str().expect("a path that is text")]);
                }
            }
        }
        if self.options.durable {
            add(&["--appendonly", "yes", "--appendfsync", "always"]);
        }
        if let Some(primary) = self.options.replica_of {
            add(&["--replicaof", &format!("127.0.0.1 {primary}")]);
        }
        if self.options.cluster {
            let bus = self.bus.to_string();
            add(&["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "1000"]);
        }
        arguments.extend(self.options.settings.iter().map(OsString::from));
        arguments
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens for other nodes of its cluster.
    pub fn bus(&self) -> u16 {
        self.bus
    }

    /// Its URL, without TLS.
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address())
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }

    /// Kills it at once, as `kill -9` would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Whether it was not killed.
    pub fn runs(&self) -> bool {
        self.process.runs()
    }

    /// Starts it again on the same port and with the same files.
    pub fn restart(&mut self) {
        self.kill();
        let until = Instant::now() + PATIENCE;
        // The port may still be held by what is left of the old connections.
        while let Err(why) = self.launch() {
            self.kill();
            assert!(Instant::now() < until, "redis-server does not start again: {why}");
        }
    }

    /// Stops it in the middle of whatever it does; its socket still takes connections and answers none.
    pub fn stall(&self) {
        self.process.signal(rustix::process::Signal::STOP);
    }

    /// Lets a stalled server go on.
    pub fn go_on(&self) {
        self.process.signal(rustix::process::Signal::CONT);
    }

    /// A connection for the test itself, which a library may use as it likes.
    pub fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("a client");
        let until = Instant::now() + PATIENCE;
        loop {
            match client.get_connection() {
                Ok(mut connection) => match redis::cmd("PING").query::<String>(&mut connection) {
                    Ok(_) => return connection,
                    Err(error) if Instant::now() > until => panic!("the server does not answer: {error}"),
                    // It may still be reading its files.
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                },
                Err(error) => panic!("the server cannot be reached: {error}"),
            }
        }
    }

    /// What it says of itself under this name in `INFO`, or nothing.
    pub fn info(&self, name: &str) -> String {
        let info: String = redis::cmd("INFO")
            .arg("everything")
            .query(&mut self.connection())
            .expect("what it says of itself");
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().to_owned()
    }

    /// How often a command was called, by the server's own count.
    pub fn calls(&self, command: &str) -> u64 {
        let line = self.info(&format!("cmdstat_{command}"));
        let count = line.strip_prefix("calls=").and_then(|line| line.split(',').next()?.parse().ok());
        count.unwrap_or(0)
    }
}
