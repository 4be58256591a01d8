//! The thread that settles: what several workers have ready at one time is made durable as one group.

use std::sync::mpsc::Receiver;

use tokio::sync::mpsc::UnboundedSender;

use super::Shared;
use super::task::Item;
use crate::settle::{Outcome, Settle};
use crate::summary::Event;

/// Deliveries that one group holds at most, about.
const GROUP: usize = 1024;

/// What a worker has ready.
pub(crate) struct Ready {
    pub items: Vec<Item>,
    pub reply: UnboundedSender<Settled>,
}

/// The same, settled: an outcome for each.
pub(crate) struct Settled {
    pub items: Vec<Item>,
    pub outcomes: Vec<Outcome>,
}

/// Settles until the last worker has gone, or until something cannot be written.
pub(crate) fn run(settle: &mut (dyn Settle + Send), ready: Receiver<Ready>, shared: &Shared) {
    while let Ok(first) = ready.recv() {
        let mut group = vec![first];
        let mut count = group.iter().map(|ready| ready.items.len()).sum::<usize>();
        while count < GROUP
            && let Ok(more) = ready.try_recv()
        {
            count += more.items.len();
            group.push(more);
        }
        // After a failure nothing is settled any more; workers only wait for their replies.
        if shared.stop.has_failed() {
            continue;
        }
        let mut items: Vec<&mut Item> = group.iter_mut().flat_map(|ready| &mut ready.items).collect();
        match settle.settle(&mut items) {
            Ok(outcomes) => {
                shared.tally.add(Event::Group, 1);
                reply(group, outcomes);
            }
            Err(failure) => shared.stop.fail(failure),
        }
    }
}

fn reply(group: Vec<Ready>, outcomes: Vec<Outcome>) {
    let mut outcomes = outcomes.into_iter();
    for Ready { items, reply } in group {
        let outcomes = outcomes.by_ref().take(items.len()).collect();
        // A worker that is gone needs no reply.
        let _ = reply.send(Settled { items, outcomes });
    }
}
