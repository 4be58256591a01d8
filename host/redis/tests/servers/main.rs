//! Calls to real servers: one alone, one behind sentinels, a cluster; and what becomes of them in faults.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod alone;
mod cluster;
mod common;
mod replicas;
mod sentinel;
