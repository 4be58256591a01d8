//! A primary, its replica, and three Redis Sentinels that watch over them.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::client::Client;
use crate::port;
use crate::redis::Redis;
use crate::wait::until;

/// What the sentinels call it.
pub const NAME: &str = "main";

/// The five processes.
#[derive(Debug)]
pub struct Sentinels {
    /// The first primary.
    pub primary: Redis,
    /// The one that takes its place.
    pub replica: Redis,
    watchers: Vec<Watcher>,
}

#[derive(Debug)]
struct Watcher {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Sentinels {
    /// Starts them, and waits until they know each other.
    pub fn start() -> Self {
        let primary = Redis::start();
        let replica = primary.replica();
        let watchers: Vec<Watcher> = (0..3).map(|_| Watcher::start(primary.port())).collect();
        let sentinels = Self { primary, replica, watchers };
        until("the sentinels know each other and the replica", || {
            sentinels.watchers.iter().all(|watcher| {
                let mut client = Client::to(watcher.port);
                let about: String = client.try_ask(&["INFO", "sentinel"]).unwrap_or_default();
                about.contains("slaves=1,sentinels=3")
            })
        });
        sentinels
    }

    /// Where they are, as in a URL.
    pub fn addresses(&self) -> String {
        let addresses: Vec<String> =
            self.ports().into_iter().map(|port| format!("127.0.0.1:{port}")).collect();
        addresses.join(",")
    }

    /// Where each of them is.
    pub fn ports(&self) -> Vec<u16> {
        self.watchers.iter().map(|watcher| watcher.port).collect()
    }

    /// Where the primary is, as one of them says; none if none of them answers.
    pub fn primary_port(&self) -> Option<u16> {
        self.finder()()
    }

    /// What asks them where the primary is.
    pub fn finder(&self) -> impl Fn() -> Option<u16> + Send + 'static {
        let ports = self.ports();
        move || {
            let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
            let told = |port: &u16| Client::to(*port).try_ask::<(String, u16)>(&words).ok();
            ports.iter().find_map(told).map(|(_, port)| port)
        }
    }

    /// Waits until the replica has been made the primary.
    pub fn wait_until_promoted(&self) {
        until("the replica is promoted", || {
            self.replica.ask::<String>(&["INFO", "replication"]).contains("role:master")
        });
    }
}

impl Watcher {
    fn start(primary: u16) -> Self {
        let (port, folder) = (port::free(), tempfile::tempdir().unwrap());
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("redis-server");
        command.current_dir(folder.path()).arg(&file).arg("--sentinel");
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { port, process, _folder: folder }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_promoted_when_its_primary_dies() {
        let mut sentinels = Sentinels::start();
        sentinels.primary.ask::<()>(&["SET", "a", "1"]);
        sentinels.primary.ask::<()>(&["WAIT", "1", "5000"]);
        sentinels.primary.kill();
        sentinels.wait_until_promoted();
        assert_eq!(sentinels.replica.ask::<String>(&["GET", "a"]), "1");
    }
}
