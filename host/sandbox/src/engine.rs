//! The engine: one for a process, shared by all handlers.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::compile::{Compiler, Target};
use crate::limits::Limits;
use crate::load_error::LoadError;
use crate::ticker::Ticker;

/// How many core instances one handler's instance may consist of. The pool only counts them. Rust and C take
/// one, a Python interpreter 38.
pub(crate) const CORE_INSTANCES: u32 = 64;
/// How many linear memories. Each takes 4 GiB of address space in the pool. Most take one, a JavaScript
/// interpreter three.
pub(crate) const MEMORIES: u32 = 4;
/// How many tables, and how long each may be.
pub(crate) const TABLES: u32 = 8;
const TABLE_ELEMENTS: usize = 20_000;
/// The guest's stack. What it calls in the host has the rest of its fiber's stack.
const WASM_STACK_BYTES: usize = 512 << 10;
const FIBER_STACK_BYTES: usize = 2 << 20;
/// What stays mapped of a slot that is given back: clearing it costs less than faulting it in again.
const MEMORY_KEPT_BYTES: usize = 1 << 20;
const TABLE_KEPT_BYTES: usize = 32 << 10;
const STACK_KEPT_BYTES: usize = 16 << 10;
/// What the host keeps of an instance besides: more than [`ENTRIES`](crate::census::ENTRIES) can take, so that it is that
/// count that refuses, in a pool as without one.
const INSTANCE_BYTES: usize = 8 << 20;
/// More would exceed the address space.
const MOST_INSTANCES: u32 = 4096;

/// Runs components and holds the room for their instances. Cheap to clone; a thread that moves the handlers'
/// time on lives as long as the last clone.
///
/// It has no compiler of its own: a [`Compiler`] gives it code. Guests get no threads, no shared memory and no 64-bit memory. Stacks are cleared between two instances, so
/// that none finds another's data.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    engine: wasmtime::Engine,
    compiler: Compiler,
    allocation: Allocation,
    instances: u32,
    slots: Arc<Semaphore>,
    _ticker: Ticker,
}

/// Where instances get their memory from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool that was reserved at the start.
    Pooled {
        /// Whether the kernel tells which pages an instance touched (Linux 6.7 and later). Without it a fresh
        /// instance takes about twice as long.
        pagemap_scan: bool,
    },
    /// From the operating system for each instance, because there is not enough address space for a pool. A
    /// fresh instance takes several times as long.
    OnDemand {
        /// What the system said, in one line.
        why: String,
    },
}

/// Why there is no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The runtime cannot work here.
    #[error("this machine cannot run WebAssembly: {0}")]
    Unsupported(String),
    /// The thread that moves handlers' time on.
    #[error("no thread for the handlers' clock: {0}")]
    Ticker(String),
}

impl Engine {
    /// An engine with room for so many instances at once, in all handlers together, idle ones that are kept
    /// for reuse included: the sum, over all workers, of how many invocations one may have pending. One
    /// instance more waits for another to end. At least 1, at most 4096.
    ///
    /// A pool is reserved for them, about 16 GiB of *address space* for each. Where that cannot be had, see
    /// [`Engine::allocation`].
    ///
    /// Components are compiled in this process, which is for tests and for components that are trusted; see
    /// [`Engine::with_compiler`].
    pub fn new(instances: u32) -> Result<Self, EngineError> {
        Self::with_compiler(instances, Compiler::in_this_process())
    }

