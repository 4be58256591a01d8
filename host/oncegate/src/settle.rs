//! The only place that knows a store and sinks together.
//!
//! Where the store can record the sinks' positions with its commits, both become one step ([`Exact`]); where source,
//! store and sinks are one Redis, all of it does ([`Atomic`]). Elsewhere the order is kept that loses nothing
//! ([`Ordered`]): fences, outputs, marks, acknowledgement.

mod atomic;
mod exact;
mod ordered;

use std::pin::Pin;

use oncegate_dedup::store::SettleOutcome;

pub use atomic::{Atomic, OneStep, RedisStep};
pub use exact::Exact;
pub use ordered::Ordered;

use crate::exit::Failure;
use crate::pipeline::Item;

/// What came of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What the store says of its claims.
    Settled(SettleOutcome),
    /// The delivery had been handed to somebody else before: nothing of it is applied, and it is theirs.
    TakenOver,
}

impl Outcome {
    /// Whether it is applied, now or before.
    pub fn is_applied(&self) -> bool {
        matches!(self, Outcome::Settled(SettleOutcome::Applied { .. }))
    }
}

/// A settle that is under way, on the thread that began it.
pub type Settling<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Settles deliveries, each all or nothing and none affecting another.
pub trait Settle {
    /// Settles a group: an outcome for each, in order. What has lost its fence, or comes too late, is not
    /// applied; its plan says what becomes of it. Fails if something cannot be written: nothing of the group is
    /// acknowledged then, and the run has to end.
    fn settle<'a>(&'a mut self, group: &'a mut [&mut Item]) -> Settling<'a, Result<Vec<Outcome>, Failure>>;

    /// Records that the run ended as it should. Not called after a failure.
    fn close(&mut self) -> Settling<'_, Result<(), Failure>>;
}

/// An attempt whose lease has too little left begins no output: somebody else may hold its key before it is out.
fn put_off_what_is_late<'a, 'b: 'a>(
    items: impl IntoIterator<Item = &'a mut &'b mut Item>,
    gate: &oncegate_dedup::Gate,
) {
    let now_ms = gate.clock().now_ms();
    for item in items {
        let until_ms = item.ending.as_ref().and_then(oncegate_dedup::Ending::acts_until_ms);
        if until_ms.is_some_and(|until_ms| now_ms >= until_ms) {
            item.put_off(gate);
        }
    }
}
