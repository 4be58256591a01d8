//! A component, and all that an operator decides about how it runs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::component::Component;
use crate::grants::Grants;
use crate::instance::Worker;
use crate::limits::{Limits, ZeroLimit};

/// What an operator decides about a handler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What one invocation may use: the limits with which its component was loaded, or every invocation may
    /// fail at its start.
    pub limits: Limits,
    /// What the handler's `config` import answers. Default: nothing.
    pub config: HashMap<String, String>,
    /// The topics that it may emit to. Default: none.
    pub topics: Topics,
    /// What its clocks and random numbers are. Default: the system's, the clocks in whole milliseconds.
    pub grants: Grants,
    /// Whether instances serve one message or many. Default: one.
    pub reuse: Reuse,
    /// How many instances may wait for their next message, in all threads together: each takes up room in the
    /// engine's pool. Default: as many as were ever under way.
    pub most_idle: Option<usize>,
}

/// The topics that a handler may emit to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    /// Any. What becomes of the names is then the sink's affair.
    Any,
    /// These. Any other is refused with `topic-not-allowed`.
    Only(HashSet<String>),
}

impl Default for Topics {
    fn default() -> Self {
        Self::Only(HashSet::new())
    }
}

impl Topics {
    pub(crate) fn allow(&self, topic: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(topics) => topics.contains(topic),
        }
    }
}

/// How long an instance lives. Whatever trapped, was stopped, or had its call dropped is thrown away at once,
/// with everything that belongs to it, in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// For one message: nothing that a message left behind can reach the next one. The default.
    #[default]
    Fresh,
    /// For many: several times faster, and the handler's memory carries over from message to message. A
    /// handler that one message subverted is subverted for the following ones.
    ///
    /// What an instance has gathered over its messages (memory, elements of tables, handles) may bring a message to a
    /// limit that it is not to blame for. Such a message runs once more, at once, in a fresh instance: see
    /// [`Worker::invoke`].
    Reused {
        /// For how many messages; at least 1.
        max_calls: u32,
        /// An instance that has more linear memory than this after a message, in bytes, takes no further one.
        /// None, the default: half of [`Limits::memory_bytes`]. Below what a fresh instance takes, each message gets
        /// one.
        max_memory: Option<usize>,
    },
}

impl Reuse {
    /// 10,000 messages, half of the memory limit.
    pub const DEFAULT: Reuse = Reuse::Reused { max_calls: 10_000, max_memory: None };
}

/// A component with its settings. Cheap to clone and to share between threads; each thread takes a
/// [`Worker`] of it.
#[derive(Debug, Clone)]
pub struct Handler {
    pub(crate) component: Component,
    pub(crate) settings: Arc<Settings>,
    /// Instances that wait, in all threads together.
    pub(crate) idle: Arc<AtomicUsize>,
}

impl Handler {
    /// Fails on a limit that would let nothing run.
    pub fn new(component: Component, settings: Settings) -> Result<Self, ZeroLimit> {
        settings.limits.validate()?;
        Ok(Self { component, settings: Arc::new(settings), idle: Arc::default() })
    }

    /// Where one thread's invocations happen.
    pub fn worker(&self) -> Worker {
        Worker::new(self.clone())
    }

    /// The component.
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
