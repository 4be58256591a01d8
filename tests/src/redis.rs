//! A redis-server of a test's own.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::FromRedisValue;
use tempfile::TempDir;

use crate::client::Client;
use crate::wait::until_within;
use crate::{port, signal};

/// A server on a free port, gone when dropped.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    server: Child,
}

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

impl Redis {
    /// Starts a server that keeps what it was told (`appendfsync always`).
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a replica of this one, and waits until it has everything.
    pub fn replica(&self) -> Self {
        let replica = Self::with(&[
            "--replicaof",
            "127.0.0.1",
            &self.port.to_string(),
            "--repl-diskless-sync-delay",
            "0",
        ]);
        until_within(PATIENCE, "the replica follows", || {
            replica.ask::<String>(&["INFO", "replication"]).contains("master_link_status:up")
        });
        replica
    }

    /// Starts a server with further settings, which lie over the usual ones.
    pub fn with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = port::free();
        let arguments: Vec<String> = settings.iter().map(|&word| word.to_owned()).collect();
        let server = spawn(folder.path(), port, &arguments);
        let redis = Self { folder, port, arguments, server };
        redis.wait();
        redis
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The URL of one of its streams.
    pub fn stream(&self, name: &str) -> String {
        format!("redis-stream://127.0.0.1:{}/{name}", self.port)
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::to(self.port)
    }

    /// Asks it something, as one does on a command line.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.client().ask(words)
    }

    /// Kills it without notice.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Whether it has not ended, be it by itself.
    pub fn is_running(&mut self) -> bool {
        self.server.try_wait().unwrap().is_none()
    }

    /// Starts it again on the same port, with what is on its disk.
    pub fn restart(&mut self) {
        self.server = spawn(self.folder.path(), self.port, &self.arguments);
        self.wait();
    }

    /// Stops it where it stands.
    pub fn stop(&self) {
        signal::stop(self.server.id());
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        signal::go_on(self.server.id());
    }

    /// What is on its disk now, as an old file that somebody restores later.
    pub fn old_file(&self) -> TempDir {
        let old = tempfile::tempdir().unwrap();
        copy(self.folder.path(), old.path());
        old
    }

    /// Puts something else on its disk, which is emptied first. It must not be running.
    pub fn put_back(&self, old: &Path) {
        self.wipe();
        copy(old, self.folder.path());
    }

    /// Empties its disk. It must not be running.
    pub fn wipe(&self) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            removed.unwrap();
        }
    }

    fn wait(&self) {
        until_within(PATIENCE, "the redis-server answers", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && self.client().try_ask::<()>(&["PING"]).is_ok()
        });
    }
}

fn spawn(folder: &Path, port: u16, settings: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.current_dir(folder).args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]).args(settings);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("redis-server starts")
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Gone already if the test killed it.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
