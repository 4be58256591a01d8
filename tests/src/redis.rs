//! A redis-server of a test's own.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server on a free port, gone when dropped.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    server: Child,
}

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Redis {
    /// Starts a server that keeps what it was told (`appendfsync always`).
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = spawn(&folder, port);
        let redis = Self { folder, port, server };
        redis.wait();
        redis
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it without notice.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again on the same port, with what is on its disk.
    pub fn restart(&mut self) {
        self.server = spawn(&self.folder, self.port);
        self.wait();
    }

    fn wait(&self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "the redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn spawn(folder: &TempDir, port: u16) -> Child {
    let mut command = Command::new("redis-server");
    command.current_dir(folder.path()).args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
    ]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("redis-server starts")
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Gone already if the test killed it.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
