//! Who knows a key: the cache, then this process, then the store.

use std::sync::Arc;

use futures_util::future::{Either, select};

use super::{Attempt, What, Why};
use crate::inflight::{Leader, Role};
use crate::policy::Outage;
use crate::store::{Claim, ClaimOutcome, Committed};
use crate::{DuplicateBy, Key};

/// How often a key that is in flight on another host is asked for while waiting, in milliseconds, on average.
const REMOTE_POLL_MS: u64 = 50;

impl Attempt {
    /// Cache, then this process, then the store.
    pub(super) async fn look(&mut self, key: &Key) -> What {
        let gate = Arc::clone(&self.gate);
        if let Some(commit) = gate.cached(key) {
            return self.duplicate(commit, DuplicateBy::L1);
        }
        // Waiting while holding a claim, two attempts could wait for each other.
        let waits = !self.holds_a_claim() && !gate.policy.shadow;
        let wait_ms = if waits { gate.policy.in_flight_wait_ms } else { 0 };
        let until_ms = gate.clock.now_ms().saturating_add(wait_ms);
        loop {
            let slot = match gate.in_flight.enter(key) {
                Role::Leader(leader) => return self.lead(key, leader, until_ms).await,
                Role::Follower(slot) => slot,
            };
            let left_ms = until_ms.saturating_sub(gate.clock.now_ms());
            if left_ms == 0 {
                return What::InFlight(gate.policy.lease_ms);
            }
            let ended = std::pin::pin!(slot.ended());
            match select(ended, gate.clock.sleep(left_ms)).await {
                Either::Left((Some(ClaimOutcome::Committed(commit)), _)) => {
                    return self.duplicate(commit, DuplicateBy::Waiting);
                }
                Either::Left((Some(outcome), _)) => {
                    if let Some(what) = self.shared(outcome) {
                        return what;
                    }
                }
                // The key was released: whoever is first here asks the store.
                Either::Left((None, _)) => {}
                Either::Right(_) => return What::InFlight(gate.policy.lease_ms),
            }
        }
    }

    /// Asks the store, for everybody in this process.
    async fn lead(&mut self, key: &Key, leader: Leader, until_ms: u64) -> What {
        let gate = Arc::clone(&self.gate);
        // A leader before this one may have committed between the look into the cache and now.
        if let Some(commit) = gate.cached(key) {
            leader.resolve(ClaimOutcome::Committed(commit.clone()));
            return self.duplicate(commit, DuplicateBy::L1);
        }
        let mut by = DuplicateBy::Store;
        loop {
            let (asked_ms, ticket) = (gate.clock.now_ms(), gate.ticket());
            let mut outcome = self.ask(key, asked_ms).await;
            let now_ms = gate.clock.now_ms();
            match &mut outcome {
                ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted) => {
                    return What::New { granted: *granted, leader, staged: None };
                }
                ClaimOutcome::InFlight { left_ms } if now_ms < until_ms => {
                    let pause_ms = self.poll_ms().min(*left_ms).min(until_ms - now_ms).max(1);
                    gate.clock.sleep(pause_ms).await;
                    by = DuplicateBy::Waiting;
                    continue;
                }
                ClaimOutcome::Committed(commit) => {
                    // What was left when the store answered, less the way of the answer.
                    commit.left_ms = commit.left_ms.saturating_sub(now_ms.saturating_sub(asked_ms));
                    gate.l1.insert(key, commit.clone(), ticket);
                    let what = self.duplicate(commit.clone(), by);
                    leader.resolve(outcome);
                    return what;
                }
                // Handled all the same; the others of this process are kept away meanwhile.
                ClaimOutcome::Unavailable(_) if gate.policy.outage == Outage::Open && !gate.policy.shadow => {
                    return What::Free { why: Why::Unguarded, leader: Some(leader), staged: None };
                }
                // It says something of this delivery's payload only; the others ask for themselves.
                ClaimOutcome::Mismatch { stored } => return What::Mismatch(*stored),
                _ => {}
            }
            let what = self.shared(outcome.clone());
            leader.resolve(outcome);
            return what.unwrap_or(What::Unavailable("the store gave an answer of another kind".into()));
        }
    }

    /// Until a key in flight elsewhere is asked for again. Drawn, so that those who wait for one key do not all
    /// ask at once.
    fn poll_ms(&self) -> u64 {
        let drawn = self.gate.clock.attempt_id().as_bytes()[15];
        REMOTE_POLL_MS / 2 + REMOTE_POLL_MS * u64::from(drawn) / 256
    }

    async fn ask(&mut self, key: &Key, now_ms: u64) -> ClaimOutcome {
        self.claimed_ms.get_or_insert(now_ms);
        self.asking = Some(key.clone());
        let outcome = self.gate.store.claim(&[self.claim(key.clone())]).await.pop();
        self.asking = None;
        outcome.unwrap_or_else(|| ClaimOutcome::Unavailable("the store gave no answer".into()))
    }

    pub(super) fn claim(&self, key: Key) -> Claim {
        let policy = &self.gate.policy;
        // A delivery is claimed by itself only when it runs alone as a suspect: one death then is enough.
        let suspect_after = if self.is_delivery(&key) { 0 } else { policy.host_deaths };
        Claim {
            key,
            attempt: self.id,
            fingerprint: self.fingerprint,
            lease_ms: policy.lease_ms,
            keep_ms: policy.keep_ms,
            suspect_after,
            alone: self.alone,
        }
    }

    fn duplicate(&self, commit: Committed, by: DuplicateBy) -> What {
        match (commit.fingerprint, self.fingerprint) {
            (Some(stored), Some(found)) if stored != found => What::Mismatch(stored),
            _ => What::Duplicate { commit, by },
        }
    }

    /// What an outcome means to any attempt that asks for the key; none if that depends on the attempt.
    fn shared(&self, outcome: ClaimOutcome) -> Option<What> {
        match outcome {
            ClaimOutcome::InFlight { left_ms } => Some(What::InFlight(left_ms)),
            ClaimOutcome::Dead { reason, origin } => {
                Some(What::Dead { reason, this_delivery: origin == Some(self.origin) })
            }
            ClaimOutcome::Suspect { host_deaths } => Some(What::Suspect(host_deaths)),
            ClaimOutcome::Unreadable(unreadable) => Some(What::Unreadable(unreadable)),
            ClaimOutcome::Unavailable(why) => Some(What::Unavailable(why)),
            _ => None,
        }
    }
}
