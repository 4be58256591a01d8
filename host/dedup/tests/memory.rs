//! The memory store does what every store must.

use oncegate_dedup::conformance::{MemoryBench, holds};

#[test]
fn the_memory_store_holds() {
    holds(MemoryBench::new, 2000);
}
