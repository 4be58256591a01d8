//! How a stream is read.

use std::time::Duration;

use crate::DEFAULT_LINE_LIMIT;

/// How a stream is read.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// How long nothing is heard of an entry before another host takes it over. At least a claim's lease and its
    /// margin: whoever takes an entry over must not meet a claim that still holds. Default 65 s.
    pub takeover_idle: Duration,
    /// How many entries this process holds at once: queued, being handled, waiting for a retry. While it holds so
    /// many, it reads no more. Default 4,096.
    pub most_held: usize,
    /// Nobody else reads for the group, which is for the caller to see to. Then all that is pending at first was left behind:
    /// it is taken over at once and handed out before anything new, so that entries come in their order. Default `false`.
    pub alone: bool,
    /// How large a message may be, names of fields included, in bytes. A larger one is malformed. Default 1 MiB.
    pub message_limit: usize,
    /// How long nothing was heard of a consumer that has nothing pending before it is removed. Hosts that are there
    /// give a sign of life four times in each `takeover_idle`. Default 1 h; never less than ten times `takeover_idle`.
    pub dead_after: Duration,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            takeover_idle: Duration::from_secs(65),
            most_held: 4096,
            alone: false,
            message_limit: DEFAULT_LINE_LIMIT,
            dead_after: Duration::from_secs(3600),
        }
    }
}

impl SourceOptions {
    /// How often to look for what others left behind.
    pub(super) fn look_every(&self) -> Duration {
        (self.takeover_idle / 4).clamp(Duration::from_millis(10), Duration::from_secs(2))
    }

    /// How old a sign of life may become.
    pub(super) fn keep_every(&self) -> Duration {
        self.takeover_idle / 4
    }

    /// How long a consumer is silent before it is removed.
    pub(super) fn dead_after(&self) -> Duration {
        self.dead_after.max(self.takeover_idle * 10)
    }
}
