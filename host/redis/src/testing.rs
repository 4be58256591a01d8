//! Servers and wires of a test's own. They fail by panicking.

#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod cluster;
mod process;
mod proxy;
mod requests;
mod sentinels;
mod server;

pub use cluster::Cluster;
pub use proxy::{Cut, Proxy};
pub use sentinels::Sentinels;
pub use server::{RedisServer, ServerOptions};
