//! What a pipeline may add to places that it shares: the store, the disks of outputs and dead letters.
//!
//! At a budget the pipeline begins no delivery until there is room: what it has read waits, nothing fails, no attempt is
//! used up, and nobody else waits. What is under way then is finished, so that a budget is exceeded by as much as the
//! handlers that run at one time can add; in the store of several hosts, by what all of them add in a second.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use oncegate_dedup::store::{Added, Settlement, Usage};

use super::Shared;
use super::rate::Rate;
use super::task::Item;
use crate::exit::Exit;
use crate::fail;
use crate::settings::{about, bytes_text};
use crate::summary::Event;
use crate::warning::warning;

/// How often it is looked whether there is room, in milliseconds.
const LOOK_MS: u64 = 100;

/// How many looks lie between two talks with the store.
const LOOKS_PER_TALK: u64 = 10;

/// How many looks lie between two lines about the same budget, at least: a minute.
const LOOKS_PER_LINE: u64 = 600;

/// What is bounded. None of it by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// Keys that the namespace has in the store.
    pub keys: Option<u64>,
    /// Bytes of these and their records.
    pub store_bytes: Option<u64>,
    /// New bytes there, a second, of this process.
    pub store_rate: Option<u64>,
    /// Bytes of outputs a second, of this process.
    pub output_rate: Option<u64>,
    /// The length of the outputs' file.
    pub output_size: Option<Sized>,
    /// Bytes of dead letters a second, of this process.
    pub dead_letter_rate: Option<u64>,
    /// The length of the dead letters' file.
    pub dead_letter_size: Option<Sized>,
    /// How long a run waits for room that only time or somebody gives, before it ends, if its input has an end. In
    /// milliseconds.
    pub patience_ms: u64,
}

/// A file that may become so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// Where it is.
    pub path: PathBuf,
    /// In bytes.
    pub most: u64,
}

/// A budget that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    Keys,
    StoreBytes,
    OutputSize,
    DeadLetterSize,
    StoreRate,
    OutputRate,
    DeadLetterRate,
}

impl Full {
    /// Whether more time than a moment has to pass, or somebody to do something.
    fn lasts(self) -> bool {
        !matches!(self, Self::StoreRate | Self::OutputRate | Self::DeadLetterRate)
    }
}

/// How much of a pipeline's budget is used.
#[derive(Debug)]
pub(crate) struct Used {
    budget: Budget,
    /// Whether anything is bounded at all.
    is_bounded: bool,
    store: Rate,
    output: Rate,
    dead_letter: Rate,
    /// What the store said last, and what was added since.
    keys: AtomicU64,
    store_bytes: AtomicU64,
    output_size: AtomicU64,
    dead_letter_size: AtomicU64,
    /// What the store has not been told yet.
    untold: Mutex<Vec<Added>>,
}

impl Used {
    pub fn new(budget: Budget) -> Self {
        Self {
            is_bounded: budget != Budget { patience_ms: budget.patience_ms, ..Budget::default() },
            store: Rate::new(budget.store_rate),
            output: Rate::new(budget.output_rate),
            dead_letter: Rate::new(budget.dead_letter_rate),
            budget,
            keys: AtomicU64::new(0),
            store_bytes: AtomicU64::new(0),
            output_size: AtomicU64::new(0),
            dead_letter_size: AtomicU64::new(0),
            untold: Mutex::default(),
        }
    }

    fn counts_keys(&self) -> bool {
        self.budget.keys.is_some() || self.budget.store_bytes.is_some()
    }

