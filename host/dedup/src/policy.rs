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
    /// twice the longest back-off and twice the redelivery time.
    pub keep_ms: u64,
    /// After how long without an acknowledgement the broker gives a delivery to another host. Default: none, for
    /// sources that never do (files). At least lease plus margin.
    pub redelivery_ms: Option<u64>,
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
    /// What becomes of deliveries while the store does not answer. Default [`Outage::Closed`].
    pub outage: Outage,
    /// A trial run: every delivery is handled as if its keys were new, and what would have become of it is only
    /// counted (see [`Attempt::shadow`](crate::Attempt::shadow)). Its keys are kept apart, in
    /// [`Namespace::shadow`]. It never waits, puts nothing off and gives nothing up on account of a key. Default
    /// `false`.
    pub shadow: bool,
}

/// What becomes of deliveries while the store does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Outage {
    /// None is handled; each is made again when the store answers.
    #[default]
    Closed,
    /// They are handled without de-duplication, and counted (see
    /// [`Attempt::unguarded`](crate::Attempt::unguarded)).
    ///
    /// Whatever is delivered twice while the store does not answer has its effect twice, on one host or on two at
    /// once, and so has what was handled before the outage and is delivered again in it. A store that answers and is
    /// refused (it was emptied, say) counts as one that does not. Keys that were claimed before the outage keep their
    /// rules, what cannot be settled is not acknowledged, unless whoever settles them goes on without the store
    /// ([`Ending::unguard`](crate::Ending::unguard)), as the host does. When the store answers again, this process marks what it
    /// handled meanwhile, as far as it remembers (some 16,000 keys); until then, and after a crash before that, a
    /// further delivery has its effect once more.
    Open,
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
    /// The broker would give a delivery to another host while this one may still work on it.
    #[error(
        "the broker's redelivery time ({redelivery_ms} ms) has to be at least lease plus margin ({lease_ms} + \
         {margin_ms} ms), or deliveries are taken from hosts that still work on them: raise the redelivery time or \
         lower the lease"
    )]
    TakenTooSoon {
        /// The redelivery time.
        redelivery_ms: u64,
        /// The lease.
        lease_ms: u64,
        /// The margin.
        margin_ms: u64,
    },
    /// A commit would be forgotten while a delivery of the same key can still be under way.
    #[error(
        "the window ({window_ms} ms) has to be at least the lease plus the longest pause between two deliveries, by \
         back-off or the broker's redelivery ({lease_ms} + {longest_pause_ms} ms), or a delivery under way would \
         find its key forgotten: raise the window"
    )]
    WindowTooShort {
        /// The window.
        window_ms: u64,
        /// The lease.
        lease_ms: u64,
        /// The longest pause between two deliveries.
        longest_pause_ms: u64,
    },
    /// A record would be gone before its delivery comes again, and its attempts with it.
    #[error(
        "keep ({keep_ms} ms) has to be at least twice the longest pause between two deliveries, by back-off or the \
         broker's redelivery ({longest_pause_ms} ms), or attempts are forgotten in between and a message that always \
         fails is never given up: raise it"
    )]
    KeepTooShort {
        /// The keep.
        keep_ms: u64,
        /// The longest pause between two deliveries.
        longest_pause_ms: u64,
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
            redelivery_ms: None,
            in_flight_wait_ms: 2_000,
            max_backoff_ms: 30_000,
            max_attempts: 5,
            host_deaths: 20,
            keys_per_delivery: 64,
            key_bytes: 1024,
            receipt_bytes: 64 * 1024,
            outage: Outage::Closed,
            shadow: false,
        }
    }

    /// Where its keys are: in a trial run apart from all others.
    pub fn keys_of(&self) -> Namespace {
        if self.shadow { self.namespace.shadow() } else { self.namespace.clone() }
    }

    /// Accepts the policy, or names the first rule that it breaks.
    pub fn validate(&self) -> Result<(), PolicyError> {
        self.validate_each()?;
        let Self { handler_limit_ms, lease_ms, margin_ms, window_ms, keep_ms, redelivery_ms, .. } = *self;
        if handler_limit_ms >= lease_ms.saturating_sub(margin_ms) {
            return Err(PolicyError::HandlerOutlivesLease { handler_limit_ms, lease_ms, margin_ms });
        }
        if let Some(redelivery_ms) = redelivery_ms
            && redelivery_ms < lease_ms.saturating_add(margin_ms)
        {
            return Err(PolicyError::TakenTooSoon { redelivery_ms, lease_ms, margin_ms });
        }
        let longest_pause_ms = self.max_backoff_ms.max(redelivery_ms.unwrap_or(0));
        if window_ms < lease_ms.saturating_add(longest_pause_ms) {
            return Err(PolicyError::WindowTooShort { window_ms, lease_ms, longest_pause_ms });
        }
        if keep_ms < longest_pause_ms.saturating_mul(2) {
            return Err(PolicyError::KeepTooShort { keep_ms, longest_pause_ms });
        }
        Ok(())
    }

    /// Each by itself.
    fn validate_each(&self) -> Result<(), PolicyError> {
        let times = [
            ("the window", self.window_ms),
            ("the lease", self.lease_ms),
            ("the handler limit", self.handler_limit_ms),
            ("keep", self.keep_ms),
            ("the redelivery time", self.redelivery_ms.unwrap_or(1)),
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

    #[test]
    fn a_broker_may_not_take_a_delivery_from_a_host_that_still_works_on_it() {
        // Rule 26.
        for (redelivery_ms, valid) in [(65_000, true), (64_999, false), (0, false)] {
            let policy = Policy { redelivery_ms: Some(redelivery_ms), ..policy() };
            assert_eq!(policy.validate().is_ok(), valid, "{redelivery_ms}");
        }
        let all = Policy { redelivery_ms: Some(u64::MAX), ..policy() };
        assert!(matches!(all.validate(), Err(PolicyError::TooLong { .. })));
    }

    #[test]
    fn window_and_keep_cover_the_redelivery_time_as_well_as_the_back_off() {
        // Rule 4, row 33.
        let slow = Policy { redelivery_ms: Some(3_600_000), ..policy() };
        assert_eq!(slow.validate(), Ok(()));
        for (keep_ms, valid) in [(7_200_000, true), (7_199_999, false)] {
            assert_eq!(Policy { keep_ms, ..slow.clone() }.validate().is_ok(), valid, "{keep_ms}");
        }
        for (window_ms, valid) in [(3_660_000, true), (3_659_999, false)] {
            assert_eq!(Policy { window_ms, ..slow.clone() }.validate().is_ok(), valid, "{window_ms}");
        }
    }
}
