//! What was met in runs: a proof by runs that met nothing would be none.

use std::fmt;

/// How often something was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    Deliveries,
    Invocations,
    Published,
    Duplicates,
    L1Hits,
    ClaimsTakenOver,
    FencesRefused,
    EntriesTakenOver,
    EntriesRecovered,
    EntriesLost,
    LateCommits,
    MarksMissed,
    RequestsLost,
    RepliesLost,
    ConnectionsLost,
    Crashes,
    CrashBeforeClaim,
    CrashAfterClaim,
    CrashAfterEffect,
    CrashAfterCommit,
    CrashAfterAck,
    Pauses,
    PausesBeyondLease,
    Stops,
    Stalls,
    Failovers,
    FailoversThatForgot,
    Emptied,
    HeldBackAfterFailover,
    Forgotten,
    GivenAway,
    Unavailable,
    DeadLetters,
    EffectsDoubledAndExplained,
    WaitsForReplicas,
}

const NAMES: [(Met, &str); 35] = [
    (Met::Deliveries, "deliveries handed out"),
    (Met::Invocations, "handlers called"),
    (Met::Published, "messages published"),
    (Met::Duplicates, "duplicates answered"),
    (Met::L1Hits, "duplicates answered by caches"),
    (Met::ClaimsTakenOver, "claims taken over"),
    (Met::FencesRefused, "settles refused by a fence"),
    (Met::EntriesTakenOver, "entries taken over"),
    (Met::EntriesRecovered, "entries recovered"),
    (Met::EntriesLost, "settles of entries that somebody else has"),
    (Met::LateCommits, "late commits"),
    (Met::MarksMissed, "duplicates whose mark was forgotten before their acknowledgement"),
    (Met::RequestsLost, "requests lost"),
    (Met::RepliesLost, "replies lost"),
    (Met::ConnectionsLost, "connections lost"),
    (Met::Crashes, "crashes"),
    (Met::CrashBeforeClaim, "- before a claim"),
    (Met::CrashAfterClaim, "- after a claim, before its reply"),
    (Met::CrashAfterEffect, "- after an effect, before its commit"),
    (Met::CrashAfterCommit, "- after a commit, before its acknowledgement"),
    (Met::CrashAfterAck, "- after an acknowledgement"),
    (Met::Pauses, "pauses"),
    (Met::PausesBeyondLease, "- longer than a lease"),
    (Met::Stops, "stops in order"),
    (Met::Stalls, "servers stalled"),
    (Met::Failovers, "failovers"),
    (Met::FailoversThatForgot, "- that forgot a mark"),
    (Met::Emptied, "servers emptied"),
    (Met::HeldBackAfterFailover, "claims held back in a new epoch"),
    (Met::Forgotten, "keys forgotten by hand"),
    (Met::GivenAway, "entries given away"),
    (Met::Unavailable, "calls given up"),
    (Met::DeadLetters, "dead letters"),
    (Met::EffectsDoubledAndExplained, "effects doubled outside a transaction, explained"),
    (Met::WaitsForReplicas, "waits for replicas"),
];

/// How often each was met.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    met: [u64; NAMES.len()],
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// Runs.
    pub runs: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { met: [0; NAMES.len()], virtual_ms: 0, runs: 0 }
    }
}

impl Counts {
    /// Once more.
    pub fn met(&mut self, what: Met) {
        self.add(what, 1);
    }

    /// So many times more.
    pub fn add(&mut self, what: Met, times: u64) {
        self.met[what as usize] += times;
    }

    /// How often.
    pub fn of(&self, what: Met) -> u64 {
        self.met[what as usize]
    }

    /// Takes another run's in.
    pub fn take_in(&mut self, other: &Self) {
        self.met.iter_mut().zip(other.met).for_each(|(met, more)| *met += more);
        self.virtual_ms += other.virtual_ms;
        self.runs += other.runs;
    }

    /// What was not met, by name.
    pub fn missing(&self) -> Vec<&'static str> {
        NAMES.iter().filter(|(met, _)| self.of(*met) == 0).map(|(_, name)| *name).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NAMES.iter().try_for_each(|(met, name)| writeln!(f, "  {:>12}  {name}", self.of(*met)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_numbers_and_what_was_not_met_is_named() {
        assert!(NAMES.iter().enumerate().all(|(place, (met, _))| *met as usize == place));
        let mut counts = Counts::default();
        NAMES.iter().skip(1).for_each(|(met, _)| counts.met(*met));
        assert_eq!(counts.missing(), ["deliveries handed out"]);
    }
}
