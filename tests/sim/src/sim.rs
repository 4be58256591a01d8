//! Virtual time, and the one lock around everything that is simulated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::world::World;

/// What everything that is simulated hangs on.
#[derive(Debug)]
pub struct Sim {
    world: Mutex<World>,
}

impl Sim {
    /// Around this world.
    pub fn new(world: World) -> Arc<Self> {
        Arc::new(Self { world: Mutex::new(world) })
    }

    /// The world. Never held while somebody waits.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, in virtual time.
    pub fn sleep_us(self: &Arc<Self>, us: u64) -> Sleep {
        let at_us = self.world().now_us() + us;
        Sleep { sim: Arc::clone(self), at_us, alarm: None }
    }
}

/// What is due at some time.
pub enum Due {
    /// Somebody wakes.
    Wake(Arc<Alarm>),
    /// Something happens.
    Do(Box<dyn FnOnce(&mut World) + Send>),
}

impl fmt::Debug for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Due::Wake(_) => "Wake",
            Due::Do(_) => "Do",
        })
    }
}

/// What is due, the next first; of equally due things the one that was set first.
#[derive(Debug, Default)]
pub struct Timers {
    now_us: u64,
    set: u64,
    heap: BinaryHeap<Reverse<Timer>>,
}

#[derive(Debug)]
struct Timer {
    at_us: u64,
    number: u64,
    due: Due,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_us, self.number).cmp(&(other.at_us, other.number))
    }
}

impl Timers {
    /// What time it is.
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Computing takes a little time, too.
    pub fn go_on(&mut self, us: u64) {
        let until_us = self.heap.peek().map_or(u64::MAX, |Reverse(timer)| timer.at_us);
        self.now_us = (self.now_us + us).min(until_us.max(self.now_us));
    }

    /// Has something happen at a time; at once if that is over.
    pub fn set(&mut self, at_us: u64, due: Due) {
        self.set += 1;
        self.heap.push(Reverse(Timer { at_us: at_us.max(self.now_us), number: self.set, due }));
    }

    /// How long until something is due, if anything is.
    pub fn next_in_us(&mut self) -> Option<u64> {
        while let Some(Reverse(timer)) = self.heap.peek() {
            match &timer.due {
                // Whoever waited has gone.
                Due::Wake(alarm) if alarm.is_off() => drop(self.heap.pop()),
                _ => return Some(timer.at_us.saturating_sub(self.now_us)),
            }
        }
        None
    }

    /// Goes to the time of what is due next, and takes it.
    pub fn take_next(&mut self) -> Option<Due> {
        let Reverse(timer) = self.heap.pop()?;
        self.now_us = self.now_us.max(timer.at_us);
        Some(timer.due)
    }
}

/// Wakes one task once.
#[derive(Debug, Default)]
pub struct Alarm {
    rang: AtomicBool,
    off: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Alarm {
    /// Rings.
    pub fn ring(&self) {
        self.rang.store(true, Ordering::Relaxed);
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }

    fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    fn wait(&self, cx: &Context<'_>) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
    }
}

/// A wait in virtual time.
#[derive(Debug)]
pub struct Sleep {
    sim: Arc<Sim>,
    at_us: u64,
    alarm: Option<Arc<Alarm>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(alarm) = &self.alarm {
            if alarm.rang.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            alarm.wait(cx);
            return Poll::Pending;
        }
        let sim = Arc::clone(&self.sim);
        let mut world = sim.world();
        if world.now_us() >= self.at_us {
            return Poll::Ready(());
        }
        let alarm = Arc::new(Alarm::default());
        alarm.wait(cx);
        world.timers.set(self.at_us, Due::Wake(Arc::clone(&alarm)));
        self.alarm = Some(alarm);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = &self.alarm {
            alarm.off.store(true, Ordering::Relaxed);
        }
    }
}

/// Something that comes once: the answer to a request.
#[derive(Debug)]
pub struct Cell<T>(Mutex<CellState<T>>);

#[derive(Debug)]
struct CellState<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<T> Cell<T> {
    /// Not there yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(CellState { value: None, waker: None })))
    }

    /// Here it is. What comes first stays.
    pub fn put(&self, value: T) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.value.get_or_insert(value);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Waits for it.
    pub fn taken(self: Arc<Self>) -> Taken<T> {
        Taken(self)
    }
}

/// Waits for what a [`Cell`] is given.
#[derive(Debug)]
pub struct Taken<T>(Arc<Cell<T>>);

impl<T> Future for Taken<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