    /// The same, with components compiled by this compiler.
    pub fn with_compiler(instances: u32, compiler: Compiler) -> Result<Self, EngineError> {
        let instances = instances.clamp(1, MOST_INSTANCES);
        let pagemap_scan = PoolingAllocationConfig::is_pagemap_scan_available();
        let mut config = config(Memories::Reserved);
        config.enable_compiler(false);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, pagemap_scan)));
        match wasmtime::Engine::new(&config) {
            Ok(engine) => Self::with(engine, compiler, Allocation::Pooled { pagemap_scan }, instances),
            Err(error) => Self::on_demand(instances, compiler, crate::trap::one_line(&error)),
        }
    }

    fn on_demand(instances: u32, compiler: Compiler, why: String) -> Result<Self, EngineError> {
        let mut config = config(Memories::Small);
        config.enable_compiler(false);
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        let engine = wasmtime::Engine::new(&config)
            .map_err(|error| EngineError::Unsupported(crate::trap::one_line(&error)))?;
        Self::with(engine, compiler, Allocation::OnDemand { why }, instances)
    }

    fn with(
        engine: wasmtime::Engine,
        compiler: Compiler,
        allocation: Allocation,
        instances: u32,
    ) -> Result<Self, EngineError> {
        let ticker = Ticker::start(&engine).map_err(|error| EngineError::Ticker(error.to_string()))?;
        let slots = Arc::new(Semaphore::new(instances as usize));
        let inner = Inner { engine, compiler, allocation, instances, slots, _ticker: ticker };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Code of a component, made or found by this engine's compiler.
    pub(crate) fn compile(
        &self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<wasmtime::component::Component, LoadError> {
        let Inner { engine, compiler, allocation, .. } = &*self.inner;
        let memories = match allocation {
            Allocation::Pooled { .. } => Memories::Reserved,
            Allocation::OnDemand { .. } => Memories::Small,
        };
        compiler.component(engine, Target { memories }, bytes, limits)
    }

    /// Where instances get their memory from; worth a warning if it is not the pool.
    pub fn allocation(&self) -> &Allocation {
        &self.inner.allocation
    }

    /// What compiles components for it.
    pub fn compiler(&self) -> &Compiler {
        &self.inner.compiler
    }

    /// How many instances there may be at once.
    pub fn instances(&self) -> u32 {
        self.inner.instances
    }

    /// For how many more instances there is room now.
    pub fn free(&self) -> u32 {
        u32::try_from(self.inner.slots.available_permits()).unwrap_or(u32::MAX)
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.engine
    }

    /// Room for one instance: the pool fails rather than waits when it is full.
    pub(crate) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        let slots = Arc::clone(&self.inner.slots);
        // Never closed.
        slots.acquire_owned().await.ok()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { allocation, instances, .. } = &*self.inner;
        f.debug_struct("Engine").field("allocation", allocation).field("instances", instances).finish()
    }
}

/// How memories lie in the address space. Code depends on it: what is guarded needs no check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memories {
    /// Each with 4 GiB and a guard region, as the pool has them.
    Reserved,
    /// Address space is what is short: checks in the code instead of guard regions of gigabytes, and room to
    /// grow in place up to twice the usual limit. Beyond it a memory moves.
    Small,
}

/// An engine that compiles for those that run, and runs nothing.
pub(crate) fn compiling(memories: Memories) -> wasmtime::Result<wasmtime::Engine> {
    let mut config = config(memories);
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    wasmtime::Engine::new(&config)
}

fn config(memories: Memories) -> Config {
    let mut config = Config::new();
    if memories == Memories::Small {
        config
            .memory_reservation(128 << 20)
            .memory_reservation_for_growth(16 << 20)
            .memory_guard_size(64 << 10);
    }
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .async_stack_zeroing(true)
        .memory_init_cow(true)
        .parallel_compilation(true)
        .shared_memory(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        // A cause is one line; frames would only cost time to collect, and memory to keep.
        .wasm_backtrace_max_frames(None)
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        .generate_address_map(false);
    config
}

fn pool(instances: u32, pagemap_scan: bool) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * CORE_INSTANCES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .total_memories(instances * MEMORIES)
        .total_tables(instances * TABLES)
        .max_tables_per_module(TABLES)
        .max_memories_per_module(MEMORIES)
        .table_elements(TABLE_ELEMENTS)
        .total_stacks(instances)
        .max_unused_warm_slots(instances)
        .async_stack_keep_resident(STACK_KEPT_BYTES);
    // Without the scan, keeping pages means clearing all of them each time, touched or not.
    if pagemap_scan {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
            .table_keep_resident(TABLE_KEPT_BYTES);
    }
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticker_ends_with_the_engine() {
        let engine = Engine::new(1).unwrap();
        let weak = engine.wasmtime().weak();
        drop(engine);
        assert!(weak.upgrade().is_none(), "nothing keeps the engine, and its thread was waited for");
    }

    #[test]
    fn without_address_space_instances_come_on_demand() {
        let engine = Engine::on_demand(2, Compiler::in_this_process(), "too little address space".to_owned());
        let engine = engine.unwrap();
        assert!(matches!(engine.allocation(), Allocation::OnDemand { .. }));
        let bytes = wat::parse_str("(component (core module))").unwrap();
        assert!(engine.compile(&bytes, &Limits::default()).is_ok(), "what is compiled for it, it loads");
    }
}
