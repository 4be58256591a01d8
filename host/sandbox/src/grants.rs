//! What a handler is granted beyond the contract: clocks and chance.

use sha2::{Digest as _, Sha256};

/// What the `wasi:*` imports of a handler are answered with. They reach nothing else of the host, whatever this
/// says: no file, no environment, no argument, no network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// What its clocks show.
    pub clock: ClockGrant,
    /// Where its random numbers come from.
    pub random: RandomGrant,
}

/// What a handler's clocks show. A sleep returns at once and moves that invocation's clocks on, in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockGrant {
    /// The time, in steps. The default, with steps of one millisecond: what is shorter helps only those who
    /// measure what other tenants leave in caches.
    System {
        /// The step in milliseconds; at least 1.
        step_ms: u64,
    },
    /// Always the same time, so that a handler cannot tell when it runs or how long.
    Frozen {
        /// The wall clock's time in milliseconds since 1970-01-01 UTC. The other clock stands at one millisecond.
        at_ms: u64,
    },
}

impl Default for ClockGrant {
    fn default() -> Self {
        Self::System { step_ms: 1 }
    }
}

impl ClockGrant {
    pub(crate) fn step_ns(self) -> u64 {
        match self {
            Self::System { step_ms } => step_ms.max(1).saturating_mul(1_000_000),
            Self::Frozen { .. } => 1_000_000,
        }
    }
}

/// Where a handler's random numbers come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RandomGrant {
    /// From the operating system. The default.
    #[default]
    System,
    /// From a seed and the message, so that another delivery of the same message draws the same numbers and
    /// another message others. Whoever knows the seed knows them all.
    Seeded(Seed),
}

/// What seeded random numbers are made from. Only its digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from any text.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}
