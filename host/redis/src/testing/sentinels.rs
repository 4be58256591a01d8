//! A primary, its replica and three sentinels of a test's own.

use std::ffi::OsString;

use redis::{Value, cmd};

use super::process::{Process, free_port, wait_until};
use super::server::{RedisServer, ServerOptions};

/// What the sentinels call the primary.
pub const NAME: &str = "main";

/// What a sentinel writes into its log once it is at work.
const READY: &str = "+monitor master";

/// A primary with a replica, watched by three sentinels that take it for failed after half a second. All are killed
/// when this is dropped, also by a panic.
#[derive(Debug)]
pub struct Sentinels {
    sentinels: Vec<Sentinel>,
    /// Two, one of which is the primary.
    servers: [RedisServer; 2],
}

#[derive(Debug)]
struct Sentinel {
    port: u16,
    password: Option<String>,
    process: Process,
}

impl Sentinels {
    /// Starts all of them and waits until they know one another.
    pub fn start() -> Self {
        Self::with_password(None)
    }

    /// The same with a password that the sentinels ask for.
    pub fn with_password(password: Option<&str>) -> Self {
        let primary = RedisServer::start(ServerOptions::default());
        let replica = primary.replica();
        let sentinels = (0..3).map(|_| Sentinel::start(&primary, password)).collect();
        let group = Self { sentinels, servers: [primary, replica] };
        wait_until("the sentinels know one another and the replica", || {
            group.sentinels.iter().all(|sentinel| {
                sentinel.said("num-other-sentinels") == "2" && sentinel.said("num-slaves") == "1"
            })
        });
        group
    }

    /// A URL that names the sentinels.
    pub fn url(&self) -> String {
        let addresses: Vec<String> =
            self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("redis://{}?sentinel={NAME}", addresses.join(","))
    }

    /// The two servers.
    pub fn servers(&self) -> &[RedisServer; 2] {
        &self.servers
    }

    /// One of them.
    pub fn server_mut(&mut self, number: usize) -> &mut RedisServer {
        &mut self.servers[number]
    }

    /// The number of the server that all sentinels take for the primary.
    pub fn primary(&self) -> usize {
        let mut found = None;
        wait_until("the sentinels agree", || {
            let running = self.sentinels.iter().filter(|sentinel| sentinel.process.runs());
            let ports: Vec<u16> = running.map(Sentinel::primary_port).collect();
            let agreed = ports.windows(2).all(|pair| pair[0] == pair[1]);
            found = self.servers.iter().position(|server| agreed && ports.first() == Some(&server.port()));
            found.is_some()
        });
        found.expect("one of these servers")
    }

    /// Makes the other server the primary while both run, and waits until the sentinels say so.
    pub fn promote(&self) {
        let before = self.primary();
        // Right after the start, or after another failover, they may refuse for a while.
        wait_until("a sentinel begins the failover", || {
            let mut failover = cmd("SENTINEL");
            failover.arg("FAILOVER").arg(NAME);
            failover.exec(&mut self.sentinels[0].connection()).is_ok()
        });
        wait_until("the other server is the primary", || self.primary() != before);
    }

    /// Stops a sentinel; its socket still takes connections and answers none.
    pub fn stall_sentinel(&self, number: usize) {
        self.sentinels[number].process.signal(rustix::process::Signal::STOP);
    }

    /// Kills a sentinel.
    pub fn kill_sentinel(&mut self, number: usize) {
        self.sentinels[number].process.kill();
    }
}

impl Sentinel {
    fn start(primary: &RedisServer, password: Option<&str>) -> Self {
        let mut last = String::new();
        for _ in 0..5 {
            let (port, password) = (free_port(), password.map(str::to_owned));
            let mut sentinel = Self { port, password, process: Process::new() };
            match sentinel.launch(primary) {
                Ok(()) => return sentinel,
                Err(why) => last = why,
            }
        }
        panic!("the sentinel does not start: {last}");
    }

    fn launch(&mut self, primary: &RedisServer) -> Result<(), String> {
        let mut settings = format!(
            "port {}\nbind 127.0.0.1\nlogfile log\n\
             sentinel monitor {NAME} 127.0.0.1 {} 2\n\
             sentinel down-after-milliseconds {NAME} 500\n\
             sentinel failover-timeout {NAME} 3000\n",
            self.port,
            primary.port(),
        );
        if let Some(password) = &self.password {
            settings += &format!("requirepass {password}\nsentinel sentinel-pass {password}\n");
        }
        std::fs::write(self.process.folder().join("settings"), settings)
            .map_err(|error| error.to_string())?;
        let arguments: Vec<OsString> = ["settings", "--sentinel"].map(OsString::from).to_vec();
        self.process.launch(&arguments, READY)
    }

    fn connection(&self) -> redis::Connection {
        let login = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        let client =
            redis::Client::open(format!("redis://{login}127.0.0.1:{}", self.port)).expect("a client");
        client.get_connection().expect("the sentinel can be reached")
    }

    fn primary_port(&self) -> u16 {
        let mut question = cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(NAME);
        let (_, port): (String, u16) = question.query(&mut self.connection()).expect("a primary");
        port
    }

    /// What it knows of the primary under this name.
    fn said(&self, name: &str) -> String {
        let mut question = cmd("SENTINEL");
        question.arg("MASTER").arg(NAME);
        let told: Value = question.query(&mut self.connection()).expect("what it knows");
        let told: std::collections::HashMap<String, String> =
            redis::from_redis_value(told).expect("names and values");
        told.get(name).cloned().unwrap_or_default()
    }
}
