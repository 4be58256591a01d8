//! Watches over one invocation: who computes is stopped by the epoch, who waits by a timer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use oncegate_dedup::Clock;
use wasmtime::{Store, UpdateDeadline};

use crate::cpu::CpuMeter;
use crate::invocation::State;
use crate::limits::Limits;
use crate::trap::Stop;

/// Looked at by the guest's own thread at every tick, and by whoever polls the invocation. Atomics only because
/// a store may move between threads from one poll to the next.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) cpu: CpuMeter,
    cpu_limit_ns: AtomicU64,
    wall_limit_ms: AtomicU64,
    /// When the invocation has to be over, on the gate's clock.
    until_ms: AtomicU64,
    /// Whether that is because of its lease.
    by_lease: AtomicBool,
    /// The guest gave way to others at a tick: it is not waiting for anything.
    gave_way: AtomicBool,
}

impl Watch {
    /// A new invocation begins now.
    pub(crate) fn start(&self, limits: &Limits, now_ms: u64) {
        self.cpu.reset();
        self.cpu_limit_ns.store(limits.cpu_ms.saturating_mul(1_000_000), Relaxed);
        self.wall_limit_ms.store(limits.wall_ms, Relaxed);
        self.until_ms.store(now_ms.saturating_add(limits.wall_ms), Relaxed);
        self.by_lease.store(false, Relaxed);
        self.gave_way.store(false, Relaxed);
    }

    /// The attempt holds a claim: it may not act after that.
    pub(crate) fn acts_until(&self, until_ms: u64) {
        if until_ms < self.until_ms.load(Relaxed) {
            self.until_ms.store(until_ms, Relaxed);
            self.by_lease.store(true, Relaxed);
        }
    }

    /// Whether there is time left.
    pub(crate) fn check_time(&self, clock: &dyn Clock) -> Result<(), Stop> {
        match clock.now_ms() < self.until_ms.load(Relaxed) {
            true => Ok(()),
            false => Err(self.late()),
        }
    }

    fn late(&self) -> Stop {
        match self.by_lease.load(Relaxed) {
            true => Stop::Lease,
            false => Stop::Wall { limit_ms: self.wall_limit_ms.load(Relaxed) },
        }
    }

    /// The guest has computed for a tick.
    fn tick(&self, clock: &dyn Clock) -> Result<(), Stop> {
        let limit_ns = self.cpu_limit_ns.load(Relaxed);
        if self.cpu.used_ns() >= limit_ns {
            return Err(Stop::Cpu { limit_ms: limit_ns / 1_000_000 });
        }
        self.check_time(clock)?;
        self.gave_way.store(true, Relaxed);
        Ok(())
    }
}

/// Has the store's guest looked at with every tick, and give way to others on its thread. Its deadline still
/// has to be set before anything runs.
pub(crate) fn at_each_tick(store: &mut Store<State>) {
    store.epoch_deadline_callback(|context| {
        let state = context.data();
        if let Some(call) = &state.call {
            state.watch.tick(&**call.attempt.gate().clock())?;
        }
        Ok(UpdateDeadline::Yield(1))
    });
}

/// Runs `guest` to its end, or to the moment at which its time is over. Charges CPU time only while it runs. A
/// timer exists only once it waits.
pub(crate) async fn over<G: Future>(
    guest: G,
    watch: &Watch,
    clock: &Arc<dyn Clock>,
) -> Result<G::Output, Stop> {
    let mut guest = pin!(guest);
    let mut alarm = Alarm::default();
    poll_fn(|cx| {
        watch.cpu.begin();
        let polled = guest.as_mut().poll(cx);
        watch.cpu.end();
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if watch.gave_way.swap(false, Relaxed) => Poll::Pending,
            Poll::Pending => alarm.poll(watch, &**clock, cx).map(Err),
        }
    })
    .await
}

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Goes off when the invocation's time is over.
#[derive(Default)]
struct Alarm {
    /// For when it is set.
    set: Option<(u64, Sleep)>,
}

impl Alarm {
    fn poll(&mut self, watch: &Watch, clock: &dyn Clock, cx: &mut Context<'_>) -> Poll<Stop> {
        loop {
            let until_ms = watch.until_ms.load(Relaxed);
            if let Some((at_ms, sleep)) = &mut self.set
                && *at_ms == until_ms
                && sleep.as_mut().poll(cx).is_pending()
            {
                return Poll::Pending;
            }
            // Not set yet, set for another time, or gone off, perhaps a little early.
            let left_ms = until_ms.saturating_sub(clock.now_ms());
            if left_ms == 0 {
                return Poll::Ready(watch.late());
            }
            self.set = Some((until_ms, clock.sleep(left_ms)));
        }
    }
}
