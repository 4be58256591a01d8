//! What this process holds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::ticket::Ticket;

/// The entries that were handed out and have not ended.
#[derive(Debug, Default)]
pub struct Held {
    entries: HashMap<(u64, u64), State>,
}

#[derive(Debug)]
struct State {
    count: u64,
    /// When it was last known to be fresh.
    fresh: Instant,
    /// It is somebody else's by now, or nobody's.
    lost: bool,
}

impl Held {
    /// How many.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// All of them.
    pub fn tickets(&self) -> Vec<Ticket> {
        self.entries.iter().map(|(&entry, state)| Ticket { entry, count: state.count }).collect()
    }

    /// Whether the entry is held, whatever became of it elsewhere.
    pub fn has(&self, entry: (u64, u64)) -> bool {
        self.entries.contains_key(&entry)
    }

    /// Takes an entry in; false if it is held already. A server that forgot its last writes hands out again what is
    /// still being handled here.
    pub fn take_in(&mut self, ticket: Ticket, now: Instant) -> bool {
        match self.entries.entry(ticket.entry) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(State { count: ticket.count, fresh: now, lost: false });
                true
            }
        }
    }

    /// Lets go.
    pub fn ended(&mut self, ticket: Ticket) {
        if self.entries.get(&ticket.entry).is_some_and(|state| state.count == ticket.count) {
            self.entries.remove(&ticket.entry);
        }
    }

    /// Those of which nobody has heard for so long.
    pub fn stale(&self, age: Duration, now: Instant) -> Vec<Ticket> {
        let is_stale = |state: &State| !state.lost && now.saturating_duration_since(state.fresh) >= age;
        let stale = self.entries.iter().filter(|(_, state)| is_stale(state));
        stale.map(|(&entry, state)| Ticket { entry, count: state.count }).collect()
    }

    /// It was fresh then.
    pub fn freshen(&mut self, ticket: Ticket, then: Instant) {
        if let Some(state) = self.state(ticket) {
            state.fresh = state.fresh.max(then);
        }
    }

    /// It is not ours any more; false if that was known.
    pub fn lose(&mut self, ticket: Ticket) -> bool {
        self.state(ticket).is_some_and(|state| !std::mem::replace(&mut state.lost, true))
    }

    /// Whether it was found not to be ours any more.
    pub fn is_lost(&self, ticket: Ticket) -> bool {
        self.entries.get(&ticket.entry).is_some_and(|state| state.count == ticket.count && state.lost)
    }

    fn state(&mut self, ticket: Ticket) -> Option<&mut State> {
        self.entries.get_mut(&ticket.entry).filter(|state| state.count == ticket.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(count: u64) -> Ticket {
        Ticket { entry: (1, 1), count }
    }

    #[test]
    fn an_entry_is_held_once_until_the_hand_over_that_is_held_ends() {
        let now = Instant::now();
        let mut held = Held::default();
        assert!(held.take_in(ticket(1), now));
        assert!(!held.take_in(ticket(2), now));
        held.ended(ticket(2));
        assert!(held.has((1, 1)));
        held.ended(ticket(1));
        assert!(!held.has((1, 1)) && held.take_in(ticket(2), now));
    }

    #[test]
    fn what_is_lost_stays_held_and_is_not_kept_fresh() {
        let now = Instant::now();
        let mut held = Held::default();
        held.take_in(ticket(1), now);
        assert!(!held.lose(ticket(2)) && !held.is_lost(ticket(1)));
        assert_eq!(held.stale(Duration::ZERO, now), [ticket(1)]);
        assert!(held.lose(ticket(1)) && !held.lose(ticket(1)));
        assert!(held.is_lost(ticket(1)) && held.has((1, 1)));
        assert_eq!(held.stale(Duration::ZERO, now), []);
    }

    #[test]
    fn what_was_fresh_lately_is_left_alone() {
        let (now, age) = (Instant::now(), Duration::from_secs(1));
        let mut held = Held::default();
        held.take_in(ticket(1), now);
        assert_eq!(held.stale(age, now), []);
        assert_eq!(held.stale(age, now + age), [ticket(1)]);
        held.freshen(ticket(1), now + age);
        assert_eq!(held.stale(age, now + age), []);
    }
}
