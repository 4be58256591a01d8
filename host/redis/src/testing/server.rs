//! A real Redis for tests: started on a free port in a folder of its own, and gone with the test.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a server is to be started.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Keep everything on disk, synced with every write, so that a killed server forgets nothing.
    pub durable: bool,
    /// Further settings, as on the command line: `["--maxmemory-policy", "allkeys-lru"]`.
    pub settings: Vec<String>,
    /// Certificate, key and authority (PEM files): TLS on the port, and nothing else.
    pub tls: Option<[PathBuf; 3]>,
}

/// Tells the folders of one process's servers apart: two may be given one port, until one of them fails.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// What a server writes into its log once it takes connections.
const READY: &str = "Ready to accept connections";

/// A `redis-server`. Killed when it is dropped, also by a panic.
#[derive(Debug)]
pub struct RedisServer {
    folder: PathBuf,
    port: u16,
    options: ServerOptions,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it takes connections. Its binary is `redis-server` on the path, or what
    /// the variable `REDIS_SERVER` names.
    pub fn start(options: ServerOptions) -> Self {
        let mut last = String::new();
        // Another process may take the port between our asking for a free one and the server's start.
        for _ in 0..5 {
            let port = free_port();
            let number = STARTED.fetch_add(1, Ordering::SeqCst);
            let folder = std::env::temp_dir().join(format!("oncegate-redis-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder for the server");
            let mut server = Self { folder, port, options: options.clone(), process: None };
            match server.launch() {
                Ok(()) => return server,
                Err(why) => last = why,
            }
        }
        panic!("redis-server does not start: {last}");
    }

    fn launch(&mut self) -> Result<(), String> {
        let binary = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let mut command = Command::new(binary);
        let port = self.port.to_string();
        let log = self.folder.join("log");
        // The word of a server before this one does not count.
        let _ = std::fs::remove_file(&log);
        command.current_dir(&self.folder).args(["--bind", "127.0.0.1", "--save", "", "--logfile", "log"]);
        match &self.options.tls {
            None => command.args(["--port", &port]),
            Some([certificate, key, authority]) => command
                .args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"])
                .arg("--tls-cert-file")
                .arg(certificate)
                .arg("--tls-key-file")
                .arg(key)
                .arg("--tls-ca-cert-file")
                .arg(authority),
        };
        if self.options.durable {
            command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        command.args(&self.options.settings).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().map_err(|error| error.to_string())?);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(Ok(Some(status))) = self.process.as_mut().map(Child::try_wait) {
                return Err(format!("{status}: {log}"));
            }
            // By its own word: that somebody answers on the port may be another server's doing.
            if log.contains(READY) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("it takes no connections".to_owned())
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without TLS.
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address())
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills it at once, as `kill -9` would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
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
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets a stalled server go on.
    pub fn go_on(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let process = self.process.as_ref().expect("a running server");
        let pid = rustix::process::Pid::from_child(process);
        rustix::process::kill_process(pid, signal).expect("the server takes signals");
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

    /// How often a command was called, by the server's own count.
    pub fn calls(&self, command: &str) -> u64 {
        let info: String = redis::cmd("INFO")
            .arg("commandstats")
            .query(&mut self.connection())
            .expect("the server counts its commands");
        let prefix = format!("cmdstat_{command}:calls=");
        let line = info.lines().find_map(|line| line.strip_prefix(&prefix));
        line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}
