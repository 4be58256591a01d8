//! What waits for its call, joined when its turn comes.

use std::collections::{HashMap, VecDeque};

use crate::address::Address;
use crate::order::Order;
use crate::target::Target;

/// The most keys that are joined into one call. Redis does nothing else while a script runs; this many take it
/// some 0.5 ms. One delivery with more keys still is one call.
pub const MOST_KEYS: usize = 128;

/// The most bytes that are joined into one call.
const MOST_BYTES: usize = 1 << 20;

/// What can be joined: parts of one script for one target.
type Kind = (usize, Target);

/// What waits for a call, by kind.
#[derive(Debug, Default)]
pub struct Queues {
    waiting: HashMap<Kind, VecDeque<Order>>,
    /// The kinds that have something waiting, so that none waits for ever behind a busy one.
    turns: VecDeque<Kind>,
}

impl Queues {
    /// Adds one at the end.
    pub fn push(&mut self, order: Order) {
        let kind = (order.part.script.number(), order.target.clone());
        match self.waiting.get_mut(&kind) {
            Some(queue) => queue.push_back(order),
            None => {
                self.turns.push_back(kind.clone());
                self.waiting.insert(kind, VecDeque::from([order]));
            }
        }
    }

    /// The orders of the next call.
    pub fn next(&mut self) -> Option<Vec<Order>> {
        while let Some(kind) = self.turns.pop_front() {
            let Some(queue) = self.waiting.get_mut(&kind) else { continue };
            let orders = joined(queue);
            if queue.is_empty() {
                self.waiting.remove(&kind);
            } else {
                self.turns.push_back(kind);
            }
            if !orders.is_empty() {
                return Some(orders);
            }
        }
        None
    }

    fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

/// As many orders as fit into one call, at least one.
fn joined(queue: &mut VecDeque<Order>) -> Vec<Order> {
    let (mut orders, mut keys, mut bytes) = (Vec::new(), 0, 0);
    while let Some(order) = queue.pop_front() {
        // Nobody waits any more.
        if order.reply.is_closed() {
            continue;
        }
        keys += order.part.keys.len();
        bytes += order.part.keys.bytes() + order.part.args.bytes();
        if !orders.is_empty() && (keys > MOST_KEYS || bytes > MOST_BYTES) {
            queue.push_front(order);
            break;
        }
        orders.push(order);
    }
    orders
}

/// To whom a call goes: the address of a cluster's node, or none for the only one.
pub type Lane = Option<Address>;

/// The queues of each primary: one that does not answer holds up no other.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<(Lane, Queues, usize)>,
    /// How many calls to one primary are under way at once.
    most_calls: usize,
}

impl Lanes {
    /// With so many calls to one primary at once.
    pub fn new(most_calls: usize) -> Self {
        Self { lanes: Vec::new(), most_calls }
    }

    /// Adds one at the end.
    pub fn push(&mut self, lane: Lane, order: Order) {
        match self.lanes.iter_mut().find(|(known, ..)| *known == lane) {
            Some((_, queues, _)) => queues.push(order),
            None => {
                let mut queues = Queues::default();
                queues.push(order);
                self.lanes.push((lane, queues, 0));
            }
        }
    }

    /// A call that can be made now. It is under way until it is [`done`](Self::done).
    pub fn next(&mut self) -> Option<(Lane, Vec<Order>)> {
        let most_calls = self.most_calls;
        self.lanes.iter_mut().filter(|(.., under_way)| *under_way < most_calls).find_map(
            |(lane, queues, under_way)| {
                let orders = queues.next()?;
                *under_way += 1;
                Some((lane.clone(), orders))
            },
        )
    }

    /// A call has ended.
    pub fn done(&mut self, lane: &Lane) {
        if let Some((_, _, under_way)) = self.lanes.iter_mut().find(|(known, ..)| known == lane) {
            *under_way -= 1;
        }
        // Nodes come and go.
        self.lanes.retain(|(_, queues, under_way)| *under_way > 0 || !queues.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Script;
    use crate::order::{Answer, Part};
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    fn order(
        script: &Script,
        target: Target,
        keys: usize,
        bytes: usize,
    ) -> (Order, oneshot::Receiver<Answer>) {
        let mut part = Part::new(script);
        (0..keys).for_each(|_| part.keys.push(b"k"));
        part.args.push(&vec![0; bytes]);
        let (reply, answer) = oneshot::channel();
        (Order { part, target, reply, deadline: Instant::now() }, answer)
    }

    fn sizes(orders: Vec<(usize, usize)>) -> Vec<usize> {
        let script = Script::new("return {}");
        let mut queues = Queues::default();
        let mut answers = Vec::new();
        for (keys, bytes) in orders {
            let (order, answer) = order(&script, Target::Any, keys, bytes);
            queues.push(order);
            answers.push(answer);
        }
        std::iter::from_fn(|| queues.next()).map(|orders| orders.len()).collect()
    }

    #[test]
    fn calls_are_bounded_in_keys_and_bytes() {
        assert_eq!(sizes(vec![(1, 10); 300]), [128, 128, 44]);
        assert_eq!(sizes(vec![(100, 0), (28, 0), (1, 0)]), [2, 1]);
        assert_eq!(sizes(vec![(5000, 0), (1, 0)]), [1, 1]);
        assert_eq!(sizes(vec![(1, MOST_BYTES), (1, 1), (1, 1)]), [1, 2]);
    }

    #[test]
    fn what_nobody_waits_for_is_not_asked() {
        let mut queues = Queues::default();
        queues.push(order(&Script::new("return {}"), Target::Any, 1, 1).0);
        assert!(queues.next().is_none());
        assert!(queues.is_empty());
    }

    #[test]
    fn only_parts_of_one_script_and_one_target_are_joined_and_each_kind_has_its_turn() {
        let (claim, settle) = (Script::new("return {1}"), Script::new("return {2}"));
        let mut queues = Queues::default();
        let mut answers = Vec::new();
        for _ in 0..200 {
            for (script, target) in
                [(&claim, Target::Slot(1)), (&claim, Target::Slot(2)), (&settle, Target::Slot(1))]
            {
                let (order, answer) = order(script, target, 1, 1);
                queues.push(order);
                answers.push(answer);
            }
        }
        let calls: Vec<_> = std::iter::from_fn(|| queues.next()).collect();
        assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [128, 128, 128, 72, 72, 72]);
        for call in calls {
            let same =
                |order: &Order| order.target == call[0].target && order.part.script == call[0].part.script;
            assert!(call.iter().all(same));
        }
    }

    #[test]
    fn a_primary_that_does_not_answer_holds_up_no_other() {
        let script = Script::new("return {}");
        let (stuck, other) = (Some(Address::new("stuck", 1)), Some(Address::new("other", 1)));
        let mut lanes = Lanes::new(1);
        let mut answers = Vec::new();
        for (lane, slot) in [(&stuck, 1), (&stuck, 2), (&other, 3), (&other, 4)] {
            let (order, answer) = order(&script, Target::Slot(slot), 1, 1);
            lanes.push(lane.clone(), order);
            answers.push(answer);
        }
        assert_eq!(lanes.next().map(|(lane, _)| lane), Some(stuck.clone()));
        assert_eq!(lanes.next().map(|(lane, _)| lane), Some(other.clone()));
        assert!(lanes.next().is_none());
        lanes.done(&other);
        assert_eq!(lanes.next().map(|(lane, _)| lane), Some(other.clone()));
        lanes.done(&other);
        assert!(lanes.next().is_none());
        lanes.done(&stuck);
        assert_eq!(lanes.next().map(|(lane, _)| lane), Some(stuck));
    }
}
