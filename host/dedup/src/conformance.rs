//! What every store must do, as tests that any store can be put to.
//!
//! [`holds`] shows each named case, then plays random stories of up to forty steps against the store and against a
//! [model](Model) of a record's life that is written down independently of the stores' rules. Every answer of
//! the store, and every record that it shows afterwards, has to be the model's. A story that fails is cut down
//! to its shortest form by proptest.
//!
//! A suite fails by panicking, with the name of the rule or row that does not hold.

#![expect(clippy::panic, clippy::expect_used, reason = "a test suite fails by panicking")]

mod bench;
mod cases;
mod clock;
pub mod history;
mod memory;
mod model;
mod redis;
mod story;

pub use bench::{Bench, Reopened, block_on};
pub use clock::ManualClock;
pub use memory::MemoryBench;
pub use model::Model;
pub use oncegate_redis::testing::{Cluster, Cut, Proxy, RedisServer, Sentinels, ServerOptions};
pub use redis::{RedisBench, new_store};

/// Shows that the store holds every named case, then `stories` random stories. `make` gives an empty store.
pub fn holds<B: Bench>(make: impl Fn() -> B, stories: u32) {
    let mut broken = Vec::new();
    for (name, case) in cases::all() {
        let mut bench = make();
        // The message itself is shown already. All cases are tried: together they tell what is wrong.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(&mut bench))).is_err() {
            broken.push(name);
        }
    }
    assert!(broken.is_empty(), "the store does not hold:\n  {}", broken.join("\n  "));
    story::hold(make, stories);
}
