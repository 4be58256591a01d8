//! Sends payments to the watched pipeline and looks when each is charged.

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use super::figures::Figures;

/// Messages that may be on their way while the pipeline is fed as fast as it takes them.
const AHEAD: usize = 4_096;

/// How long the pipeline is fed before the measurement begins.
const WARM_UP: Duration = Duration::from_secs(1);

/// Messages a second at the steady pace: a small part of what the pipeline can, so that none waits for the one before.
const PACE: usize = 1_000;

/// For how long nothing may come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known of one run.
pub struct Probe {
    input: Mutex<ChildStdin>,
    seen: Arc<Seen>,
    started: Instant,
}

struct Seen {
    started: Instant,
    done: AtomicUsize,
    /// When each payment was charged, by its number.
    at: Mutex<Vec<Option<Duration>>>,
    last_words: Mutex<String>,
}

impl Probe {
    /// Takes the process's ends, and reads what comes out of them.
    pub fn start(child: &mut Child) -> Result<Self> {
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut errors = BufReader::new(child.stderr.take().context("no standard error")?);
        let started = Instant::now();
        let seen = Arc::new(Seen {
            started,
            done: AtomicUsize::new(0),
            at: Mutex::default(),
            last_words: Mutex::default(),
        });
        let charged = Arc::clone(&seen);
        spawn(move || output.lines().map_while(Result::ok).for_each(|line| charged.charged(&line)));
        let said = Arc::clone(&seen);
        // Somebody always reads a host's log; here it is only kept if it may say why the host ended.
        spawn(move || {
            let mut line = Vec::new();
            while errors.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                if line.starts_with(b"oncegate: ") {
                    *said.words() = String::from_utf8_lossy(&line).trim().to_owned();
                }
                line.clear();
            }
        });
        Ok(Self { input: Mutex::new(input), seen, started })
    }

    /// What the host said last.
    pub fn last_words(&self) -> String {
        self.seen.words().clone()
    }

    /// As fast as it goes, then at a steady pace.
    pub fn measure(&self, part: Duration) -> Result<Figures> {
        let mut next = 0;
        // Compiling and opening are done once the first one is back.
        self.send(&mut next, 1)?;
        self.wait_for(next)?;
        self.feed(&mut next, WARM_UP)?;
        let (before, began) = (self.seen.done(), Instant::now());
        self.feed(&mut next, part)?;
        let rate = (self.seen.done() - before) as f64 / began.elapsed().as_secs_f64();
        self.wait_for(next)?;
        Ok(Figures::new(rate, self.pace(&mut next, part)?))
    }

    fn feed(&self, next: &mut usize, time: Duration) -> Result<()> {
        const CHUNK: usize = 128;
        let began = Instant::now();
        while began.elapsed() < time {
            if *next < self.seen.done() + AHEAD - CHUNK {
                self.send(next, CHUNK)?;
            } else {
                sleep(Duration::from_micros(500));
            }
        }
        Ok(())
    }

    fn pace(&self, next: &mut usize, time: Duration) -> Result<Vec<Duration>> {
        let (first, began) = (*next, self.started.elapsed());
        let every = Duration::from_secs(1) / PACE as u32;
        let count = PACE * time.as_secs() as usize;
        for number in 0..count {
            // What should have been sent by now counts from when it should have been: waiting hides no delay.
            let due = began + every * number as u32;
            sleep(due.saturating_sub(self.started.elapsed()));
            self.send(next, 1)?;
        }
        self.wait_for(*next)?;
        let at = self.seen.at.lock().unwrap_or_else(PoisonError::into_inner);
        let took = |number: usize| {
            let at = at.get(first + number).copied().flatten();
            at.map(|at| at.saturating_sub(began + every * number as u32))
        };
        (0..count).map(|number| took(number).context("a payment was not charged")).collect()
    }

    fn send(&self, next: &mut usize, count: usize) -> Result<()> {
        let mut text = String::new();
        for number in *next..*next + count {
            text.push_str(&format!(
                "{{\"id\":\"m{number}\",\"payload\":{{\"payment_id\":\"pay-{number}\",\"account\":\"acc-1\",\
                 \"amount_cents\":100,\"currency\":\"EUR\"}}}}\n"
            ));
        }
        *next += count;
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        input.write_all(text.as_bytes()).context("the host takes nothing")
    }

    fn wait_for(&self, count: usize) -> Result<()> {
        let (mut done, mut since) = (self.seen.done(), Instant::now());
        while done < count {
            sleep(Duration::from_millis(1));
            if self.seen.done() > done {
                (done, since) = (self.seen.done(), Instant::now());
            }
            ensure!(
                since.elapsed() < PATIENCE,
                "nothing is charged any more, after {done} of {count} payments"
            );
        }
        Ok(())
    }
}

impl Seen {
    fn done(&self) -> usize {
        self.done.load(Ordering::Acquire)
    }

    fn words(&self) -> std::sync::MutexGuard<'_, String> {
        self.last_words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charged(&self, line: &str) {
        let now = self.started.elapsed();
        let digits = line.split_once("pay-").map_or("", |(_, rest)| rest);
        let digits = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let Ok(number) = digits.parse::<usize>() else { return };
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.len() <= number {
            at.resize(number + 1, None);
        }
        if let Some(place @ None) = at.get_mut(number) {
            *place = Some(now);
            self.done.fetch_add(1, Ordering::Release);
        }
    }
}
