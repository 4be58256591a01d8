//! What settles: what several workers have ready at one time is made durable as one group.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::Shared;
use super::task::Item;
use crate::settle::{Outcome, Settle};
use crate::summary::Event;

/// What one group weighs at most, about: so many deliveries, if each has one key and writes little. Whoever shares the
/// store waits for a group, so that its length is not for a handler to choose.
const GROUP: usize = 1024;

/// What a worker has ready.
#[derive(Debug)]
pub(crate) struct Ready {
    pub items: Vec<Item>,
    /// What they weigh together.
    pub weight: usize,
    pub reply: UnboundedSender<Settled>,
}

/// The same, settled: an outcome for each.
#[derive(Debug)]
pub(crate) struct Settled {
    pub items: Vec<Item>,
    /// What they weighed before.
    pub weight: usize,
    pub outcomes: Vec<Outcome>,
}

/// The part that settles.
#[derive(Debug)]
pub struct SettleStage {
    pub(super) ready: UnboundedReceiver<Ready>,
    pub(super) shared: Arc<Shared>,
}

impl SettleStage {
    /// Settles until the last worker has gone, or until something cannot be written.
    pub async fn run(mut self, settle: &mut dyn Settle) {
        while let Some(first) = self.ready.recv().await {
            let mut weight = first.weight;
            let mut group = vec![first];
            while weight < GROUP
                && let Ok(more) = self.ready.try_recv()
            {
                weight += more.weight;
                group.push(more);
            }
            // After a failure nothing is settled any more; workers only wait for their replies.
            if self.shared.stop.has_failed() {
                continue;
            }
            let mut items: Vec<&mut Item> = group.iter_mut().flat_map(|ready| &mut ready.items).collect();
            match settle.settle(&mut items).await {
                Ok(outcomes) => {
                    self.shared.tally.add(Event::Group, 1);
                    reply(group, outcomes);
                }
                Err(failure) => self.shared.stop.fail(failure),
            }
        }
    }
}

fn reply(group: Vec<Ready>, outcomes: Vec<Outcome>) {
    let mut outcomes = outcomes.into_iter();
    for Ready { items, weight, reply } in group {
        let outcomes = outcomes.by_ref().take(items.len()).collect();
        // A worker that is gone needs no reply.
        let _ = reply.send(Settled { items, weight, outcomes });
    }
}
