//! Which message is delivered next, and where its host dies.

use super::crash::Crash;
use super::dice::Dice;

/// In which order deliveries come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All of a message, then all of the next one.
    ByMessage,
    /// Any, as this seed has it.
    Shuffled(u64),
}

/// What each message goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where hosts die, in this order.
    pub crashes: Vec<Crash>,
    /// How often it is delivered once more, after it has been acknowledged.
    pub repeat: u32,
    /// In which order.
    pub order: Order,
}

impl Plan {
    /// How many deliveries a message has at the most.
    pub fn deliveries(&self) -> u64 {
        self.crashes.len() as u64 + 1 + u64::from(self.repeat)
    }

    /// The messages' numbers in the order in which they are delivered, one for each delivery that there may be.
    pub fn sequence(&self, messages: usize) -> Vec<usize> {
        let each = usize::try_from(self.deliveries()).unwrap_or(usize::MAX);
        match self.order {
            Order::ByMessage => (0..messages).flat_map(|message| (0..each).map(move |_| message)).collect(),
            Order::Shuffled(seed) => {
                let mut sequence = Self { order: Order::ByMessage, ..self.clone() }.sequence(messages);
                Dice::new(seed).shuffle(&mut sequence);
                sequence
            }
        }
    }
}

/// How far a message has come.
#[derive(Debug, Clone)]
pub struct Progress {
    crashes: std::vec::IntoIter<Crash>,
    /// Deliveries without a crash that are left.
    whole: u32,
    /// How often it was handed out since it was last acknowledged.
    handed_out: u64,
    /// Before that nobody delivers it.
    pub not_before_ms: u64,
}

impl Progress {
    /// It has not been delivered yet.
    pub fn new(plan: &Plan) -> Self {
        let whole = plan.repeat.saturating_add(1);
        Self { crashes: plan.crashes.clone().into_iter(), whole, handed_out: 0, not_before_ms: 0 }
    }

    /// Whether nothing is left to be delivered.
    pub fn is_done(&self) -> bool {
        self.whole == 0
    }

    /// Where the host of the next delivery is to die, and for how manieth time the message is handed out.
    pub fn next(&mut self) -> (Option<Crash>, u64) {
        self.handed_out += 1;
        (self.crashes.next(), self.handed_out)
    }

    /// That delivery is over. One that did not crash is acknowledged, and is not made again of itself.
    pub fn delivered(&mut self, crashed: bool) {
        if !crashed {
            self.crashes = Vec::new().into_iter();
            self.whole = self.whole.saturating_sub(1);
            self.handed_out = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(order: Order) -> Plan {
        Plan { crashes: Crash::ALL.to_vec(), repeat: 1, order }
    }

    #[test]
    fn every_order_has_every_delivery() {
        assert_eq!(plan(Order::ByMessage).sequence(2), [0, 0, 0, 0, 1, 1, 1, 1]);
        let mut shuffled = plan(Order::Shuffled(5)).sequence(20);
        assert_eq!(shuffled, plan(Order::Shuffled(5)).sequence(20));
        assert_ne!(shuffled, plan(Order::Shuffled(6)).sequence(20));
        shuffled.sort_unstable();
        assert_eq!(shuffled, plan(Order::ByMessage).sequence(20));
    }

    #[test]
    fn a_message_is_delivered_again_after_a_crash_and_as_often_as_it_is_repeated() {
        let mut progress = Progress::new(&plan(Order::ByMessage));
        for (expected, crashed) in
            [((Some(Crash::BeforeSettle), 1), true), ((Some(Crash::BeforeAck), 2), true), ((None, 3), false)]
        {
            assert_eq!(progress.next(), expected);
            progress.delivered(crashed);
        }
        assert_eq!(progress.next(), (None, 1), "acknowledged, and sent once more");
        assert!(!progress.is_done());
        progress.delivered(false);
        assert!(progress.is_done());
    }

    #[test]
    fn what_ends_without_the_crash_that_was_planned_is_not_delivered_again() {
        let mut progress = Progress::new(&Plan { repeat: 0, ..plan(Order::ByMessage) });
        assert_eq!(progress.next(), (Some(Crash::BeforeSettle), 1));
        progress.delivered(false);
        assert!(progress.is_done());
    }
}
