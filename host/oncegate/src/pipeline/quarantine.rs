//! A handler that fails too often takes no message for a while.
//!
//! What counts is how invocations ended that handled something: a duplicate, or a delivery that was put off, says nothing
//! of the handler. While it is quarantined nothing is begun, and what was under way when it began uses up no attempt and
//! leaves no dead letter. When the pause is over one delivery is let through, the *probe*; it ends the quarantine or makes
//! the next pause twice as long. Another version of the handler begins with a clean record; until it has proven itself the
//! version before it may take over again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When a handler is quarantined, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarantineRules {
    /// The share of bad ends, in percent, from which on it is. More than 100 never quarantines.
    pub percent: u32,
    /// Of so many ends, the last ones.
    pub window: usize,
    /// Of at least so many.
    pub least: usize,
    /// The first pause in milliseconds. Each further one is twice as long, until the handler did well for a whole window.
    pub pause_min_ms: u64,
    /// The longest.
    pub pause_max_ms: u64,
    /// After so many probes in a row that failed, the run ends. None: it never does.
    pub probes: Option<u32>,
}

impl QuarantineRules {
    /// No handler is ever quarantined.
    pub const NEVER: Self =
        Self { percent: 101, window: 1, least: 1, pause_min_ms: 0, pause_max_ms: 0, probes: None };
}

/// What an invocation's end says about its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It did what it is for, or asked for a retry.
    Good,
    /// It trapped, met a limit, rejected, or had an effect that no commit covers.
    Bad,
    /// Nothing: a duplicate, or something that is not the handler's doing.
    Unknown,
}

/// Whether a delivery may be begun.
#[derive(Debug)]
pub(crate) enum Entry {
    /// It may.
    Free,
    /// One may, to see how it ends.
    Probe(Probe),
    /// None may for now.
    Closed,
}

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The quarantine begins: so many bad ends, of so many. `on_trial`: of a version that took over from one that did well,
    /// and these are its first messages.
    Begun { bad: usize, of: usize, pause_ms: u64, on_trial: bool },
    /// A probe failed; so many have in a row.
    Failed { in_a_row: u32, pause_ms: u64 },
    /// The run is to end: so many probes failed in a row.
    GivenUp { in_a_row: u32 },
    /// A probe ended well.
    Over,
    /// A version that was on trial did well for a whole window.
    Proven,
}

/// What an end comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub change: Option<Change>,
    /// It is not to be held against its delivery: it was under way when the quarantine began, or is of a version that has
    /// been replaced.
    pub is_withheld: bool,
}

/// One pipeline's.
#[derive(Debug)]
pub(crate) struct Quarantine {
    rules: QuarantineRules,
    /// Whether it is on; a look that costs nothing for every delivery.
    on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// The last ends, true for a bad one.
    recent: VecDeque<bool>,
    bad: usize,
    /// How often the pause was doubled.
    doubled: u32,
    failed_probes: u32,
    /// Of the handler that all of this is about.
    version: u64,
    on_trial: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Free,
    Closed {
        until_ms: u64,
    },
    Probing,
}

/// The right to begin one delivery in a quarantine. Dropped without an end, it is there again at once.
#[derive(Debug)]
pub(crate) struct Probe(Arc<Quarantine>);

impl Quarantine {
    pub fn new(rules: QuarantineRules) -> Arc<Self> {
        Arc::new(Self { rules, on: AtomicBool::new(false), state: Mutex::default() })
    }

    /// Whether something may be begun now, with this version.
    pub fn enter(self: &Arc<Self>, version: u64, now_ms: u64) -> Entry {
        if !self.on.load(Ordering::Acquire) {
            return Entry::Free;
        }
        let mut state = self.state();
        state.follow(version);
        match state.phase {
            Phase::Free => {
                self.on.store(false, Ordering::Release);
                Entry::Free
            }
            Phase::Closed { until_ms } if until_ms <= now_ms => {
                state.phase = Phase::Probing;
                Entry::Probe(Probe(Arc::clone(self)))
            }
            _ => Entry::Closed,
        }
    }

    /// Whether nothing is to be read, because nothing could be begun.
    pub fn is_closed(&self, now_ms: u64) -> bool {
        self.on.load(Ordering::Acquire)
            && match self.state().phase {
                Phase::Free => false,
                Phase::Closed { until_ms } => until_ms > now_ms,
                Phase::Probing => true,
            }
    }

