//! What became of the deliveries: each counts once, by its final end.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oncegate_dedup::text::json_line;

/// The final end of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its commits and outputs are applied.
    Applied,
    /// A duplicate that the cache knew.
    DuplicateL1,
    /// A duplicate that the store knew.
    DuplicateStore,
    /// A duplicate that waited for the delivery that held its key.
    DuplicateWaited,
    /// The handler returned `ok` and committed nothing.
    NoEffect,
    /// Outputs without any key, applied because the policy says `outputs = "free"`.
    Unkeyed,
    /// An output that no commit covers: dead-lettered.
    EffectWithoutCommit,
    /// Its key was committed with another payload: dead-lettered.
    Mismatch,
    /// Its key was given up earlier.
    Dead,
    /// The handler rejected it: dead-lettered.
    Rejected,
    /// The handler failed as often as it may: dead-lettered.
    AttemptsUsedUp,
    /// Its hosts died: dead-lettered.
    HostDied,
    /// Its key's record cannot be read: dead-lettered.
    Unreadable,
    /// Not a message: dead-lettered.
    Malformed,
    /// Handed to another host before it was settled here. Nothing of it is applied here.
    TakenOver,
    /// Read, but not done when the run stopped. Nothing of it is applied.
    Undone,
}

/// Every end, with its name in the summary and in JSON.
pub const ENDS: [(End, &str, &str); 16] = [
    (End::Applied, "applied", "applied"),
    (End::DuplicateL1, "duplicate, by L1", "duplicate_l1"),
    (End::DuplicateStore, "duplicate, by store", "duplicate_store"),
    (End::DuplicateWaited, "duplicate, after waiting", "duplicate_waited"),
    (End::NoEffect, "no effect", "no_effect"),
    (End::Unkeyed, "unkeyed", "unkeyed"),
    (End::EffectWithoutCommit, "effect without commit", "effect_without_commit"),
    (End::Mismatch, "mismatch", "mismatch"),
    (End::Dead, "dead", "dead"),
    (End::Rejected, "rejected", "rejected"),
    (End::AttemptsUsedUp, "attempts used up", "attempts_used_up"),
    (End::HostDied, "host died", "host_died"),
    (End::Unreadable, "unreadable record", "unreadable"),
    (End::Malformed, "malformed", "malformed"),
    (End::TakenOver, "taken over by another host", "taken_over"),
    (End::Undone, "undone at stop", "undone"),
];

/// What is counted beside the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A delivery was read.
    Read,
    /// An output was applied.
    Output,
    /// A dead letter was written.
    DeadLetter,
    /// A handler failed: retry, trap or limit.
    Failed,
    /// A delivery was put off without using up an attempt.
    Deferred,
    /// A settle was refused because its fence was lost.
    FenceLost,
    /// A commit was accepted although its claim was gone.
    LateCommit,
    /// A group of settles was made durable.
    Group,
    /// A delivery was read that had been handed to some host before.
    Redelivered,
    /// An entry of the input was lost before it was handled: somebody trimmed it away.
    Trimmed,
    /// A delivery was handled without de-duplication, because the store was away and the policy says `open`.
    Unguarded,
    /// In shadow mode: a delivery that would have been withheld as a duplicate.
    WouldSuppress,
    /// In shadow mode: a delivery that would have been a dead letter, or put off.
    WouldDiffer,
    /// The handler failed too often and took no message for a while.
    Quarantine,
    /// In a quarantine: the one delivery that was let through failed, too.
    FailedProbe,
    /// Milliseconds for which the pipeline was held back at its budget, about.
    HeldMs,
    /// An invocation met a limit of an instance that had served others, and ran again in a fresh one.
    Recycled,
}

const EVENTS: [(Event, &str, &str); 17] = [
    (Event::Read, "read", "read"),
    (Event::Output, "outputs", "outputs"),
    (Event::DeadLetter, "dead letters", "dead_letters"),
    (Event::Failed, "failed attempts", "failed_attempts"),
    (Event::Deferred, "deferred", "deferred"),
    (Event::FenceLost, "fences lost", "fences_lost"),
    (Event::LateCommit, "late commits", "late_commits"),
    (Event::Group, "settle groups", "settle_groups"),
    (Event::Redelivered, "redelivered", "redelivered"),
    (Event::Trimmed, "lost by trimming", "lost_by_trimming"),
    (Event::Unguarded, "unguarded", "unguarded"),
    (Event::WouldSuppress, "that would be suppressed", "would_suppress"),
    (Event::WouldDiffer, "that would end otherwise", "would_differ"),
    (Event::Quarantine, "quarantines", "quarantines"),
    (Event::FailedProbe, "failed probes", "failed_probes"),
    (Event::HeldMs, "ms held back at its budget", "held_ms"),
    (Event::Recycled, "recycled", "recycled"),
];

