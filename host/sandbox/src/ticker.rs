//! The thread that moves the engine's epoch on, so that a computing guest comes up for air.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a guest computes before it is looked at: between a look every millisecond, which costs throughput,
/// and a neighbour on the same thread that waits noticeably.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Ticks until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &wasmtime::Engine) -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        // Weak: a ticker that outlived its handle would otherwise keep the instance pool.
        let (engine, flag) = (engine.weak(), Arc::clone(&stopped));
        let thread = thread::Builder::new().name("oncegate-ticker".to_owned()).spawn(move || {
            while !flag.load(Ordering::Acquire) {
                thread::park_timeout(TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stopped, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot have panicked, and there would be nothing to do about it.
            let _ = thread.join();
        }
    }
}
