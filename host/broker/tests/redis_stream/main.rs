//! Streams of real servers: who may end which entry, what is taken over and what is not, what outages and trimming do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod fragment;
mod group;
mod holding;
mod losses;
mod outage;
mod primaries;
mod sink;
mod takeover;
