//! The connection: opened, checked, and opened again for as long as the store lives.
//!
//! One connection carries all calls, each behind the other without waiting. When a call finds it broken, or gets
//! no answer in time, it says so and waits for the next one; opening that is tried again and again with growing
//! pauses. After a time without success the link is down: calls are told so at once, instead of each waiting
//! as long as the first, until an attempt succeeds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, PushInfo, PushKind, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::failure::{Failure, explained};
use crate::greeting::{Unfit, greet};
use crate::guard::{Guard, Primary};
use crate::{RedisOptions, Script, Secret};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often the guard looks at a connection that is up.
const GUARD_EVERY: Duration = Duration::from_secs(2);

/// A connection that was good when it was handed out.
#[derive(Debug, Clone)]
pub struct Up {
    /// Rises with each connection.
    pub number: u64,
    /// The connection.
    pub connection: MultiplexedConnection,
    /// Whose it is.
    primary: Primary,
    /// Until when keys that the server does not hold are not to be taken for new.
    held_until: Instant,
}

impl Up {
    /// For how long from now keys that the server does not hold are not to be taken for new, in milliseconds.
    pub fn hold_ms(&self) -> u64 {
        let left = self.held_until.saturating_duration_since(Instant::now());
        // Rounded up: a hold of less than one is none.
        u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

#[derive(Debug, Clone)]
enum Status {
    Up(Up),
    /// It is being opened; why the last attempt failed.
    Opening(String),
    /// It could not be opened for a while; why.
    Down(String),
}

/// How to get a connection, and what to say of a broken one.
#[derive(Debug, Clone)]
pub struct Link {
    status: watch::Receiver<Status>,
    broken: mpsc::UnboundedSender<u64>,
}

/// What operators should know of the servers that were met.
pub type Warnings = Arc<Mutex<Vec<String>>>;

impl Link {
    /// Opens the first connection and keeps the link up from then on. Must be called on the runtime that is to
    /// do so.
    pub async fn open(dialler: Dialler) -> Result<Self, Unfit> {
        let (broken, reports) = mpsc::unbounded_channel();
        let first = dialler.dial(1, broken.downgrade()).await?;
        let (set, status) = watch::channel(Status::Up(first));
        tokio::spawn(keep_up(dialler, set, reports, broken.downgrade()));
        Ok(Self { status, broken })
    }

    /// A connection with a number higher than `after`, or why there is none.
    pub async fn up(&self, after: u64, deadline: Instant) -> Result<Up, String> {
        let mut status = self.status.clone();
        let settled = |status: &Status| match status {
            Status::Up(up) => up.number > after,
            Status::Opening(_) => false,
            Status::Down(_) => true,
        };
        let found =
            timeout_at(deadline, status.wait_for(settled)).await.map(|found| match found.as_deref() {
                Ok(Status::Up(up)) => Ok(up.clone()),
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

    /// Says that the connection with this number is of no use any more.
    pub fn is_broken(&self, number: u64) {
        // Nobody listens any more when the store is being closed.
        let _ = self.broken.send(number);
    }
}

async fn keep_up(
    dialler: Dialler,
    set: watch::Sender<Status>,
    mut broken: mpsc::UnboundedReceiver<u64>,
    report: mpsc::WeakUnboundedSender<u64>,
) {
    let mut number = 1;
    loop {
        let up = match &*set.borrow() {
            Status::Up(up) => up.clone(),
            Status::Opening(_) | Status::Down(_) => return,
        };
        let Some(why) = watch_over(&dialler, &set, up.clone(), &mut broken).await else { return };
        // Whoever waits for a connection waits until the guard knows that this one is gone.
        dialler.lost(&up.primary);
        set.send_replace(Status::Opening(why));
        number += 1;
        let up = dialler.redial(&set, number, &report).await;
        set.send_replace(Status::Up(up));
    }
}

/// Waits until a connection is of no use any more, and says why; none if nobody needs it any more. Every call that
/// used the connection reports it when it breaks, and so does the connection itself.
async fn watch_over(
    dialler: &Dialler,
    set: &watch::Sender<Status>,
    mut up: Up,
    broken: &mut mpsc::UnboundedReceiver<u64>,
) -> Option<String> {
    loop {
        match timeout(GUARD_EVERY, broken.recv()).await {
            Ok(Some(reported)) if reported == up.number => return Some("the connection broke".to_owned()),
            // An older one, which is gone already.
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(_) => match dialler.admit(&mut up).await {
                Ok(()) => drop(set.send_replace(Status::Up(up.clone()))),
                Err(unfit) => return Some(unfit.why().to_owned()),
            },
        }
    }
}

/// How connections are opened.
#[derive(Debug)]
pub struct Dialler {
    client: Client,
    address: String,
    scripts: Vec<Script>,
    guard: Option<Arc<dyn Guard>>,
    password: Option<Secret>,
    connect_timeout: Duration,
    reply_timeout: Duration,
    patience: Duration,
    warnings: Warnings,
}

impl Dialler {
    /// Opens connections as `options` say, each of which has to pass the guard.
    pub fn new(
        options: &RedisOptions,
        scripts: &[Script],
        guard: Option<Arc<dyn Guard>>,
        warnings: Warnings,
    ) -> Result<Self, Unfit> {
        Ok(Self {
            client: options.client()?,
            address: options.address(),
            scripts: scripts.to_vec(),
            guard,
            password: options.password.clone(),
            connect_timeout: options.connect_timeout,
            reply_timeout: options.reply_timeout,
            patience: options.patience,
            warnings,
        })
    }

    async fn dial(&self, number: u64, report: mpsc::WeakUnboundedSender<u64>) -> Result<Up, Unfit> {
        // A multiplexed connection never sends anything twice; the library's connection manager may.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.reply_timeout))
            .set_push_sender(self.listener(number, report));
        let mut connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| self.unfit(&error))?;
        let (primary, found) =
            greet(&mut connection, self.address.clone(), self.password.as_ref(), &self.scripts).await?;
        let mut up = Up { number, connection, primary, held_until: Instant::now() };
        self.admit(&mut up).await?;
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in found {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        Ok(up)
    }

    /// Hears what the server says unasked, and that it has gone.
    fn listener(
        &self,
        number: u64,
        report: mpsc::WeakUnboundedSender<u64>,
    ) -> impl Fn(PushInfo) -> Result<(), redis::aio::SendError> + Send + Sync + 'static {
        let guard = self.guard.clone();
        move |push: PushInfo| {
            match (push.kind, push.data.as_slice()) {
                (PushKind::Disconnection, _) => {
                    // Nobody listens any more when everything is being closed.
                    report.upgrade().map(|report| report.send(number));
                }
                (PushKind::Message, [Value::BulkString(channel), Value::BulkString(payload)]) => {
                    if let Some(guard) = &guard {
                        guard.message(channel, payload);
                    }
                }
                _ => {}
            }
            Ok(())
        }
    }

    /// Asks the guard.
    async fn admit(&self, up: &mut Up) -> Result<(), Unfit> {
        if let Some(guard) = &self.guard {
            let admitted = guard.admit(&up.primary, &mut up.connection).await?;
            up.held_until = Instant::now() + Duration::from_millis(admitted.hold_ms);
        }
        Ok(())
    }

    fn lost(&self, primary: &Primary) {
        if let Some(guard) = &self.guard {
            guard.lost(primary);
        }
    }

    fn unfit(&self, error: &redis::RedisError) -> Unfit {
        let password = self.password.as_ref();
        if error.kind() == ErrorKind::AuthenticationFailed || error.code() == Some("WRONGPASS") {
            return Unfit::Refused("user or password is wrong".to_owned());
        }
        if error.code() == Some("NOAUTH") {
            return Unfit::Refused(format!("it wants a password ({})", explained(error, password)));
        }
        if is_distrust(error) {
            return Unfit::Refused(format!("no trust over TLS: {}", explained(error, password)));
        }
        match Failure::of(error, password) {
            Failure::Refused(why) => Unfit::Refused(why),
            Failure::Unknown(why) | Failure::NotYet(why) | Failure::WrongServer(why) => Unfit::Away(why),
            Failure::NoScript => Unfit::Away(explained(error, password)),
        }
    }

    async fn redial(
        &self,
        set: &watch::Sender<Status>,
        number: u64,
        report: &mpsc::WeakUnboundedSender<u64>,
    ) -> Up {
        let since = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let why = match self.dial(number, report.clone()).await {
                Ok(up) => return up,
                Err(unfit) => unfit.why().to_owned(),
            };
            let down = since.elapsed() >= self.patience;
            set.send_replace(if down { Status::Down(why) } else { Status::Opening(why) });
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Whether rustls does not like the server, which is no matter of time. The library wraps what it wraps twice.
fn is_distrust(error: &redis::RedisError) -> bool {
    type Shared = Arc<dyn std::error::Error + Send + Sync>;
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Shared>());
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData)
}

/// Between half of `pause` and all of it, so that the hosts of one server do not come back all at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0; 1];
    // Without randomness the pause is the shortest one.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + pause.mul_f64(f64::from(byte[0]) / 512.0)
}
