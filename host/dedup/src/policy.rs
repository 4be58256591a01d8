//! What the host decides about keys, and which combinations of it make no sense.

use crate::Namespace;

/// The rules for the keys of one namespace. All times are in milliseconds.
///
/// [`Policy::new`] gives the defaults; [`Policy::validate`] must accept it before a [`Gate`](crate::Gate)
/// works by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Where the keys live.
    pub namespace: Namespace,
    /// How long a commit is remembered. Default 7 days. A delivery that comes again later is handled again.
    pub window_ms: u64,
    /// How long a claim holds. Default 60 s. After it somebody else may take the key.
    pub lease_ms: u64,
    /// How long before the end of its lease an attempt stops: no handler runs, no output is begun after
    /// that. Default 5 s. It has to cover the time from the handler's end to the end of its settle.
    pub margin_ms: u64,
    /// How long a handler may run. Default 30 s. Lower than `lease_ms - margin_ms`.
    pub handler_limit_ms: u64,
    /// How long a record outlives its lease, so that a crash forgets no attempt. Default: the window. At least
    /// twice the longest back-off.
    pub keep_ms: u64,
    /// How long a handler may wait inside `seen` for a key in flight elsewhere. Default 2 s. Zero: never.
    pub in_flight_wait_ms: u64,
    /// The longest pause before a delivery is made again. Default 30 s.
    pub max_backoff_ms: u64,
    /// How many attempts the handler has. Default 5. Only what the handler did wrong counts: a retry, a trap,
    /// a limit.
    pub max_attempts: u32,
    /// How many hosts may die over a key. Default 20. Beyond it the delivery runs alone, and is given up only
    /// if its host dies then too.
    pub host_deaths: u32,
    /// How many keys one delivery may name. Default 64.
    pub keys_per_delivery: u32,
    /// The longest key, in bytes. Default 1024.
    pub key_bytes: u32,
    /// The longest receipt, in bytes. Default 64 KiB.
    pub receipt_bytes: u32,
}

/// A policy that would break a promise. Each names the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A time or count that must not be zero is.
    #[error("{0} is zero, which would make every delivery fail: set at least 1")]
    Zero(&'static str),
    /// The handler could still run when somebody else holds its key.
    #[error(
        "the handler limit ({handler_limit_ms} ms) has to be lower than lease less margin ({lease_ms} - \
         {margin_ms} ms), so that a handler is stopped before somebody else may take its key: raise the \
         lease or lower the limit"
    )]
    HandlerOutlivesLease {
        /// The handler limit.
        handler_limit_ms: u64,
        /// The lease.
        lease_ms: u64,
        /// The margin.
        margin_ms: u64,
    },
    /// A commit would be forgotten while a delivery of the same key can still be under way.
    #[error(
        "the window ({window_ms} ms) has to be at least lease plus longest back-off ({lease_ms} + \
         {max_backoff_ms} ms), or a delivery under way would find its key forgotten: raise the window"
    )]
    WindowTooShort {
        /// The window.
        window_ms: u64,
        /// The lease.
        lease_ms: u64,
        /// The longest back-off.
        max_backoff_ms: u64,
    },
    /// A record would be gone before its delivery comes again, and its attempts with it.
    #[error(
        "keep ({keep_ms} ms) has to be at least twice the longest back-off ({max_backoff_ms} ms), or attempts \
         are forgotten between two deliveries and a message that always fails is never given up: raise it"
    )]
    KeepTooShort {
        /// The keep.
        keep_ms: u64,
        /// The longest back-off.
        max_backoff_ms: u64,
    },
    /// A time that no clock will reach.
    #[error("{name} ({ms} ms) is longer than 100 years, which is the longest that stores can count")]
    TooLong {
        /// Which.
        name: &'static str,
        /// How long.
        ms: u64,
    },
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// The longest time that a policy may name and a store counts: 100 years.
pub(crate) const LONGEST_MS: u64 = 100 * 365 * DAY_MS;

impl Policy {
    /// The defaults for a namespace.
    pub fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            window_ms: 7 * DAY_MS,
            lease_ms: 60_000,
            margin_ms: 5_000,
            handler_limit_ms: 30_000,
            keep_ms: 7 * DAY_MS,
            in_flight_wait_ms: 2_000,
            max_backoff_ms: 30_000,
            max_attempts: 5,
            host_deaths: 20,
            keys_per_delivery: 64,
            key_bytes: 1024,
            receipt_bytes: 64 * 1024,
        }
    }

    /// Accepts the policy, or names the first rule that it breaks.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let times = [
            ("the window", self.window_ms),
            ("the lease", self.lease_ms),
            ("the handler limit", self.handler_limit_ms),
            ("keep", self.keep_ms),
        ];
        for (name, ms) in times {
            if ms == 0 {
                return Err(PolicyError::Zero(name));
            }
            if ms > LONGEST_MS {
                return Err(PolicyError::TooLong { name, ms });
            }
        }
        let counts = [
            ("the number of attempts", self.max_attempts),
            ("keys per delivery", self.keys_per_delivery),
            ("the key's length", self.key_bytes),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(PolicyError::Zero(name));
        }
        let Self { handler_limit_ms, lease_ms, margin_ms, window_ms, keep_ms, max_backoff_ms, .. } = *self;
        if handler_limit_ms >= lease_ms.saturating_sub(margin_ms) {
            return Err(PolicyError::HandlerOutlivesLease { handler_limit_ms, lease_ms, margin_ms });
        }
        if window_ms < lease_ms.saturating_add(max_backoff_ms) {
            return Err(PolicyError::WindowTooShort { window_ms, lease_ms, max_backoff_ms });
        }
        if keep_ms < max_backoff_ms.saturating_mul(2) {
            return Err(PolicyError::KeepTooShort { keep_ms, max_backoff_ms });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy::new(Namespace::new("n").unwrap())
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(policy().validate(), Ok(()));
    }

    #[test]
    fn a_handler_may_not_outlive_its_lease() {
        // Row 4: with equality the last output could begin at the moment somebody else claims.
        for (handler_limit_ms, valid) in [(54_999, true), (55_000, false), (60_000, false)] {
            let policy = Policy { handler_limit_ms, ..policy() };
            assert_eq!(policy.validate().is_ok(), valid, "{handler_limit_ms}");
        }
        let all_margin = Policy { margin_ms: u64::MAX, ..policy() };
        assert!(matches!(all_margin.validate(), Err(PolicyError::HandlerOutlivesLease { .. })));
    }

    #[test]
    fn zero_and_the_extremes_are_refused_rather_than_taken_for_none() {
        // Row 21.
        for broken in [
            Policy { window_ms: 0, ..policy() },
            Policy { lease_ms: 0, ..policy() },
            Policy { handler_limit_ms: 0, ..policy() },
            Policy { keep_ms: 0, ..policy() },
            Policy { max_attempts: 0, ..policy() },
            Policy { window_ms: u64::MAX, ..policy() },
            Policy { lease_ms: u64::MAX, keep_ms: u64::MAX, ..policy() },
        ] {
            assert!(broken.validate().is_err(), "{broken:?}");
        }
        let shortest = Policy {
            lease_ms: 2,
            handler_limit_ms: 1,
            margin_ms: 0,
            window_ms: 2,
            keep_ms: 1,
            max_backoff_ms: 0,
            ..policy()
        };
        assert_eq!(shortest.validate(), Ok(()));
    }

    #[test]
    fn attempts_must_outlive_the_longest_pause() {
        let policy = Policy { keep_ms: 59_999, ..policy() };
        assert!(matches!(policy.validate(), Err(PolicyError::KeepTooShort { .. })));
    }
}
