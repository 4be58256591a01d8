//! The connection: opened, checked, and opened again for as long as the store lives.
//!
//! One connection carries all calls, each behind the other without waiting. When a call finds it broken, or gets
//! no answer in time, it says so and waits for the next one; opening that is tried again and again with growing
//! pauses. After a time without success the link is down: calls are told so at once, instead of each waiting
//! as long as the first, until an attempt succeeds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::failure::{Failure, explained};
use super::greeting::{Unfit, greet};
use super::{RedisOptions, Secret};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection that was good when it was handed out.
#[derive(Debug, Clone)]
pub struct Up {
    /// Rises with each connection.
    pub number: u64,
    /// The connection.
    pub connection: MultiplexedConnection,
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
        let first = Up { number: 1, connection: dialler.dial().await? };
        let (set, status) = watch::channel(Status::Up(first));
        let (broken, reports) = mpsc::unbounded_channel();
        tokio::spawn(keep_up(dialler, set, reports));
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

async fn keep_up(dialler: Dialler, set: watch::Sender<Status>, mut broken: mpsc::UnboundedReceiver<u64>) {
    let mut number = 1;
    loop {
        // Every call that used the connection reports it; older ones are gone already.
        while let Some(reported) = broken.recv().await {
            if reported == number {
                break;
            }
        }
        if broken.is_closed() && broken.is_empty() {
            return;
        }
        set.send_replace(Status::Opening("the connection broke".to_owned()));
        let connection = dialler.redial(&set).await;
        number += 1;
        set.send_replace(Status::Up(Up { number, connection }));
    }
}

/// How connections are opened.
#[derive(Debug)]
pub struct Dialler {
    client: Client,
    password: Option<Secret>,
    connect_timeout: Duration,
    reply_timeout: Duration,
    patience: Duration,
    warnings: Warnings,
}

impl Dialler {
    /// Opens connections of `client` as patiently as `options` say.
    pub fn new(client: Client, options: &RedisOptions, warnings: Warnings) -> Self {
        Self {
            client,
            password: options.password.clone(),
            connect_timeout: options.connect_timeout,
            reply_timeout: options.reply_timeout,
            patience: options.patience,
            warnings,
        }
    }

    async fn dial(&self) -> Result<MultiplexedConnection, Unfit> {
        // A multiplexed connection never sends anything twice; the library's connection manager may.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.reply_timeout));
        let mut connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| self.unfit(&error))?;
        let found = greet(&mut connection, self.password.as_ref()).await?;
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in found {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        Ok(connection)
    }

    fn unfit(&self, error: &redis::RedisError) -> Unfit {
        let password = self.password.as_ref();
        if error.kind() == ErrorKind::AuthenticationFailed {
            return Unfit::Refused("user or password is wrong".to_owned());
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

    async fn redial(&self, set: &watch::Sender<Status>) -> MultiplexedConnection {
        let since = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let why = match self.dial().await {
                Ok(connection) => return connection,
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