/// Counters that every thread of a run adds to.
#[derive(Debug, Default)]
pub struct Tally {
    ends: [AtomicU64; ENDS.len()],
    events: [AtomicU64; EVENTS.len()],
    most_waiting: AtomicU64,
}

impl Tally {
    /// A delivery has come to its final end.
    pub fn end(&self, end: End) {
        self.ends[end as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Something happened so many times.
    pub fn add(&self, event: Event, count: u64) {
        self.events[event as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// How many deliveries ended so.
    pub fn ended(&self, end: End) -> u64 {
        self.ends[end as usize].load(Ordering::Relaxed)
    }

    /// How often it happened.
    pub fn count(&self, event: Event) -> u64 {
        self.events[event as usize].load(Ordering::Relaxed)
    }

    /// How many deliveries have come to their final end.
    pub fn ended_in_all(&self) -> u64 {
        self.ends.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Accounts for deliveries that were read and came to no end: they are undone. At most so many waited for a
    /// retry at one time.
    pub fn close(&self, most_waiting: u64) {
        self.most_waiting.store(most_waiting, Ordering::Relaxed);
        let undone = self.count(Event::Read).saturating_sub(self.ended_in_all());
        self.ends[End::Undone as usize].fetch_add(undone, Ordering::Relaxed);
    }

    /// For people: what is not zero, and the sum.
    pub fn text(&self, header: &[String], took: Duration) -> String {
        let mut text = String::new();
        for line in header {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "{line}");
        }
        let _ = writeln!(text, "{:>12}  read", self.count(Event::Read));
        for (end, name, _) in ENDS {
            let count = self.ended(end);
            if count > 0 || end == End::Applied {
                let _ = writeln!(text, "{count:>12}  {name}");
            }
        }
        let mut beside: Vec<String> = Vec::new();
        for (event, name, _) in EVENTS.into_iter().skip(1) {
            let count = self.count(event);
            if count > 0 {
                beside.push(format!("{count} {name}"));
            }
        }
        if !beside.is_empty() {
            let _ = writeln!(text, "{:>12}  {}", "with", beside.join(", "));
        }
        let seconds = took.as_secs_f64();
        let rate = self.rate(took);
        let _ = writeln!(text, "{seconds:>11.2}s  {rate:.0} deliveries a second");
        text
    }

    fn rate(&self, took: Duration) -> f64 {
        self.count(Event::Read) as f64 / took.as_secs_f64().max(1e-9)
    }

    /// For programs: one JSON object, every count there.
    pub fn json(&self, facts: &[(&str, String)], took: Duration) -> String {
        let mut object = serde_json::Map::new();
        for (name, value) in facts {
            object.insert((*name).to_owned(), value.clone().into());
        }
        for (event, _, name) in EVENTS {
            object.insert(name.to_owned(), self.count(event).into());
        }
        let ends = ENDS.into_iter().map(|(end, _, name)| (name.to_owned(), self.ended(end).into()));
        object.insert("ends".to_owned(), serde_json::Value::Object(ends.collect()));
        object.insert("most_waiting".to_owned(), self.most_waiting.load(Ordering::Relaxed).into());
        object.insert("seconds".to_owned(), took.as_secs_f64().into());
        object.insert("deliveries_per_second".to_owned(), self.rate(took).into());
        json_line(&serde_json::Value::Object(object).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_the_order_of_their_numbers() {
        assert!(ENDS.iter().enumerate().all(|(index, (end, _, _))| *end as usize == index));
        assert!(EVENTS.iter().enumerate().all(|(index, (event, _, _))| *event as usize == index));
    }

    #[test]
    fn what_came_to_no_end_is_undone_and_the_sum_equals_what_was_read() {
        let tally = Tally::default();
        tally.add(Event::Read, 5);
        tally.end(End::Applied);
        tally.end(End::Malformed);
        tally.close(0);
        assert_eq!(tally.ended(End::Undone), 3);
        assert_eq!(tally.ended_in_all(), tally.count(Event::Read));
    }
}