    fn full(&self, now_ms: u64) -> Option<Full> {
        let reached =
            |used: &AtomicU64, most: Option<u64>| most.is_some_and(|most| used.load(Relaxed) >= most);
        let most = |sized: &Option<Sized>| sized.as_ref().map(|sized| sized.most);
        let budget = &self.budget;
        let full = [
            (Full::Keys, reached(&self.keys, budget.keys)),
            (Full::StoreBytes, reached(&self.store_bytes, budget.store_bytes)),
            (Full::OutputSize, reached(&self.output_size, most(&budget.output_size))),
            (Full::DeadLetterSize, reached(&self.dead_letter_size, most(&budget.dead_letter_size))),
            (Full::StoreRate, self.store.is_used_up(now_ms)),
            (Full::OutputRate, self.output.is_used_up(now_ms)),
            (Full::DeadLetterRate, self.dead_letter.is_used_up(now_ms)),
        ];
        full.into_iter().find_map(|(full, is_so)| is_so.then_some(full))
    }

    /// Counts what a delivery is about to add. What then is not applied was counted too much, until the store and the
    /// files are looked at again.
    fn charge(&self, item: &Item, now_ms: u64) {
        let (output, dead_letter) = (item.output.len() as u64, item.dead_letter.len() as u64);
        self.output.charge(output, now_ms);
        self.dead_letter.charge(dead_letter, now_ms);
        self.output_size.fetch_add(output, Relaxed);
        self.dead_letter_size.fetch_add(dead_letter, Relaxed);
        if self.counts_keys() || self.budget.store_rate.is_some() {
            item.ending.iter().for_each(|ending| self.charge_keys(ending.settlement(), now_ms));
        }
    }

