//! How the connections are opened that carry calls: found, opened, checked, admitted.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, PushInfo, PushKind, Value, cmd};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::address::Address;
use crate::finder::Finder;
use crate::greeting::{Role, Unfit, ask, greet, text};
use crate::guard::Guard;
use crate::link::Up;
use crate::notes::Notes;
use crate::opener::Opener;
use crate::slots::Slots;
use crate::{RedisOptions, Script};

/// Tells connections apart, whichever link they belong to.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// Opens connections, each of which has to pass the guard.
#[derive(Debug, Clone)]
pub struct Dialler {
    opener: Opener,
    scripts: Vec<Script>,
    guard: Option<Arc<dyn Guard>>,
    patience: Duration,
    notes: Arc<Notes>,
}

impl Dialler {
    /// Opens connections as `options` say.
    pub fn new(
        options: &RedisOptions,
        scripts: &[Script],
        guard: Option<Arc<dyn Guard>>,
        notes: Arc<Notes>,
    ) -> Result<Self, Unfit> {
        let (opener, patience) = (Opener::new(options)?, options.patience);
        Ok(Self { opener, scripts: scripts.to_vec(), guard, patience, notes })
    }

    /// How it opens connections.
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// How long to try before calls are told that there is no connection.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// A good connection to what `finder` finds. When it breaks, its number is reported.
    pub async fn dial(&self, finder: &Finder, report: mpsc::WeakUnboundedSender<u64>) -> Result<Up, Unfit> {
        let address = finder.find().await?;
        let number = OPENED.fetch_add(1, Ordering::Relaxed) + 1;
        let config = self.opener.config().set_push_sender(self.listener(number, report.clone()));
        let mut connection = self.opener.open(&address, &config).await?;
        let (role, password) = (finder.role(), self.opener.password());
        let (primary, found) =
            greet(&mut connection, role, address.to_string(), password, &self.scripts).await?;
        let node = match role {
            Role::Node => Some(text(self.told(&mut connection, cmd("CLUSTER").arg("MYID")).await?).into()),
            Role::Alone | Role::Named => None,
        };
        let (primary, held_until) = (Arc::new(primary), Instant::now());
        let mut up = Up { number, connection, role, address, node, primary, held_until, report };
        self.admit(&mut up).await?;
        self.notes.warn(found);
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

    /// Asks the guard, after asking a node of a cluster which slots it serves now.
    pub async fn admit(&self, up: &mut Up) -> Result<(), Unfit> {
        if let Some(id) = &up.node {
            let slots = self.slots(&mut up.connection, &up.address, id).await?;
            Arc::make_mut(&mut up.primary).slots = slots;
        }
        if let Some(guard) = &self.guard {
            let admitted = guard.admit(&up.primary, &mut up.connection).await?;
            up.held_until = Instant::now() + Duration::from_millis(admitted.hold_ms);
        }
        Ok(())
    }

    async fn slots(
        &self,
        connection: &mut MultiplexedConnection,
        address: &Address,
        id: &str,
    ) -> Result<Vec<RangeInclusive<u16>>, Unfit> {
        let told = self.told(connection, cmd("CLUSTER").arg("SLOTS")).await?;
        let slots = Slots::read(&told, address);
        slots
            .map(|slots| slots.of(id))
            .ok_or_else(|| Unfit::Away("its slots are no list of slots".to_owned()))
    }

    async fn told(&self, connection: &mut MultiplexedConnection, command: &Cmd) -> Result<Value, Unfit> {
        let told = ask(connection, command, self.opener.password()).await?;
        told.map_err(|why| Unfit::Refused(format!("the user may not ask for the cluster's slots ({why})")))
    }

    /// Says that a connection is gone.
    pub fn lost(&self, up: &Up) {
        // First the guard: whoever reads the number has to find what the guard did about it.
        if let Some(guard) = &self.guard {
            guard.lost(&up.primary);
        }
        self.notes.count_lost();
    }
}
