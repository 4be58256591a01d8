//! Deliveries that wait to be made again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};

use oncegate_dedup::Clock;

use super::task::Task;

/// The pause before a delivery is made again, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub min_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Backoff {
    /// A pause after so many failures: random between nothing and a bound that doubles each time, so that
    /// deliveries that failed together do not come again together.
    pub fn pause_ms(self, failures: u32, random: u64) -> u64 {
        let doubled =
            self.min_ms.saturating_mul(1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX));
        let bound = doubled.clamp(self.min_ms.min(self.max_ms), self.max_ms);
        random % bound.saturating_add(1)
    }
}

/// How much may wait before reading stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingBound {
    /// Deliveries.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What waits in all threads.
#[derive(Debug)]
pub(crate) struct Waiting {
    bound: WaitingBound,
    count: AtomicU64,
    bytes: AtomicU64,
    most: AtomicU64,
}

impl Waiting {
    pub fn new(bound: WaitingBound) -> Self {
        Self { bound, count: AtomicU64::new(0), bytes: AtomicU64::new(0), most: AtomicU64::new(0) }
    }

    /// Whether nothing more is to be read or begun for now, if so many that are being settled may have to wait,
    /// too.
    pub fn is_full(&self, settling: usize) -> bool {
        self.count.load(Ordering::Relaxed).saturating_add(settling as u64) >= self.bound.count
            || self.bytes.load(Ordering::Relaxed) >= self.bound.bytes
    }

    /// One more waits.
    pub fn add(&self, bytes: u64) {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(before + 1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// One waits no longer.
    pub fn remove(&self, bytes: u64) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The most that ever waited.
    pub fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

/// What waits in one thread, the next one first.
pub(crate) struct Waitlist<'a> {
    waiting: &'a Waiting,
    heap: BinaryHeap<Reverse<Entry>>,
    /// Of equally due deliveries the one that came first goes first.
    next: u64,
}

struct Entry {
    due_ms: u64,
    order: u64,
    bytes: u64,
    task: Box<Task>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due_ms, self.order).cmp(&(other.due_ms, other.order))
    }
}

impl<'a> Waitlist<'a> {
    pub fn new(waiting: &'a Waiting) -> Self {
        Self { waiting, heap: BinaryHeap::new(), next: 0 }
    }

    pub fn push(&mut self, task: Box<Task>, due_ms: u64) {
        let bytes = task.bytes();
        self.waiting.add(bytes);
        self.heap.push(Reverse(Entry { due_ms, order: self.next, bytes, task }));
        self.next += 1;
    }

    /// The next delivery, if it is due.
    pub fn pop_due(&mut self, now_ms: u64) -> Option<Box<Task>> {
        if self.due_ms()? > now_ms {
            return None;
        }
        self.pop()
    }

    fn pop(&mut self) -> Option<Box<Task>> {
        let Reverse(entry) = self.heap.pop()?;
        self.waiting.remove(entry.bytes);
        Some(entry.task)
    }

    /// When the next delivery is due.
    pub fn due_ms(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse(entry)| entry.due_ms)
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl Drop for Waitlist<'_> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

/// 64 random bits.
pub(crate) fn random(clock: &dyn Clock) -> u64 {
    let id = clock.attempt_id();
    let mut bits = [0; 8];
    bits.copy_from_slice(&id.as_bytes()[..8]);
    u64::from_le_bytes(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_random_below() {
        let backoff = Backoff { min_ms: 100, max_ms: 30_000 };
        for (failures, bound) in
            [(1, 100), (2, 200), (5, 1600), (10, 30_000), (100, 30_000), (u32::MAX, 30_000)]
        {
            assert_eq!(backoff.pause_ms(failures, bound), bound);
            assert_eq!(backoff.pause_ms(failures, bound + 1), 0);
        }
        let none = Backoff { min_ms: 0, max_ms: 0 };
        assert_eq!(none.pause_ms(7, u64::MAX), 0);
        let most = Backoff { min_ms: u64::MAX, max_ms: u64::MAX };
        assert!(most.pause_ms(7, 9) <= 9);
    }

    #[test]
    fn the_bound_counts_what_waits_in_every_thread() {
        let waiting = Waiting::new(WaitingBound { count: 2, bytes: u64::MAX });
        let task = || {
            Box::new(Task::new(oncegate_broker::Message {
                id: String::new(),
                topic: String::new(),
                key: None,
                headers: Vec::new(),
                payload: Vec::new(),
                published_ms: None,
                ticket: None,
            }))
        };
        let (mut a, mut b) = (Waitlist::new(&waiting), Waitlist::new(&waiting));
        a.push(task(), 5);
        assert!(!waiting.is_full(0));
        b.push(task(), 3);
        assert!(waiting.is_full(0));
        assert!(a.pop_due(4).is_none());
        assert!(a.pop_due(5).is_some());
        assert!(!waiting.is_full(0));
        drop(b);
        assert_eq!(waiting.count.load(Ordering::Relaxed), 0);
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0);
    }
}
