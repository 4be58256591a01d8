//! A process of a test's own, with a folder of its own.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long something may take that a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Tells the folders of one process's servers apart: two may be given one port, until one of them fails.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A process that writes `log` into its folder. Killed when it is dropped, also by a panic, and its folder removed.
#[derive(Debug)]
pub struct Process {
    folder: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// A folder, and no process yet.
    pub fn new() -> Self {
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("oncegate-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the server");
        Self { folder, child: None }
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts `redis-server`, or what the variable `REDIS_SERVER` names, and waits until it has logged `ready`.
    pub fn launch(&mut self, arguments: &[OsString], ready: &str) -> Result<(), String> {
        let binary = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let log = self.folder.join("log");
        // The word of a process before this one does not count.
        let _ = std::fs::remove_file(&log);
        let mut command = Command::new(binary);
        command.current_dir(&self.folder).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().map_err(|error| error.to_string())?);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(format!("{status}: {log}"));
            }
            // By its own word: that somebody answers on the port may be another server's doing.
            if log.contains(ready) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("it takes no connections".to_owned())
    }

    /// Kills it at once, as `kill -9` would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether it was not killed.
    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let child = self.child.as_ref().expect("a running server");
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, signal).expect("the server takes signals");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}

/// Waits until `done`, and fails with `what` if that does not come.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
