//! What was met in runs: a proof by runs that met nothing would be none.

use std::fmt;

macro_rules! met {
    ($($name:ident: $words:literal,)*) => {
        /// What may be met.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Met {
            $(#[doc = $words] $name,)*
        }

        const NAMES: &[(Met, &str)] = &[$((Met::$name, $words),)*];
    };
}

met! {
    Deliveries: "deliveries handed out",
    Invocations: "handlers called",
    Published: "messages published",
    Duplicates: "duplicates answered",
    L1Hits: "duplicates answered by caches",
    ClaimsTakenOver: "claims taken over",
    FencesRefused: "settles refused by a fence",
    EntriesTakenOver: "entries taken over",
    EntriesRecovered: "entries recovered",
    EntriesLost: "settles of entries that somebody else has",
    LateCommits: "late commits",
    MarksMissed: "duplicates whose mark was forgotten before their acknowledgement",
    RequestsLost: "requests lost",
    RepliesLost: "replies lost",
    ConnectionsLost: "connections lost",
    Crashes: "crashes",
    CrashBeforeClaim: "- before a claim",
    CrashAfterClaim: "- after a claim, before its reply",
    CrashAfterEffect: "- after an effect, before its commit",
    CrashAfterCommit: "- after a commit, before its acknowledgement",
    CrashAfterAck: "- after an acknowledgement",
    Pauses: "pauses",
    PausesBeyondLease: "- longer than a lease",
    Stops: "stops in order",
    Stalls: "servers stalled",
    Failovers: "failovers",
    FailoversThatForgot: "- that forgot a mark",
    Emptied: "servers emptied",
    HeldBackAfterFailover: "claims held back in a new epoch",
    Forgotten: "keys forgotten by hand",
    GivenAway: "entries given away",
    Unavailable: "calls given up",
    Quarantines: "quarantines",
    DeadLetters: "dead letters",
    EffectsDoubledAndExplained: "effects doubled outside a transaction, explained",
    WaitsForReplicas: "waits for replicas",
}

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
    fn what_was_not_met_is_named() {
        let mut counts = Counts::default();
        NAMES.iter().skip(1).for_each(|(met, _)| counts.met(*met));
        assert_eq!(counts.missing(), ["deliveries handed out"]);
    }
}
