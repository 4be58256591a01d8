//! Whose turn it is: messages of one key, or of the whole input, one after the other.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use oncegate_broker::{Delivery, Message};

use super::retry::Waiting;
use super::task;

/// In which order deliveries are handled. What comes after a delivery waits until that one has come to its final
/// end, through all its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As they come, several at once.
    #[default]
    None,
    /// Those with one message key one after the other. Those without a key are in no order.
    Key,
    /// All one after the other.
    Partition,
}

impl Order {
    /// What deliveries have to have in common to be handled one after the other; none if this one waits for nobody.
    fn of(self, key: Option<&str>) -> Option<&str> {
        match self {
            Order::None => None,
            Order::Key => key,
            Order::Partition => Some(""),
        }
    }

    /// Which of so many threads handles a delivery, so that each thread sees to the order of its own.
    pub fn lane(self, delivery: &Delivery, lanes: usize) -> usize {
        let key = match delivery {
            Delivery::Message(message) => self.of(message.key.as_deref()),
            // In order with nothing; where all is in order, it is written as soon as it is met.
            Delivery::Malformed(_) => None,
        };
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        // The remainder is below the number of lanes.
        (hasher.finish() % lanes.max(1) as u64) as usize
    }
}

/// The turns of one thread's deliveries.
pub(crate) struct Turns<'a> {
    order: Order,
    waiting: &'a Waiting,
    /// Those of which one is under way, and what comes after it.
    busy: HashMap<Box<str>, VecDeque<Message>>,
    /// Those whose turn it is now.
    ready: VecDeque<Message>,
}

impl<'a> Turns<'a> {
    pub fn new(order: Order, waiting: &'a Waiting) -> Self {
        Self { order, waiting, busy: HashMap::new(), ready: VecDeque::new() }
    }

    /// The message, if it may begin now; otherwise it is kept until its turn.
    pub fn admit(&mut self, message: Message) -> Option<Message> {
        let Some(key) = self.order.of(message.key.as_deref()) else { return Some(message) };
        match self.busy.get_mut(key) {
            Some(behind) => {
                self.waiting.add(task::bytes(&message));
                behind.push_back(message);
                None
            }
            None => {
                self.busy.insert(key.into(), VecDeque::new());
                Some(message)
            }
        }
    }

    /// Whether a message's turn has come.
    pub fn has_next(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next message whose turn has come.
    pub fn next(&mut self) -> Option<Message> {
        let message = self.ready.pop_front()?;
        self.waiting.remove(task::bytes(&message));
        Some(message)
    }

    /// A delivery with this key has come to its final end: the next one's turn has come.
    pub fn ended(&mut self, key: Option<&str>) {
        let Some(key) = self.order.of(key) else { return };
        match self.busy.get_mut(key).map(VecDeque::pop_front) {
            Some(Some(next)) => self.ready.push_back(next),
            _ => drop(self.busy.remove(key)),
        }
    }

    /// Whether nothing waits for its turn.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.busy.values().all(VecDeque::is_empty)
    }
}

impl Drop for Turns<'_> {
    fn drop(&mut self) {
        let behind = self.busy.values().flatten().chain(&self.ready);
        behind.for_each(|message| self.waiting.remove(task::bytes(message)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::WaitingBound;

    fn message(id: &str, key: Option<&str>) -> Message {
        Message {
            id: id.to_owned(),
            topic: String::new(),
            key: key.map(str::to_owned),
            headers: Vec::new(),
            payload: Vec::new(),
            published_ms: None,
            ticket: None,
        }
    }

    #[test]
    fn those_of_one_key_come_one_after_the_other_and_wait_within_the_bound() {
        let waiting = Waiting::new(WaitingBound { count: 2, bytes: u64::MAX });
        let mut turns = Turns::new(Order::Key, &waiting);
        assert!(turns.admit(message("a1", Some("a"))).is_some());
        assert!(turns.admit(message("a2", Some("a"))).is_none());
        assert!(turns.admit(message("b1", Some("b"))).is_some());
        assert!(turns.admit(message("x", None)).is_some());
        assert!(turns.admit(message("a3", Some("a"))).is_none());
        assert!(waiting.is_full(0));
        assert!(turns.next().is_none());
        turns.ended(Some("b"));
        assert!(turns.next().is_none());
        turns.ended(Some("a"));
        assert_eq!(turns.next().map(|m| m.id).as_deref(), Some("a2"));
        assert!(turns.next().is_none() && !turns.is_empty() && !waiting.is_full(0));
        turns.ended(Some("a"));
        assert_eq!(turns.next().map(|m| m.id).as_deref(), Some("a3"));
        turns.ended(Some("a"));
        assert!(turns.is_empty());
        // The key is nobody's again.
        assert!(turns.admit(message("a4", Some("a"))).is_some());
    }

    #[test]
    fn a_partition_is_one_queue_and_one_lane() {
        let waiting = Waiting::new(WaitingBound { count: 9, bytes: u64::MAX });
        let mut turns = Turns::new(Order::Partition, &waiting);
        assert!(turns.admit(message("1", Some("a"))).is_some());
        assert!(turns.admit(message("2", Some("b"))).is_none());
        let lane = |order: Order, key| order.lane(&Delivery::Message(message("m", key)), 7);
        assert_eq!(lane(Order::Partition, Some("a")), lane(Order::Partition, None));
        assert_eq!(lane(Order::Key, Some("a")), lane(Order::Key, Some("a")));
        drop(turns);
        assert_eq!(waiting.most(), 1);
        assert!(!Waiting::is_full(&waiting, 8));
    }
}
