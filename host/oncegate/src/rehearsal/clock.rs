//! A clock on which nobody waits: whoever sleeps is woken as soon as nothing else can go on, and it is that much later.
//!
//! It does not go by itself, so that a test comes to the same each time, on however busy a machine.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use futures_util::future::{BoxFuture, FutureExt as _};
use oncegate_dedup::{AttemptId, Clock, SystemClock};

use super::dice::Dice;

/// The time at which it was made and all that was leapt over; chance is that of a seed. Clones are the same clock.
#[derive(Clone)]
pub struct LeapClock(Arc<Mutex<Inner>>);

struct Inner {
    /// On the machine's clocks, when it was made.
    began_ms: u64,
    began_wall_ms: u64,
    leapt_ms: u64,
    dice: Dice,
    /// By when they are to be woken.
    sleepers: BTreeMap<(u64, u64), Waker>,
    next_sleeper: u64,
}

impl fmt::Debug for LeapClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeapClock").field("leapt_ms", &self.inner().leapt_ms).finish_non_exhaustive()
    }
}

impl Inner {
    fn now_ms(&self) -> u64 {
        self.began_ms.saturating_add(self.leapt_ms)
    }
}

impl LeapClock {
    /// Nothing is leapt over yet.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            began_ms: SystemClock.now_ms(),
            began_wall_ms: SystemClock.wall_ms(),
            leapt_ms: 0,
            dice: Dice::new(seed),
            sleepers: BTreeMap::new(),
            next_sleeper: 0,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those who are to be woken next. False if nobody sleeps.
    fn leap(&self) -> bool {
        let mut inner = self.inner();
        let Some((&(due_ms, _), _)) = inner.sleepers.first_key_value() else { return false };
        let by_ms = due_ms.saturating_sub(inner.now_ms());
        inner.leapt_ms = inner.leapt_ms.saturating_add(by_ms);
        let later = inner.sleepers.split_off(&(due_ms, u64::MAX));
        let woken = std::mem::replace(&mut inner.sleepers, later);
        drop(inner);
        woken.into_values().for_each(Waker::wake);
        true
    }

    /// Runs a future to its end, on this thread and this clock.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let alarm = Arc::new(Alarm { rung: AtomicBool::new(true), thread: std::thread::current() });
        let waker = Waker::from(Arc::clone(&alarm));
        loop {
            if alarm.rung.swap(false, Ordering::Acquire) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return output;
                }
            } else if !self.leap() {
                std::thread::park();
            }
        }
    }
}

/// Rings when the future that is run can go on.
struct Alarm {
    rung: AtomicBool,
    thread: Thread,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Clock for LeapClock {
    fn now_ms(&self) -> u64 {
        self.inner().now_ms()
    }

    fn wall_ms(&self) -> u64 {
        let inner = self.inner();
        inner.began_wall_ms.saturating_add(inner.leapt_ms)
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let mut inner = self.inner();
        let number = inner.next_sleeper;
        inner.next_sleeper += 1;
        let due_ms = inner.now_ms().saturating_add(ms);
        Sleep { clock: self.clone(), place: (due_ms, number) }.boxed()
    }

    fn attempt_id(&self) -> AttemptId {
        let mut inner = self.inner();
        let bits = (u128::from(inner.dice.roll()) << 64) | u128::from(inner.dice.roll());
        AttemptId::from_bytes(bits.to_be_bytes())
    }
}

struct Sleep {
    clock: LeapClock,
    place: (u64, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.clock.inner();
        if inner.now_ms() >= self.place.0 {
            return Poll::Ready(());
        }
        inner.sleepers.insert(self.place, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.inner().sleepers.remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    #[test]
    fn a_day_is_slept_at_once_and_in_order() {
        let (clock, began) = (LeapClock::new(1), Instant::now());
        let (now_ms, wall_ms) = (clock.now_ms(), clock.wall_ms());
        let order = clock.block_on(async {
            let order = Mutex::new(Vec::new());
            let sleep = async |ms: u64| {
                clock.sleep(ms).await;
                order.lock().unwrap().push(ms);
            };
            tokio::join!(sleep(DAY_MS), sleep(1000), sleep(0), sleep(2000));
            order.into_inner().unwrap()
        });
        assert_eq!(order, [0, 1000, 2000, DAY_MS]);
        assert_eq!((clock.now_ms() - now_ms, clock.wall_ms() - wall_ms), (DAY_MS, DAY_MS));
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn nobody_is_woken_early_while_something_else_can_go_on_and_a_dropped_sleep_wakes_nobody() {
        let clock = LeapClock::new(1);
        clock.block_on(async {
            drop(clock.sleep(1));
            let mut long = pin!(clock.sleep(DAY_MS));
            let rounds = async {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
            };
            let rounds = pin!(rounds);
            let first = futures_util::future::select(long.as_mut(), rounds).await;
            assert!(matches!(first, futures_util::future::Either::Right(_)));
        });
        assert_eq!(clock.inner().leapt_ms, 0);
    }

    #[test]
    fn somebody_on_another_thread_is_waited_for() {
        let clock = LeapClock::new(1);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            sender.send(7).unwrap();
        });
        assert_eq!(clock.block_on(receiver), Ok(7));
        other.join().unwrap();
    }

    #[test]
    fn no_two_attempts_have_one_id() {
        let clock = LeapClock::new(3);
        let ids: std::collections::HashSet<AttemptId> = (0..1000).map(|_| clock.attempt_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert_eq!(LeapClock::new(3).attempt_id(), LeapClock::new(3).attempt_id());
    }
}
