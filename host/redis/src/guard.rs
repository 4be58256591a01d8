//! Who looks at a server before it is used.

use std::fmt;
use std::ops::RangeInclusive;

use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;

use crate::Unfit;

/// What a server says of itself at the start of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primary {
    /// Host and port.
    pub address: String,
    /// The run id: another process, another id. Empty if the user may not ask.
    pub run_id: String,
    /// The replication id: a promoted replica and a restarted primary have another one. Empty like the run id.
    pub replication_id: String,
    /// The slots that it serves, lowest first, as it says itself each time the guard is asked; empty where it is no
    /// cluster, and of a primary that serves none.
    pub slots: Vec<RangeInclusive<u16>>,
}

/// How a server may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Admitted {
    /// For how long from now keys that could be had are not to be handed out, in milliseconds. What
    /// is left of it is every script's last argument.
    pub hold_ms: u64,
}

/// Decides whether a server may be used, and hears what becomes of it. One guard may watch the connections to many
/// primaries.
pub trait Guard: Send + Sync + fmt::Debug {
    /// Looks at a server: at the start of each connection, before anything else is sent over it, and then every few
    /// seconds. [`Unfit`] closes the connection; opening another one is tried again and again.
    fn admit<'a>(
        &'a self,
        primary: &'a Primary,
        connection: &'a mut MultiplexedConnection,
    ) -> BoxFuture<'a, Result<Admitted, Unfit>>;

    /// A connection is gone, whoever ended it. What was known by it may be outdated.
    fn lost(&self, primary: &Primary);

    /// A message on a channel to which [`admit`](Guard::admit) has subscribed its connection.
    fn message(&self, channel: &[u8], payload: &[u8]);
}