    fn charge_keys(&self, settlement: &Settlement, now_ms: u64) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        for added in settlement.added() {
            self.store.charge(added.usage.bytes, now_ms);
            self.keys.fetch_add(added.usage.keys, Relaxed);
            self.store_bytes.fetch_add(added.usage.bytes, Relaxed);
            if self.counts_keys() {
                join(&mut untold, added);
            }
        }
    }

    fn take_untold(&self) -> Vec<Added> {
        std::mem::take(&mut self.untold.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn look_at_files(&self) {
        let files = [
            (&self.budget.output_size, &self.output_size),
            (&self.budget.dead_letter_size, &self.dead_letter_size),
        ];
        for (sized, size) in files {
            if let Some(sized) = sized {
                // One that is not there has no length yet.
                size.store(std::fs::metadata(&sized.path).map_or(0, |file| file.len()), Relaxed);
            }
        }
    }

    /// What is used up, with its numbers and what to do about it.
    fn explain(&self, full: Full) -> String {
        let budget = &self.budget;
        let most = |most: Option<u64>| bytes_text(most.unwrap_or(0));
        let file = |what: &str, sized: &Option<Sized>, setting: &str| match sized {
            Some(Sized { path, most }) => format!(
                "the {what} {} have reached {setting} ({}): raise it",
                path.display(),
                bytes_text(*most)
            ),
            None => String::new(),
        };
        let rate = |what: &str, setting: &str, most: String| {
            format!(
                "it writes more {what} than {setting} allows ({most} a second), and is slowed down to that"
            )
        };
        match full {
            Full::Keys => format!(
                "it has {} keys in the store, and budget.keys is {}: it goes on when some expire; or raise it",
                self.keys.load(Relaxed),
                budget.keys.unwrap_or(0)
            ),
            Full::StoreBytes => format!(
                "it has {} bytes in the store, and budget.store_bytes is {}: it goes on when some expire; or raise it",
                self.store_bytes.load(Relaxed),
                most(budget.store_bytes)
            ),
            Full::OutputSize => file("outputs in", &budget.output_size, "budget.output_size"),
            Full::DeadLetterSize => {
                file("dead letters in", &budget.dead_letter_size, "budget.dead_letter_size")
            }
            Full::StoreRate => rate("into the store", "budget.store_rate", most(budget.store_rate)),
            Full::OutputRate => rate("outputs", "budget.output_rate", most(budget.output_rate)),
            Full::DeadLetterRate => {
                rate("dead letters", "budget.dead_letter_rate", most(budget.dead_letter_rate))
            }
        }
    }
}

fn join(all: &mut Vec<Added>, added: Added) {
    match all.iter_mut().find(|other| other.life_ms == added.life_ms) {
        Some(other) => other.usage = other.usage.and(added.usage),
        None => all.push(added),
    }
}

impl Shared {
    /// Whether the pipeline may begin another delivery.
    pub fn is_within_budget(&self) -> bool {
        !self.used.is_bounded || self.used.full(self.gate.clock().now_ms()).is_none()
    }

    /// Counts what a delivery is about to add.
    pub fn charge(&self, item: &Item) {
        if self.used.is_bounded {
            self.used.charge(item, self.gate.clock().now_ms());
        }
    }

    /// Tells the store what was added, and hears what the namespace takes there.
    pub async fn talk_with_store(&self) {
        if !self.used.counts_keys() {
            return;
        }
        let untold = self.used.take_untold();
        match self.gate.store().account(&self.gate.policy().keys_of(), &untold).await {
            Ok(Usage { keys, bytes }) => {
                // What was added meanwhile is on top.
                let since = self.used.untold.lock().unwrap_or_else(PoisonError::into_inner);
                let since = since.iter().fold(Usage::default(), |sum, added| sum.and(added.usage));
                self.used.keys.store(keys.saturating_add(since.keys), Relaxed);
                self.used.store_bytes.store(bytes.saturating_add(since.bytes), Relaxed);
            }
            // It is told with what comes next: a store that is away takes no deliveries either.
            Err(_) => {
                let mut since = self.used.untold.lock().unwrap_or_else(PoisonError::into_inner);
                untold.into_iter().for_each(|added| join(&mut since, added));
            }
        }
    }

    /// Looks after the budget for as long as the pipeline runs. `ends` says whether its input does.
    pub async fn keep_budget(&self, ends: bool) {
        if !self.used.is_bounded {
            return std::future::pending().await;
        }
        let mut look = 0_u64;
        let mut held_ms = 0_u64;
        let mut said: Option<(Full, u64)> = None;
        loop {
            self.gate.clock().sleep(LOOK_MS).await;
            look += 1;
            self.used.look_at_files();
            if look.is_multiple_of(LOOKS_PER_TALK) {
                self.talk_with_store().await;
            }
            let Some(full) = self.used.full(self.gate.clock().now_ms()) else {
                held_ms = 0;
                continue;
            };
            self.tally.add(Event::HeldMs, LOOK_MS);
            held_ms = if full.lasts() { held_ms + LOOK_MS } else { 0 };
            if said.is_none_or(|(before, at)| before != full || look - at >= LOOKS_PER_LINE) {
                said = Some((full, look));
                warning!(
                    "the pipeline of {} is held back: {}",
                    self.gate.policy().namespace,
                    self.used.explain(full)
                );
            }
            if ends && held_ms > self.used.budget.patience_ms {
                let why = self.used.explain(full);
                let waited = about(self.used.budget.patience_ms);
                self.stop.give_up(fail!(Exit::Budget, "there was no room in its budget for {waited} (budget.patience): {why}; what is left is undone, run again to go on"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_bounded_that_nobody_bounded() {
        let used = Used::new(Budget::default());
        used.keys.store(u64::MAX, Relaxed);
        used.output.charge(u64::MAX, 0);
        assert_eq!(used.full(0), None);
    }

    #[test]
    fn what_lasts_is_named_before_what_passes() {
        let used = Used::new(Budget { keys: Some(3), output_rate: Some(10), ..Budget::default() });
        used.output.charge(1_000, 0);
        assert_eq!(used.full(0), Some(Full::OutputRate));
        used.keys.store(3, Relaxed);
        assert_eq!(used.full(0), Some(Full::Keys));
        assert_eq!(
            used.explain(Full::Keys),
            "it has 3 keys in the store, and budget.keys is 3: it goes on when some expire; or raise it"
        );
    }
}
