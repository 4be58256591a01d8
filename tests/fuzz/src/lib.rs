//! Whatever comes from outside, made up.
//!
//! A [`Target`] is a plain function of bytes that panics if what it demands does not hold: more than that nothing
//! panics. Two things run them: this crate's own program, which replays the corpus and mutates it for some seconds in
//! the ordinary build, and libFuzzer (`cargo xtask fuzz`), which needs nightly.

#![deny(missing_docs)]

mod bytes;
mod clean;
mod corpus;
mod loader;
mod mutate;
mod rng;
mod target;

pub use corpus::{Corpus, folder};
pub use mutate::Mutator;
pub use rng::Rng;
pub use target::{TARGETS, Target, named};
