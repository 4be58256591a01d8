//! How a run is told to end before its input does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::exit::Failure;

/// A run's end before its time: asked for (what is under way is finished), or forced by a failure.
#[derive(Debug, Default)]
pub struct Stop {
    draining: AtomicBool,
    signalled: AtomicBool,
    failure: Mutex<Option<Failure>>,
    failed: AtomicBool,
    /// Why it was finished, if that is a failure.
    last_word: Mutex<Option<Failure>>,
    notify: Notify,
    condition: OnceLock<Condition>,
}

/// Why a run must not go on now, if that is so.
struct Condition(Box<dyn Fn() -> Option<Failure> + Send + Sync>);

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Condition")
    }
}

impl Stop {
    /// Makes the run depend on something that is asked before each delivery and each read, and so has to be cheap. Set
    /// once, before the run begins.
    pub fn depend_on(&self, condition: impl Fn() -> Option<Failure> + Send + Sync + 'static) {
        // A second one would be ignored.
        let _ = self.condition.set(Condition(Box::new(condition)));
    }

    /// Reading ends, what is under way is finished and settled.
    pub fn drain(&self) {
        self.signalled.store(true, Ordering::Relaxed);
        self.end();
    }

    /// The same, without a signal: another pipeline of the process has failed.
    pub fn finish(&self) {
        self.end();
    }

    /// The same, because of this: what is under way is settled, and the run ends with it unless something worse happens.
    pub fn finish_with(&self, failure: Failure) {
        self.last_word.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.end();
    }

    /// Ends the run with this failure; the first one is kept.
    pub fn fail(&self, failure: Failure) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.failed.store(true, Ordering::Release);
        self.end();
    }

    /// Ends the run like [`Stop::finish`], with this failure: what is under way is finished.
    pub fn give_up(&self, failure: Failure) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.end();
    }

    fn end(&self) {
        self.draining.store(true, Ordering::Release);
        self.notify.notify_waiters();
    }

    /// Whether no further delivery is to be begun.
    pub fn is_draining(&self) -> bool {
        if self.draining.load(Ordering::Acquire) {
            return true;
        }
        let Some(failure) = self.condition.get().and_then(|condition| (condition.0)()) else { return false };
        self.fail(failure);
        true
    }

    /// Whether somebody asked for the end.
    pub fn is_signalled(&self) -> bool {
        self.signalled.load(Ordering::Relaxed)
    }

    /// Whether nothing further may be settled.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Waits for the end to be asked for.
    pub async fn wait(&self) {
        let mut notified = std::pin::pin!(self.notify.notified());
        notified.as_mut().enable();
        if !self.is_draining() {
            notified.await;
        }
    }

    /// The failure, if there is one.
    pub fn take_failure(&self) -> Option<Failure> {
        let take =
            |failure: &Mutex<Option<Failure>>| failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        take(&self.failure).or_else(|| take(&self.last_word))
    }
}
