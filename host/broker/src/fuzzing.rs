//! What a server says of a stream, read: doors for targets that make it up. No promise to anybody else.

use oncegate_redis::redis::Value;

use crate::Delivery;
use crate::redis_stream::{entry, reply};
use crate::ticket::Ticket;

/// An entry's fields, names and values, in their order.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The delivery that an entry is.
pub fn delivery(stream: &str, ticket: Ticket, fields: Fields, message_limit: usize) -> Delivery {
    entry::delivery(stream, ticket, fields, message_limit)
}

/// An entry's id and fields.
pub type Found = ((u64, u64), Fields);

/// The entries that a read answers.
pub fn entries(answer: Value) -> Option<Vec<Found>> {
    reply::entries(answer)
}

/// How many lines a list of what is pending has.
pub fn pending(answer: Value) -> Option<usize> {
    Some(reply::rows(answer)?.len())
}
