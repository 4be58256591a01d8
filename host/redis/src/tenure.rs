//! A name that one process holds at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use redis::Value;
use rustix::time::{ClockId, clock_gettime};

use crate::{Part, Script, Server, wait};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("tenure.lua")));

/// Why a name cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotYours {
    /// Somebody else has it.
    #[error("{holder} holds it, and for {left_ms} ms at least")]
    Held {
        /// What the holder calls itself.
        holder: String,
        /// How much is left of its tenure, in milliseconds, unless it renews it.
        left_ms: u64,
    },
    /// The server does not answer.
    #[error("{0}")]
    Away(String),
}

/// A name that this process holds: taken for a time, and renewed by a thread of its own until this is dropped. A
/// process that is stopped for longer loses it, and hears of that when it goes on.
///
/// It keeps two processes from *beginning* the same work. Whoever loses it may be in the middle of something: what that
/// must not spoil needs a fence.
#[derive(Debug)]
pub struct Tenure {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: Arc<Server>,
    name: String,
    holder: String,
    life: Duration,
    /// When it was last asked for with success, in milliseconds since boot.
    held_since_ms: AtomicU64,
    over: Mutex<bool>,
    wake: Condvar,
}

impl Tenure {
    /// Takes a name for `life`, and goes on renewing it. `holder` says who this process is, and has to be told from
    /// every other one by it. `lost` is called once if the name is lost, with the reason: the server has not answered
    /// for as long as the name was taken for, or somebody else has it.
    pub fn take(
        server: &Arc<Server>,
        name: &str,
        holder: &str,
        life: Duration,
        lost: impl FnOnce(String) + Send + 'static,
    ) -> Result<Self, NotYours> {
        let shared = Arc::new(Shared {
            server: Arc::clone(server),
            name: format!("oncegate:held:{name}"),
            holder: holder.to_owned(),
            life,
            held_since_ms: AtomicU64::new(millis(now())),
            over: Mutex::new(false),
            wake: Condvar::new(),
        });
        shared.ask(life, false)?;
        let renewed = Arc::clone(&shared);
        let renew = move || {
            if let Some(why) = renewed.renew() {
                lost(why);
            }
        };
        let thread = std::thread::Builder::new().name("tenure".to_owned()).spawn(renew);
        let thread =
            thread.map_err(|error| NotYours::Away(format!("its thread cannot be started: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// To be asked whether the name still is this process's.
    pub fn hold(&self) -> Hold {
        Hold(Arc::clone(&self.shared))
    }
}

/// Whether a [`Tenure`] still holds, by this machine's clock alone: nothing that is slow to answer hides that it is over.
#[derive(Debug, Clone)]
pub struct Hold(Arc<Shared>);

impl Hold {
    /// Whether somebody else may have the name so soon, if it is not renewed. Never late, because the server began to
    /// count after this process did.
    pub fn is_over_in(&self, time: Duration) -> bool {
        self.0.is_run_out_in(time)
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        *self.shared.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it has nothing left to spoil.
            let _ = thread.join();
        }
        // So that the next one need not wait. If nobody answers, the time runs out by itself.
        let _ = self.shared.ask(Duration::ZERO, true);
    }
}

impl Shared {
    /// Renews the name until this is over; why it was lost, if it was.
    fn renew(&self) -> Option<String> {
        loop {
            let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.wake.wait_timeout_while(over, self.life / 4, |over| !*over);
            if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                return None;
            }
            match self.ask(self.life, true) {
                Ok(()) => {}
                Err(NotYours::Held { holder, .. }) if holder.is_empty() => {
                    // It ran out. Whoever has begun since then has it no more either, or nobody has.
                    return Some("its time ran out before it was renewed".to_owned());
                }
                Err(NotYours::Held { holder, .. }) => return Some(format!("{holder} holds it now")),
                Err(NotYours::Away(why)) if self.is_run_out_in(Duration::ZERO) => {
                    return Some(format!("it could not be renewed in time ({why})"));
                }
                Err(NotYours::Away(_)) => {}
            }
        }
    }

    fn is_run_out_in(&self, time: Duration) -> bool {
        let held_ms = millis(now()).saturating_sub(self.held_since_ms.load(Ordering::Acquire));
        held_ms.saturating_add(millis(time)) >= millis(self.life)
    }

    /// Asks, and notes when, if the name is this process's.
    fn ask(&self, life: Duration, renew: bool) -> Result<(), NotYours> {
        // Counted from before the question is sent: the server begins to count later.
        let asked_ms = millis(now());
        self.question(life, renew)?;
        self.held_since_ms.store(asked_ms, Ordering::Release);
        Ok(())
    }

    fn question(&self, life: Duration, renew: bool) -> Result<(), NotYours> {
        let mut part = Part::new(&SCRIPT);
        part.keys.push(self.name.as_bytes());
        part.args.push(self.holder.as_bytes());
        part.args.push_number(u64::try_from(life.as_millis()).unwrap_or(u64::MAX));
        part.args.push_number(u64::from(renew));
        part.answers = 1;
        match wait(self.server.ask(part)).map_err(NotYours::Away)?.into_iter().next() {
            Some(Value::Int(1)) => Ok(()),
            Some(Value::Array(parts)) => match parts.as_slice() {
                [Value::BulkString(holder), Value::Int(left_ms)] => Err(NotYours::Held {
                    holder: crate::text::shown(holder, 200),
                    left_ms: u64::try_from(*left_ms).unwrap_or(0),
                }),
                _ => Err(NotYours::Away("the server's answer is none that its script gives".to_owned())),
            },
            _ => Err(NotYours::Away("the server's answer is none that its script gives".to_owned())),
        }
    }
}

/// Time since boot, with what the machine was suspended for.
fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    // Both are positive on this clock.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
