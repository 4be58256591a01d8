//! A Redis that is there even if it is not: connections that are opened again for as long as somebody needs them,
//! and scripts that are called over them, joined into few calls, and asked again until their outcome is known.
//!
//! What the scripts do is the business of the crates above: records of keys, entries of streams.

#![deny(missing_docs)]

mod call;
mod failure;
mod greeting;
mod guard;
mod link;
mod options;
mod order;
mod script;
mod secret;
mod server;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
mod worker;

pub use failure::{Failure, explained};
pub use greeting::Unfit;
pub use guard::{Admitted, Guard, Primary};
pub use options::{InvalidUrl, RedisOptions};
pub use order::{Answer, Part, Strings};
pub use redis;
pub use script::Script;
pub use secret::Secret;
pub use server::Server;
pub use worker::MOST_KEYS;
