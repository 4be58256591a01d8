//! Instances: fresh, reused, recycled.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use oncegate_dedup::Attempt;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;

use crate::contract::{Guest, Pre};
use crate::failure::Failure;
use crate::handler::{Handler, Reuse};
use crate::invocation::{Invocation, State};
use crate::message::Message;
use crate::wasi::HANDLES;
use crate::watch;

/// Where one thread's invocations happen, and where its idle instances wait for the next message. Give each
/// thread its own: nothing breaks if they share one, but an instance is best used where it was used last.
pub struct Worker {
    handler: Handler,
    /// The one that was used last is on top.
    idle: Mutex<Vec<Instance>>,
    /// It keeps none any more.
    is_retired: AtomicBool,
}

/// A store and what runs in it. Dropped, all of it goes.
struct Instance {
    store: Store<State>,
    /// None before its first call.
    guest: Option<Guest>,
    calls: u32,
    /// Its room in the pool. After the store, so that the room is free when this says so.
    _slot: Option<OwnedSemaphorePermit>,
}

impl Worker {
    pub(crate) fn new(handler: Handler) -> Self {
        Self { handler, idle: Mutex::default(), is_retired: AtomicBool::new(false) }
    }

    /// The handler.
    pub fn handler(&self) -> &Handler {
        &self.handler
    }

    /// How many instances wait for a message.
    pub fn idle(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// No further message will come: idle instances go, and so does each that becomes idle. What runs is finished.
    pub fn retire(&self) {
        self.is_retired.store(true, Relaxed);
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        self.handler.idle.fetch_sub(idle.len(), Relaxed);
    }

    /// Runs the handler on one message. Always ends, at the latest at the wall time limit, and in a defined
    /// way whatever the guest does. Any number of invocations may be pending on one worker.
    ///
    /// Waits only for what the guest waits for, and for room in the engine's pool if there is none. A guest
    /// that computes gives way to others on its thread every 10 ms.
    ///
    /// Dropped, it stops the guest where it is and throws the instance away; the attempt goes with it, so that
    /// its claims are left to lapse.
    pub async fn invoke(&self, message: &Message, attempt: Attempt) -> Invocation {
        let mut instance = match self.take() {
            Some(instance) => instance,
            None => self.fresh().await,
        };
        let clock = attempt.gate().clock().clone();
        let state = instance.store.data_mut();
        state.begin(message, attempt);
        let watch = state.watch.clone();
        let run = instance.run(&self.handler.component.pre, message);
        // Whatever is left of the guest's run is gone when this returns.
        let outcome = watch::over(run, &watch, &clock).await;
        let state = instance.store.data_mut();
        #[expect(clippy::expect_used, reason = "put there above, and nothing else takes it")]
        let mut call = state.call.take().expect("a call is under way");
        state.wasi.end(&mut call.logs, &state.settings.limits);
        let invocation = call.finish(&outcome, &state.room, &state.settings, &watch);
        if let Ok(Ok(_)) = outcome {
            self.give_back(instance);
        }
        invocation
    }

    fn take(&self) -> Option<Instance> {
        let instance = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        self.handler.idle.fetch_sub(1, Relaxed);
        Some(instance)
    }

    async fn fresh(&self) -> Instance {
        let engine = &self.handler.component.engine;
        let slot = engine.slot().await;
        let settings = self.handler.settings.clone();
        let host_call_bytes = settings.limits.host_call_bytes;
        let mut store = Store::new(engine.wasmtime(), State::new(settings));
        store.limiter(|state| &mut state.room);
        store.set_hostcall_fuel(host_call_bytes);
        store.set_max_component_handles(HANDLES);
        watch::at_each_tick(&mut store);
        Instance { store, guest: None, calls: 0, _slot: slot }
    }

    /// Keeps an instance whose call returned, unless it is to be recycled.
    fn give_back(&self, instance: Instance) {
        let Reuse::Reused { max_calls, max_memory } = self.handler.settings.reuse else { return };
        if self.is_retired.load(Relaxed) {
            return;
        }
        if instance.calls >= max_calls || instance.store.data().room.memory_bytes() > max_memory {
            return;
        }
        let most = self.handler.settings.most_idle.unwrap_or(usize::MAX);
        let one_more = |idle: usize| (idle < most).then_some(idle + 1);
        if self.handler.idle.fetch_update(Relaxed, Relaxed, one_more).is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.handler.idle.fetch_sub(self.idle(), Relaxed);
    }
}

impl Instance {
    async fn run(&mut self, pre: &Pre, message: &Message) -> wasmtime::Result<Result<(), Failure>> {
        // A fresh store's deadline has passed already; a reused one's, while it was idle.
        self.store.set_epoch_deadline(1);
        self.calls = self.calls.saturating_add(1);
        // What a guest does while it is instantiated counts towards its first message.
        let guest = match &mut self.guest {
            Some(guest) => guest,
            none => none.insert(pre.instantiate(&mut self.store).await?),
        };
        guest.handle(&mut self.store, message).await
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("handler", &self.handler).field("idle", &self.idle()).finish()
    }
}
