//! The real gate, pipeline and settle on virtual time, with faults drawn from a seed.
//!
//! A run is made of a [plan](Plan): hosts, messages and faults, drawn from a seed. Everything that hosts cannot
//! do for themselves is simulated: time, chance, connections, servers, processes that die or stand still wherever they
//! wait. All of it happens on one thread, in an order that follows from the seed alone; so a seed is a proof that
//! anybody can repeat.

#![deny(missing_docs)]
#![expect(clippy::expect_used, reason = "what tests with ends by panicking where it is broken itself")]

mod batch;
mod check;
mod clock;
mod counts;
mod draw;
mod encoder;
mod executor;
mod facts;
mod fnv;
mod handler;
mod host;
mod link;
mod plan;
mod rng;
mod run;
mod seeds;
mod server;
mod shrink;
mod sim;
mod sink;
mod source;
mod step;
mod store;
mod stream;
mod trace;
mod wire;
mod world;

pub use batch::{Batch, Failure, Until, run_caught, run_each, run_from};
pub use counts::{Counts, Met};
pub use draw::plan;
pub use plan::{BROKEN, Broken, Plan};
pub use run::{Verdict, run};
pub use seeds::{Seed, known};
pub use shrink::{kind, shrunk};
