//! Which version of its plugin a pipeline runs, and how another one takes over while it runs.
//!
//! A new version is read, verified, compiled and type-checked before anything changes. From then on each message goes to
//! it; what the old one has, it finishes. Until the new one has proven itself, the old one stands by.

mod reload;
mod watch;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oncegate_dedup::Attempt;
use oncegate_sandbox::{Handler, Invocation, Message, Worker};

use crate::pipeline::{Handle, Invoke};

pub use reload::{Reloader, Request};
pub use watch::Watch;

/// What a pipeline runs. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Deployment {
    slot: Arc<Slot>,
}

#[derive(Debug)]
struct Slot {
    /// Rises with each change, so that a thread notices one without a lock.
    version: AtomicU64,
    handlers: Mutex<Handlers>,
}

#[derive(Debug)]
struct Handlers {
    current: Handler,
    /// What to go back to, until the current one has proven itself.
    previous: Option<Handler>,
    /// What gave way: not to be loaded again of itself.
    gave_way: Option<[u8; 32]>,
}

impl Deployment {
    /// This handler, at first.
    pub fn new(handler: Handler) -> Self {
        let handlers = Handlers { current: handler, previous: None, gave_way: None };
        Self { slot: Arc::new(Slot { version: AtomicU64::new(0), handlers: Mutex::new(handlers) }) }
    }

    /// What the next message goes to.
    pub fn current(&self) -> Handler {
        self.slot.handlers().current.clone()
    }

    /// Whether the component of this digest has given way to the one before it.
    pub fn gave_way(&self, digest: &[u8; 32]) -> bool {
        self.slot.handlers().gave_way.as_ref() == Some(digest)
    }

    /// This handler takes over.
    pub fn take_over(&self, handler: Handler) {
        let mut handlers = self.slot.handlers();
        let before = std::mem::replace(&mut handlers.current, handler);
        // Of two that take over quickly one after the other, the first never proved itself.
        handlers.previous.get_or_insert(before);
        handlers.gave_way = None;
        self.slot.changed();
    }
}

impl Slot {
    fn handlers(&self) -> MutexGuard<'_, Handlers> {
        self.handlers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called with the lock held.
    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl Handle for Deployment {
    type Worker = Deployed;

    fn worker(&self) -> Deployed {
        let handlers = self.slot.handlers();
        let version = self.slot.version.load(Ordering::Acquire);
        let worker = Rc::new(handlers.current.worker());
        Deployed { slot: Arc::clone(&self.slot), mine: RefCell::new((version, worker)) }
    }
}

/// One thread's worker of whatever is deployed.
#[derive(Debug)]
pub struct Deployed {
    slot: Arc<Slot>,
    mine: RefCell<(u64, Rc<Worker>)>,
}

impl Deployed {
    /// Follows to the version that is deployed now. The one before ends with the last of its invocations, and keeps no
    /// instance beyond that: the pool has no room for both.
    fn follow(&self) {
        let mut mine = self.mine.borrow_mut();
        if mine.0 != self.slot.version.load(Ordering::Acquire) {
            let handlers = self.slot.handlers();
            mine.1.retire();
            *mine = (self.slot.version.load(Ordering::Acquire), Rc::new(handlers.current.worker()));
        }
    }
}

impl Invoke for Deployed {
    fn invoke(&self, message: &Message, attempt: Attempt) -> impl Future<Output = Invocation> {
        let worker = Rc::clone(&self.mine.borrow().1);
        async move { worker.invoke(message, attempt).await }
    }

    /// The pipeline asks each time before it looks for a message, so that also a thread that has none follows soon.
    fn version(&self) -> u64 {
        self.follow();
        self.mine.borrow().0
    }

    fn give_way(&self) -> bool {
        let mut handlers = self.slot.handlers();
        let Some(previous) = handlers.previous.take() else { return false };
        let failed = std::mem::replace(&mut handlers.current, previous);
        handlers.gave_way = Some(*failed.component().digest());
        self.slot.changed();
        true
    }

    fn proven(&self) {
        self.slot.handlers().previous = None;
    }
}
