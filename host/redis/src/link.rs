//! The connection: opened, checked, and opened again for as long as the store lives.
//!
//! One connection carries all calls, each behind the other without waiting. When a call finds it broken, or gets
//! no answer in time, it says so and waits for the next one; opening that is tried again and again with growing
//! pauses. After a time without success the link is down: calls are told so at once, instead of each waiting
//! as long as the first, until an attempt succeeds.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::address::Address;
use crate::dialler::Dialler;
use crate::finder::Finder;
use crate::greeting::{Role, Unfit};
use crate::guard::Primary;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often the guard looks at a connection that is up.
const GUARD_EVERY: Duration = Duration::from_secs(2);

/// A connection that was good when it was handed out.
#[derive(Debug, Clone)]
pub struct Up {
    /// No other connection of the process has it. Never 0.
    pub number: u64,
    /// The connection.
    pub connection: MultiplexedConnection,
    /// What the server was checked to be.
    pub role: Role,
    /// Where the server is.
    pub address: Address,
    /// What its cluster calls it, if it is in one.
    pub node: Option<Arc<str>>,
    /// Whose it is.
    pub primary: Arc<Primary>,
    /// Until when keys that could be had are not to be handed out.
    pub held_until: Instant,
    /// Where to say that it broke.
    pub report: mpsc::WeakUnboundedSender<u64>,
}

impl Up {
    /// For how long from now keys that could be had are not to be handed out, in milliseconds.
    pub fn hold_ms(&self) -> u64 {
        let left = self.held_until.saturating_duration_since(Instant::now());
        // Rounded up: a hold of less than one is none.
        u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// Says that this connection is of no use any more.
    pub fn is_broken(&self) {
        // Nobody listens any more when everything is being closed.
        self.report.upgrade().map(|report| report.send(self.number));
    }
}

#[derive(Debug, Clone)]
enum Status {
    Up(Box<Up>),
    /// It is being opened; why the last attempt failed.
    Opening(String),
    /// It could not be opened for a while; why.
    Down(String),
}

/// How to get a connection, and what to say of a broken one.
#[derive(Debug, Clone)]
pub struct Link {
    status: watch::Receiver<Status>,
    /// Not for sending: that somebody holds it keeps the link up.
    _needed: mpsc::UnboundedSender<u64>,
}

impl Link {
    /// Opens the first connection and keeps the link up from then on, for as long as somebody holds it. Must be
    /// called on the runtime that is to do so.
    pub async fn open(dialler: Dialler, finder: Finder) -> Result<Self, Unfit> {
        let (broken, reports) = mpsc::unbounded_channel();
        let first = dialler.dial(&finder, broken.downgrade()).await?;
        let (set, status) = watch::channel(Status::Up(Box::new(first)));
        tokio::spawn(keep_up(dialler, finder, set, reports, broken.downgrade()));
        Ok(Self { status, _needed: broken })
    }

    /// Opens the first connection later, on this runtime, and tries until that succeeds.
    pub fn start(dialler: Dialler, finder: Finder, runtime: &Handle) -> Self {
        let (broken, reports) = mpsc::unbounded_channel();
        let (set, status) = watch::channel(Status::Opening("it is being connected to".to_owned()));
        runtime.spawn(keep_up(dialler, finder, set, reports, broken.downgrade()));
        Self { status, _needed: broken }
    }

    /// Whether it has a connection now.
    pub fn is_up(&self) -> bool {
        matches!(&*self.status.borrow(), Status::Up(_))
    }

    /// Whether it has had none for so long that calls are told so at once.
    pub fn is_down(&self) -> bool {
        matches!(&*self.status.borrow(), Status::Down(_))
    }

    /// A connection other than the one with the number `used_up`, or why there is none.
    pub async fn up(&self, used_up: u64, deadline: Instant) -> Result<Up, String> {
        let mut status = self.status.clone();
        let settled = |status: &Status| match status {
            Status::Up(up) => up.number != used_up,
            Status::Opening(_) => false,
            Status::Down(_) => true,
        };
        let found =
            timeout_at(deadline, status.wait_for(settled)).await.map(|found| match found.as_deref() {
                Ok(Status::Up(up)) => Ok(Up::clone(up)),
                Ok(Status::Opening(why) | Status::Down(why)) => Err(why.clone()),
                Err(_) => Err("the store is closed".to_owned()),
            });
        if let Ok(found) = found {
            return found;
        }
        match &*self.status.borrow() {
            Status::Opening(why) | Status::Down(why) => Err(why.clone()),
            Status::Up(_) => Err("no answer in time".to_owned()),
        }
    }
}

async fn keep_up(
    dialler: Dialler,
    finder: Finder,
    set: watch::Sender<Status>,
    mut broken: mpsc::UnboundedReceiver<u64>,
    report: mpsc::WeakUnboundedSender<u64>,
) {
    loop {
        let first = match &*set.borrow() {
            Status::Up(up) => Some(Up::clone(up)),
            Status::Opening(_) | Status::Down(_) => None,
        };
        let mut up = match first {
            Some(up) => up,
            None => tokio::select! {
                up = redial(&dialler, &finder, &set, &report) => up,
                () = set.closed() => return,
            },
        };
        set.send_replace(Status::Up(Box::new(up.clone())));
        let why = watch_over(&dialler, &finder, &set, &mut up, &mut broken).await;
        // Whoever waits for a connection waits until the guard knows that this one is gone.
        dialler.lost(&up);
        let Some(why) = why else { return };
        set.send_replace(Status::Opening(why));
    }
}

/// Waits until a connection is of no use any more, and says why; none if nobody needs it any more. Every call that
/// used the connection reports it when it breaks, and so does the connection itself.
async fn watch_over(
    dialler: &Dialler,
    finder: &Finder,
    set: &watch::Sender<Status>,
    up: &mut Up,
    broken: &mut mpsc::UnboundedReceiver<u64>,
) -> Option<String> {
    loop {
        match timeout(GUARD_EVERY, broken.recv()).await {
            Ok(Some(reported)) if reported == up.number => return Some("the connection broke".to_owned()),
            // An older one, which is gone already.
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(_) if finder.has_left(&up.address).await => {
                return Some("the sentinels name another primary".to_owned());
            }
            Err(_) => match dialler.admit(up).await {
                Ok(()) => drop(set.send_replace(Status::Up(Box::new(up.clone())))),
                Err(unfit) => return Some(unfit.why().to_owned()),
            },
        }
    }
}

async fn redial(
    dialler: &Dialler,
    finder: &Finder,
    set: &watch::Sender<Status>,
    report: &mpsc::WeakUnboundedSender<u64>,
) -> Up {
    let since = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let why = match dialler.dial(finder, report.clone()).await {
            Ok(up) => return up,
            Err(unfit) => unfit.why().to_owned(),
        };
        let down = since.elapsed() >= dialler.patience();
        set.send_replace(if down { Status::Down(why) } else { Status::Opening(why) });
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Between half of `pause` and all of it, so that the hosts of one server do not come back all at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0; 1];
    // Without randomness the pause is the shortest one.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + pause.mul_f64(f64::from(byte[0]) / 512.0)
}
