//! What a source hears of the end of its deliveries.

use std::fmt;
use std::pin::Pin;

use crate::Ticket;

/// What became of an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acked {
    /// The delivery is acknowledged.
    Done,
    /// Nobody has it any more: it was acknowledged before.
    Gone,
    /// It was handed to another consumer, or once more to this one: nothing was done.
    Lost,
    /// The broker did not answer; whether it is acknowledged is unknown, and asking again is safe.
    Unavailable(String),
}

/// Something that an operator should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How many messages are lost by it without ever having been handled.
    pub lost: u64,
    /// What happened, in words.
    pub what: String,
}

/// A future that a trait object can give.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How deliveries with a [`Ticket`] end. Usable from any thread.
pub trait Acks: Send + Sync + fmt::Debug {
    /// Acknowledges deliveries, each only if it still is this consumer's, handed over as its ticket says.
    fn acknowledge<'a>(&'a self, tickets: &'a [Ticket]) -> Pending<'a, Vec<Acked>>;

    /// Says that a delivery has ended here, acknowledged (by [`acknowledge`](Acks::acknowledge) or by the settle itself)
    /// or not: it is no longer held.
    fn ended(&self, ticket: Ticket);

    /// Whether a delivery that this consumer holds is known to have been handed to another one.
    fn is_lost(&self, ticket: Ticket) -> bool;

    /// Gives back everything that is still held, so that others can have it at once, and leaves. For the end of a
    /// run; what cannot be given back is taken over in its time.
    fn leave(&self) -> Pending<'_, ()>;

    /// What happened since this was last asked.
    fn notices(&self) -> Vec<Notice>;
}
