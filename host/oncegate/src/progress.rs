//! The live line on a terminal.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::summary::{End, Event, Tally};

const EVERY: Duration = Duration::from_millis(200);

/// Shows how far a run is, until it is dropped.
#[derive(Debug)]
pub struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Shows nothing unless `on`.
    pub fn start(tallies: Vec<Arc<Tally>>, on: bool) -> Self {
        if !on {
            return Self { running: None };
        }
        let (stop, stopped) = channel::<()>();
        let show = move || {
            let started = Instant::now();
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                eprint!("\r\x1b[K{}", line(&tallies, started.elapsed()));
            }
            eprint!("\r\x1b[K");
        };
        // Without the thread there is no line, which is no reason to fail.
        let running = std::thread::Builder::new().name("progress".to_owned()).spawn(show).ok();
        Self { running: running.map(|thread| (stop, thread)) }
    }
}

/// All pipelines together.
fn line(tallies: &[Arc<Tally>], elapsed: Duration) -> String {
    let count = |event| tallies.iter().map(|tally| tally.count(event)).sum::<u64>();
    let ended = |end| tallies.iter().map(|tally| tally.ended(end)).sum::<u64>();
    let read = count(Event::Read);
    let duplicates: u64 =
        [End::DuplicateL1, End::DuplicateStore, End::DuplicateWaited].into_iter().map(ended).sum();
    let applied = ended(End::Applied);
    let dead = count(Event::DeadLetter);
    let rate = read as f64 / elapsed.as_secs_f64().max(1e-9);
    let held = match count(Event::HeldMs) / 1000 {
        0 => String::new(),
        seconds => format!(", held back for {seconds} s"),
    };
    format!("{read} read, {applied} applied, {duplicates} duplicates, {dead} dead letters, {rate:.0}/s{held}")
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}
