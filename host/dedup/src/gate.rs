//! The gate: the cache, then claims under way in this process, then the store.

use std::sync::Arc;

use crate::attempt::Attempt;
use crate::ending::Ending;
use crate::inflight::InFlight;
use crate::l1::{L1, L1Limits};
use crate::store::{Action, ClaimOutcome, KeySettle, SettleOutcome, Settlement, Store};
use crate::{Clock, Fingerprint, Origin, Policy, PolicyError};

/// One namespace's gate. Cheap to share; everything in it is safe to use from many threads.
#[derive(Debug)]
pub struct Gate {
    pub(crate) policy: Policy,
    pub(crate) l1: L1,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Gate {
    /// A gate that works by `policy`. Fails if the policy breaks one of its rules.
    pub fn new(
        policy: Policy,
        l1: L1Limits,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, PolicyError> {
        policy.validate()?;
        let l1 = L1::new(l1, Arc::clone(&clock));
        Ok(Arc::new(Self { policy, l1, in_flight: Arc::new(InFlight::new()), store, clock }))
    }

    /// What it works by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The clock that it goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Begins one attempt at one delivery.
    pub fn attempt(self: &Arc<Self>, origin: Origin, fingerprint: Option<Fingerprint>) -> Attempt {
        Attempt::new(Arc::clone(self), origin, fingerprint)
    }

    /// Settles one attempt and says how that went. After `Unavailable` the claims are left to lapse; to repeat
    /// instead, use [`Gate::try_settle`].
    pub async fn settle(&self, ending: Ending) -> SettleOutcome {
        let mut endings = [ending];
        let outcome = self.try_settle(&mut endings).await.pop();
        let outcome = outcome.unwrap_or_else(|| SettleOutcome::Unavailable("it gave no answer".into()));
        let [ending] = endings;
        self.confirm(ending, &outcome);
        outcome
    }

    /// Settles attempts, each all or nothing and none affecting another. An `Unavailable` one may be given
    /// again as often as needed: by the same attempt nothing is ever applied twice. Tell
    /// [`Gate::confirm`] of every final outcome.
    pub async fn try_settle(&self, endings: &mut [Ending]) -> Vec<SettleOutcome> {
        for ending in endings.iter_mut() {
            self.resolve_unknown(ending).await;
        }
        let settlements: Vec<Settlement> = endings.iter().map(|ending| ending.settlement().clone()).collect();
        // Most deliveries that end without keys (all duplicates, say) have nothing to ask of the store.
        if settlements.iter().all(|settlement| settlement.keys.is_empty()) {
            return vec![SettleOutcome::Applied { late: 0 }; settlements.len()];
        }
        self.store.settle(&settlements).await
    }

    /// A claim whose reply never came may hold its key for a whole lease. Asked again, the store tells the
    /// fence, and the claim can be released with the others.
    async fn resolve_unknown(&self, ending: &mut Ending) {
        if ending.unknown.is_empty() {
            return;
        }
        let outcomes = self.store.claim(&ending.unknown).await;
        let mut unanswered = Vec::new();
        for (claim, outcome) in std::mem::take(&mut ending.unknown).into_iter().zip(outcomes) {
            match outcome {
                ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted) => {
                    ending.settlement.keys.push(KeySettle {
                        key: claim.key,
                        fence: granted.fence,
                        fingerprint: claim.fingerprint,
                        action: Action::Release {
                            failed: false,
                            error: String::new(),
                            keep_ms: self.policy.keep_ms,
                        },
                    });
                }
                ClaimOutcome::Unavailable(_) => unanswered.push(claim),
                // Whoever has it, it is not this attempt.
                _ => {}
            }
        }
        ending.unknown = unanswered;
    }

    /// Makes a settled attempt known in this process: its commits to the cache, and all of it to whoever
    /// waits for one of its keys.
    pub fn confirm(&self, ending: Ending, outcome: &SettleOutcome) {
        let applied = matches!(outcome, SettleOutcome::Applied { .. });
        let since_ms = self.clock.now_ms().saturating_sub(ending.ended_ms);
        let (keys, leaders) = ending.into_parts();
        for (settled, leader) in keys.into_iter().zip(leaders) {
            let Action::Commit { receipt, window_ms } = settled.action else { continue };
            if !applied {
                continue;
            }
            // The window began in the store after the attempt's end was noted here, so that the cache's entry
            // never outlives the store's.
            let left_ms = window_ms.saturating_sub(since_ms);
            let commit = crate::store::Committed { receipt, fingerprint: settled.fingerprint, left_ms };
            self.l1.insert(&settled.key, commit.clone());
            leader.resolve(ClaimOutcome::Committed(commit));
        }
    }
}
