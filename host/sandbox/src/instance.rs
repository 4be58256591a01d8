//! Instances: fresh, reused, recycled.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use oncegate_dedup::{Attempt, HandlerEnd};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;

use crate::contract::{Guest, Pre};
use crate::failure::Failure;
use crate::handler::{Handler, Reuse};
use crate::invocation::{Invocation, State, met_its_instance_s_limit};
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
    slot: Option<OwnedSemaphorePermit>,
}

/// A run that has ended.
struct Ran {
    invocation: Invocation,
    /// When the invocation began, by its gate's clock: with its first run.
    began_ms: u64,
    /// The message may not be to blame for its end.
    is_to_be_repeated: bool,
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
    /// If an instance that served other messages before has no more memory, table elements or handles, and the handler
    /// does not return `ok`, it runs once more, at once, in a fresh instance: the same attempt, with its claims and what it
    /// was told, and nothing of what it staged or wrote. Its time goes on, CPU time and host calls are counted anew. The
    /// second run's end counts, whatever it is, and [`Invocation::recycled`] says that there was a first.
    ///
    /// Dropped, it stops the guest where it is and throws the instance away; the attempt goes with it, so that
    /// its claims are left to lapse.
    pub async fn invoke(&self, message: &Message, attempt: Attempt) -> Invocation {
        let mut instance = match self.take() {
            Some(instance) => instance,
            None => self.fresh(self.handler.component.engine.slot().await),
        };
        let mut ran = self.run(&mut instance, message, attempt, None).await;
        if ran.is_to_be_repeated {
            // Boxed: what happens once in ten thousand messages would make each of them larger.
            (instance, ran) = Box::pin(self.run_again(instance, ran, message)).await;
        }
        if !ran.invocation.faulted {
            self.give_back(instance);
        }
        ran.invocation
    }

    /// Runs an instance on a message, to whatever end. The invocation began then, or begins now.
    async fn run(
        &self,
        instance: &mut Instance,
        message: &Message,
        attempt: Attempt,
        began_ms: Option<u64>,
    ) -> Ran {
        let clock = attempt.gate().clock().clone();
        let state = instance.store.data_mut();
        let began_ms = state.begin(message, attempt, began_ms);
        let watch = state.watch.clone();
        let run = instance.run(&self.handler.component.pre, message);
        // Whatever is left of the guest's run is gone when this returns.
        let outcome = watch::over(run, &watch, &clock).await;
        let state = instance.store.data_mut();
        #[expect(clippy::expect_used, reason = "put there above, and nothing else takes it")]
        let mut call = state.call.take().expect("a call is under way");
        state.wasi.end(&mut call.logs, &state.settings.limits);
        let invocation = call.finish(&outcome, &state.room, &state.settings, &watch);
        let is_to_be_repeated =
            instance.calls > 1 && met_its_instance_s_limit(&outcome, &invocation.end, &state.room);
        Ran { invocation, began_ms, is_to_be_repeated }
    }

    /// Runs a message in a fresh instance that has met a limit of a used one.
    async fn run_again(&self, used: Instance, first: Ran, message: &Message) -> (Instance, Ran) {
        let Instance { store, calls, slot, .. } = used;
        // Its place is the next one's. Given back and asked for again, it would be somebody else's, and this message
        // would wait with its claims.
        drop(store);
        let Ran { invocation: Invocation { mut attempt, end, usage, .. }, began_ms, .. } = first;
        attempt.begin_again();
        let mut instance = self.fresh(slot);
        let mut second = self.run(&mut instance, message, attempt, Some(began_ms)).await;
        second.invocation.usage = second.invocation.usage.and_before(usage);
        second.invocation.recycled = Some(recycled(calls, &end));
        (instance, second)
    }

    fn take(&self) -> Option<Instance> {
        let instance = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        self.handler.idle.fetch_sub(1, Relaxed);
        Some(instance)
    }

    fn fresh(&self, slot: Option<OwnedSemaphorePermit>) -> Instance {
        let engine = &self.handler.component.engine;
        let settings = self.handler.settings.clone();
        let host_call_bytes = settings.limits.host_call_bytes;
        let mut store = Store::new(engine.wasmtime(), State::new(settings));
        store.limiter(|state| &mut state.room);
        store.set_hostcall_fuel(host_call_bytes);
        store.set_max_component_handles(HANDLES);
        watch::at_each_tick(&mut store);
        Instance { store, guest: None, calls: 0, slot }
    }

    /// Keeps an instance whose call returned, unless it is to be recycled.
    fn give_back(&self, instance: Instance) {
        let Reuse::Reused { max_calls, max_memory } = self.handler.settings.reuse else { return };
        if self.is_retired.load(Relaxed) {
            return;
        }
        let max_memory = max_memory.unwrap_or(self.handler.settings.limits.memory_bytes / 2);
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

/// What is said of a first run.
fn recycled(calls: u32, end: &HandlerEnd) -> String {
    let before = match calls.saturating_sub(1) {
        1 => "1 message".to_owned(),
        many => format!("{many} messages"),
    };
    let (verb, text) = match end {
        HandlerEnd::Rejected(text) => ("rejected it", text.as_str()),
        HandlerEnd::Failed(text) | HandlerEnd::OutOfTime(text) => ("failed", text.as_str()),
        HandlerEnd::Ok | HandlerEnd::Aborted => ("ended", ""),
    };
    format!("an instance that had served {before} before {verb}: {text}")
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("handler", &self.handler).field("idle", &self.idle()).finish()
    }
}
