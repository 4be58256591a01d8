//! A Redis that is there even if it is not: connections that are opened again for as long as somebody needs them,
//! and scripts that are called over them, joined into few calls, and asked again until their outcome is known.
//!
//! One server, the primary that sentinels name, or the primaries of a cluster: callers need not know which, except that
//! the keys of one part have to share a slot. Whoever is the primary is found anew for each connection, and checked.
//!
//! What the scripts do is the business of the crates above: records of keys, entries of streams.

#![deny(missing_docs)]

mod address;
mod call;
mod cluster;
mod dialler;
mod failure;
mod finder;
mod greeting;
mod guard;
mod link;
mod notes;
mod opener;
mod options;
mod order;
mod place;
mod queues;
mod replicas;
mod script;
mod secret;
mod sentinel;
mod server;
mod slot;
mod slots;
mod target;
mod tenure;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
mod topology;
mod url;
mod wait;
mod worker;

pub use failure::{Failure, explained};
pub use greeting::Unfit;
pub use guard::{Admitted, Guard, Primary};
pub use options::RedisOptions;
pub use order::{Answer, Part, Strings};
pub use queues::MOST_KEYS;
pub use redis;
pub use script::Script;
pub use secret::{Secret, unsaid};
pub use server::Server;
pub use slot::{SLOTS, slot_of};
pub use tenure::{Hold, NotYours, Tenure};
pub use url::{Authority, InvalidUrl, UrlParts};
pub use wait::wait;
