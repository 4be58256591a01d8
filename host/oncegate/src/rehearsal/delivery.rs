//! One delivery of a message to a host, and what came of it.

use super::call::Call;
use super::crash::Crash;
use crate::summary::End;

/// Calls that are kept of one delivery; more are counted.
const MOST_CALLS: usize = 50;

/// What came of one delivery.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// The handler's calls, in order: several if it failed or was put off in between.
    pub calls: Vec<Call>,
    /// Calls beyond those that are kept, the last of which stands for all of them.
    pub more_calls: u32,
    /// Where its host died.
    pub crash: Option<Crash>,
    /// How it ended. None if its host died before the settle.
    pub end: Option<End>,
    /// Why it is a dead letter, if it is one.
    pub reason: Option<String>,
    /// The outputs that were applied, as lines of an output.
    pub outputs: Vec<String>,
    /// The commits that were applied: keys as listings show them, and receipts.
    pub commits: Vec<(String, Option<Vec<u8>>)>,
}

impl Delivery {
    /// One more call.
    pub fn add(&mut self, call: Call) {
        if self.calls.len() >= MOST_CALLS {
            self.calls.pop();
            self.more_calls += 1;
        }
        self.calls.push(call);
    }

    /// The call that decided.
    pub fn last_call(&self) -> Option<&Call> {
        self.calls.last()
    }

    /// Whether it had an effect.
    pub fn is_applied(&self) -> bool {
        !self.outputs.is_empty() || !self.commits.is_empty()
    }

    /// About what it takes in memory.
    pub fn bytes(&self) -> usize {
        let calls = self.calls.iter().map(Call::bytes);
        let outputs = self.outputs.iter().map(String::len);
        calls.chain(outputs).sum::<usize>() + self.reason.as_ref().map_or(0, String::len)
    }
}

/// Whether a delivery that ends so was given up.
pub fn is_dead(end: End) -> bool {
    !matches!(
        end,
        End::Applied
            | End::DuplicateL1
            | End::DuplicateStore
            | End::DuplicateWaited
            | End::NoEffect
            | End::Unkeyed
            | End::TakenOver
            | End::Undone
    )
}

/// Whether its keys had been committed before.
pub fn is_duplicate(end: End) -> bool {
    matches!(end, End::DuplicateL1 | End::DuplicateStore | End::DuplicateWaited)
}
