//! Whole runs of the pipeline: a native Rust handler, the payment plugin reused and fresh, in turn in one process, so
//! that the figures of one run can be compared; on the embedded store, and from stream to stream on a Redis that is
//! started for it. Prints tables; asserts nothing.
//!
//! `cargo xtask bench` builds the plugin and calls this. Arguments: the number of deliveries (default 200,000; a
//! quarter of it on streams) and of rounds (default 3); `embedded` or `streams` for one table only. Figures are medians
//! of the rounds.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on stops")]

mod embedded;
mod handlers;
mod parts;
mod streams;
mod table;

use oncegate_sandbox::Reuse;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<usize>().ok());
    let deliveries = numbers.next().unwrap_or(200_000);
    let rounds = numbers.next().unwrap_or(3);
    let named = |table: &str| arguments.iter().any(|argument| argument == table);
    let (fresh, reused) = (handlers::plugin(Reuse::Fresh), handlers::plugin(Reuse::DEFAULT));
    if !named("streams") {
        embedded::bench(deliveries, rounds, &reused, &fresh);
    }
    if !named("embedded") {
        streams::bench(deliveries / 4, rounds, &reused, &fresh);
    }
}
