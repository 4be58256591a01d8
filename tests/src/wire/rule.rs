//! When a wire does something, and what.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::call::Call;
use crate::wait::until;

/// When a rule acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the server hears of the call.
    Before,
    /// When the server has done it, and its client does not know yet.
    After,
}

/// What becomes of the call, or of its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    Pass,
    /// It is lost, and its connection with it.
    Cut,
    /// It is lost with all connections, and nobody is let in for a while.
    Refuse(Duration),
}

pub type Action = Arc<Mutex<dyn FnMut() -> Then + Send>>;

/// Which of the words of a call make it one that a rule is about.
pub type Condition = Box<dyn Fn(&[&[u8]]) -> bool + Send>;

pub struct Rule {
    pub call: Call,
    pub condition: Condition,
    pub moment: Moment,
    /// Which calls it is about, counted from 1, when the rule was made.
    pub which: Which,
    pub seen: u64,
    pub action: Action,
    pub hits: Hits,
}

/// Which calls a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One, counted from 1 from when the rule was made.
    Nth(u64),
    /// Each of the first so many.
    First(u64),
    /// All of them.
    Each,
}

impl Which {
    pub(super) fn is(self, number: u64) -> bool {
        match self {
            Which::Nth(which) => number == which,
            Which::First(count) => number <= count,
            Which::Each => true,
        }
    }
}

/// How often a rule has acted.
#[derive(Debug, Clone, Default)]
pub struct Hits(Arc<AtomicU64>);

impl Hits {
    /// So often.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until it has acted once.
    pub fn wait(&self, what: &str) {
        until(what, || self.count() > 0);
    }
}
