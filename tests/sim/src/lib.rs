//! The real gate, pipeline and settle on virtual time, with faults drawn from a seed.
//!
//! A run is made of a [plan](plan::Plan): hosts, messages and faults, drawn from a seed. Everything that hosts cannot
//! do for themselves is simulated: time, chance, connections, servers, processes that die or stand still wherever they
//! wait. All of it happens on one thread, in an order that follows from the seed alone; so a seed is a proof that
//! anybody can repeat.

#![expect(clippy::expect_used, reason = "what tests with ends by panicking where it is broken itself")]

pub mod batch;
pub mod check;
pub mod clock;
pub mod counts;
pub mod draw;
pub mod encoder;
pub mod executor;
pub mod facts;
pub mod fnv;
pub mod handler;
pub mod host;
pub mod link;
pub mod plan;
pub mod rng;
pub mod run;
pub mod seeds;
pub mod server;
pub mod shrink;
pub mod sim;
pub mod sink;
pub mod source;
pub mod step;
pub mod store;
pub mod stream;
pub mod trace;
pub mod wire;
pub mod world;
