//! Servers and wires of a test's own. They fail by panicking.

#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod proxy;
mod server;

pub use proxy::{Cut, Proxy};
pub use server::{RedisServer, ServerOptions};