    /// An invocation of this version has ended.
    pub fn judge(&self, version: u64, probe: Option<Probe>, conduct: Conduct, now_ms: u64) -> Judgement {
        if conduct == Conduct::Unknown {
            // A probe that says nothing is dropped, and the next delivery is one.
            return Judgement { change: None, is_withheld: false };
        }
        let mut state = self.state();
        state.follow(version);
        let is_current = version == state.version;
        let (counts, change) = match (probe.is_some(), state.phase) {
            (true, Phase::Probing) if is_current => (true, Some(state.probed(conduct, &self.rules, now_ms))),
            (false, Phase::Free) if is_current => (true, state.count(conduct, &self.rules, now_ms)),
            _ => (false, None),
        };
        self.on.store(state.phase != Phase::Free, Ordering::Release);
        Judgement { change, is_withheld: !counts && conduct == Conduct::Bad }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Another version of the handler has taken over: nothing is held against it.
    fn follow(&mut self, version: u64) {
        if version > self.version {
            let on_trial = self.phase == Phase::Free;
            *self = Self { version, on_trial, ..Self::default() };
        }
    }

    fn count(&mut self, conduct: Conduct, rules: &QuarantineRules, now_ms: u64) -> Option<Change> {
        if self.recent.len() >= rules.window && self.recent.pop_front() == Some(true) {
            self.bad -= 1;
        }
        let is_bad = conduct == Conduct::Bad;
        self.recent.push_back(is_bad);
        self.bad += usize::from(is_bad);
        let (bad, of) = (self.bad, self.recent.len());
        if is_bad && of >= rules.least.min(rules.window) && bad * 100 >= rules.percent as usize * of {
            let on_trial = std::mem::take(&mut self.on_trial);
            let pause_ms = self.close(rules, now_ms);
            return Some(Change::Begun { bad, of, pause_ms, on_trial });
        }
        if of < rules.window {
            return None;
        }
        self.doubled = 0;
        std::mem::take(&mut self.on_trial).then_some(Change::Proven)
    }

    fn probed(&mut self, conduct: Conduct, rules: &QuarantineRules, now_ms: u64) -> Change {
        if conduct == Conduct::Good {
            (self.phase, self.failed_probes) = (Phase::Free, 0);
            return Change::Over;
        }
        self.failed_probes += 1;
        let in_a_row = self.failed_probes;
        let pause_ms = self.close(rules, now_ms);
        match rules.probes {
            Some(probes) if in_a_row >= probes => Change::GivenUp { in_a_row },
            _ => Change::Failed { in_a_row, pause_ms },
        }
    }

    /// Returns how long.
    fn close(&mut self, rules: &QuarantineRules, now_ms: u64) -> u64 {
        let factor = 1_u64.checked_shl(self.doubled).unwrap_or(u64::MAX);
        let pause_ms = rules.pause_min_ms.saturating_mul(factor).min(rules.pause_max_ms);
        self.doubled = self.doubled.saturating_add(1);
        self.phase = Phase::Closed { until_ms: now_ms.saturating_add(pause_ms) };
        self.recent.clear();
        self.bad = 0;
        pause_ms
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.phase == Phase::Probing {
            state.phase = Phase::Closed { until_ms: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: QuarantineRules = QuarantineRules {
        percent: 50,
        window: 200,
        least: 20,
        pause_min_ms: 100,
        pause_max_ms: 350,
        probes: Some(3),
    };

    fn judge_all(quarantine: &Quarantine, conducts: impl IntoIterator<Item = Conduct>) -> Option<Change> {
        conducts.into_iter().find_map(|conduct| judge(quarantine, None, conduct, 0))
    }

    fn judge(quarantine: &Quarantine, probe: Option<Probe>, conduct: Conduct, now_ms: u64) -> Option<Change> {
        quarantine.judge(0, probe, conduct, now_ms).change
    }

    fn begun(bad: usize, of: usize, pause_ms: u64) -> Option<Change> {
        Some(Change::Begun { bad, of, pause_ms, on_trial: false })
    }

    fn probe(quarantine: &Arc<Quarantine>, now_ms: u64) -> Option<Probe> {
        match quarantine.enter(0, now_ms) {
            Entry::Probe(probe) => Some(probe),
            _ => None,
        }
    }

    #[test]
    fn half_of_the_last_ends_are_too_many_and_fewer_than_twenty_say_nothing() {
        let quarantine = Quarantine::new(RULES);
        assert_eq!(judge_all(&quarantine, [Conduct::Bad; 19]), None);
        assert_eq!(judge(&quarantine, None, Conduct::Bad, 0), begun(20, 20, 100));

        let quarantine = Quarantine::new(RULES);
        assert_eq!(judge_all(&quarantine, [Conduct::Good; 1000]), None);
        assert_eq!(judge_all(&quarantine, [Conduct::Bad; 99]), None);
        assert_eq!(judge(&quarantine, None, Conduct::Bad, 0), begun(100, 200, 100));
    }

    #[test]
    fn duplicates_do_not_hide_a_handler_that_fails_on_everything_new() {
        let quarantine = Quarantine::new(RULES);
        let stream = (0..).map(|n| if n % 10 == 0 { Conduct::Bad } else { Conduct::Unknown });
        assert!(judge_all(&quarantine, stream.take(200)).is_some());
    }

    #[test]
    fn nothing_is_begun_but_one_probe_after_each_pause_and_pauses_grow() {
        let quarantine = Quarantine::new(RULES);
        judge_all(&quarantine, [Conduct::Bad; 20]);
        assert!(quarantine.is_closed(99) && matches!(quarantine.enter(0, 99), Entry::Closed));
        let mut now_ms = 0;
        for (in_a_row, pause_ms) in [(1, 200), (2, 350)] {
            now_ms += 350;
            let first = probe(&quarantine, now_ms);
            assert!(probe(&quarantine, now_ms).is_none(), "one at a time");
            let failed = Change::Failed { in_a_row, pause_ms };
            assert_eq!(judge(&quarantine, first, Conduct::Bad, now_ms), Some(failed));
        }
        now_ms += 350;
        let last = probe(&quarantine, now_ms);
        assert_eq!(judge(&quarantine, last, Conduct::Bad, now_ms), Some(Change::GivenUp { in_a_row: 3 }));
    }

    #[test]
    fn a_probe_that_ends_well_ends_it_and_one_that_says_nothing_makes_room_for_the_next() {
        let quarantine = Quarantine::new(RULES);
        judge_all(&quarantine, [Conduct::Bad; 20]);
        let unknown = probe(&quarantine, 100);
        assert_eq!(judge(&quarantine, unknown, Conduct::Unknown, 100), None);
        drop(probe(&quarantine, 100));
        let good = probe(&quarantine, 100);
        assert_eq!(judge(&quarantine, good, Conduct::Good, 100), Some(Change::Over));
        assert!(matches!(quarantine.enter(0, 100), Entry::Free));
    }

    #[test]
    fn the_pause_is_short_again_after_a_window_without_quarantine() {
        let quarantine = Quarantine::new(RULES);
        judge_all(&quarantine, [Conduct::Bad; 20]);
        let good = probe(&quarantine, 100);
        judge(&quarantine, good, Conduct::Good, 100);
        assert_eq!(judge_all(&quarantine, [Conduct::Bad; 20]), begun(20, 20, 200));
        let good = probe(&quarantine, 1000);
        judge(&quarantine, good, Conduct::Good, 1000);
        judge_all(&quarantine, [Conduct::Good; 200]);
        assert_eq!(judge_all(&quarantine, [Conduct::Bad; 100]), begun(100, 200, 100));
    }

    #[test]
    fn what_was_under_way_when_it_began_changes_nothing_and_is_not_held_against_its_delivery() {
        let quarantine = Quarantine::new(RULES);
        judge_all(&quarantine, [Conduct::Bad; 20]);
        assert_eq!(judge_all(&quarantine, [Conduct::Good; 300]), None);
        assert!(quarantine.is_closed(99));
        assert!(quarantine.judge(0, None, Conduct::Bad, 0).is_withheld);
        assert!(!quarantine.judge(0, None, Conduct::Good, 0).is_withheld);
        let failed = probe(&quarantine, 100);
        assert!(!quarantine.judge(0, failed, Conduct::Bad, 100).is_withheld);
    }

    #[test]
    fn another_version_begins_anew_and_what_the_one_before_still_does_is_nothing_to_it() {
        let quarantine = Quarantine::new(RULES);
        judge_all(&quarantine, [Conduct::Bad; 20]);
        let old = probe(&quarantine, 100);
        assert!(matches!(quarantine.enter(1, 0), Entry::Free));
        let judgement = quarantine.judge(0, old, Conduct::Bad, 100);
        assert_eq!(judgement, Judgement { change: None, is_withheld: true });
        for _ in 0..19 {
            assert_eq!(quarantine.judge(1, None, Conduct::Bad, 100).change, None);
        }
        // What it took over from was no better.
        assert_eq!(quarantine.judge(1, None, Conduct::Bad, 100).change, begun(20, 20, 100));
    }

    #[test]
    fn a_version_is_on_trial_for_a_window_if_the_one_before_did_well() {
        let quarantine = Quarantine::new(RULES);
        judge_all(&quarantine, [Conduct::Good; 20]);
        let changes: Vec<Change> =
            (0..300).filter_map(|_| quarantine.judge(1, None, Conduct::Good, 0).change).collect();
        assert_eq!(changes, [Change::Proven]);
        let changes: Vec<Change> =
            (0..20).filter_map(|_| quarantine.judge(2, None, Conduct::Bad, 0).change).collect();
        assert_eq!(changes, [Change::Begun { bad: 20, of: 20, pause_ms: 100, on_trial: true }]);
        // The one before takes over again, and is not on trial.
        let changes: Vec<Change> =
            (0..20).filter_map(|_| quarantine.judge(3, None, Conduct::Bad, 0).change).collect();
        assert_eq!(changes, [begun(20, 20, 100).unwrap()]);
    }
}
