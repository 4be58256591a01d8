//! The gate: the cache, then claims under way in this process, then the store.

use std::sync::Arc;

use crate::afterthoughts::Afterthoughts;
use crate::attempt::Attempt;
use crate::ending::{Ending, Unknown};
use crate::inflight::InFlight;
use crate::l1::{L1, L1Limits, Ticket};
use crate::store::{
    Action, ClaimOutcome, Committed, Invalidate, KeySettle, SettleOutcome, Settlement, Store,
};
use crate::{Clock, Fingerprint, Key, Namespace, Origin, Policy, PolicyError};

const APPLIED: SettleOutcome = SettleOutcome::Applied { late: 0 };

/// One namespace's gate. Cheap to share; everything in it is safe to use from many threads.
#[derive(Debug)]
pub struct Gate {
    pub(crate) policy: Policy,
    /// Where the keys of its attempts are.
    pub(crate) keys_of: Namespace,
    pub(crate) l1: Arc<L1>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    afterthoughts: Afterthoughts,
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
        let l1 = Arc::new(L1::new(l1, Arc::clone(&clock)));
        let cache: Arc<dyn Invalidate> = Arc::clone(&l1) as _;
        store.watch(Arc::downgrade(&cache));
        let keys_of = policy.keys_of();
        let (in_flight, afterthoughts) = (Arc::new(InFlight::new()), Afterthoughts::default());
        Ok(Arc::new(Self { policy, keys_of, l1, in_flight, store, clock, afterthoughts }))
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

    /// The cache believes nothing any more that it knew before. For whoever learns, before the store's own connection
    /// does, that a server may have forgotten what it confirmed: deliveries that come over a new connection may be those
    /// whose marks it forgot together with their acknowledgements.
    pub fn distrust_cache(&self) {
        self.l1.distrust();
    }

    /// Begins one attempt at one delivery.
    pub fn attempt(self: &Arc<Self>, origin: Origin, fingerprint: Option<Fingerprint>) -> Attempt {
        Attempt::new(Arc::clone(self), origin, fingerprint)
    }

    /// What the cache knows of a key, as far as it may be believed.
    pub(crate) fn cached(&self, key: &Key) -> Option<Committed> {
        self.l1.get(key, self.store.cache_epoch())
    }

    /// To be taken before the store is asked.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        self.l1.ticket(self.store.cache_epoch())
    }

    /// Settles one attempt and says how that went; where the store asks for replicas, only they make it applied.
    /// After `Unavailable` the claims are left to lapse; to repeat instead, use [`Gate::try_settle`].
    pub async fn settle(&self, ending: Ending) -> SettleOutcome {
        let mut endings = [ending];
        let since = self.store.cache_epoch();
        let outcome = self.try_settle(&mut endings).await.pop();
        let mut outcome = outcome.unwrap_or_else(|| SettleOutcome::Unavailable("it gave no answer".into()));
        let [mut ending] = endings;
        if self.store.replicas() > 0 && matches!(outcome, SettleOutcome::Applied { .. }) {
            match self.store.replicated(since).await {
                Ok(()) => ending.is_replicated(),
                Err(why) => outcome = SettleOutcome::Unavailable(why),
            }
        }
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
        self.settle_asides(endings).await;
        let settlements: Vec<Settlement> = endings.iter().map(|ending| ending.settlement().clone()).collect();
        // Most deliveries that end without keys (all duplicates, say) have nothing to ask of the store.
        if settlements.iter().all(|settlement| settlement.keys.is_empty()) {
            return vec![APPLIED; settlements.len()];
        }
        let outcomes = self.store.settle(&settlements).await;
        if !outcomes.iter().any(|outcome| matches!(outcome, SettleOutcome::Unavailable(_))) {
            self.catch_up().await;
        }
        outcomes
    }

    /// Asks for some of the claims whose answer never came before their delivery was over: marks what was handled
    /// without them, releases the others. [`Gate::try_settle`] does so whenever the store answers; for whoever settles
    /// in another way.
    pub async fn catch_up(&self) {
        self.afterthoughts.catch_up(self.store.as_ref()).await;
    }

    /// A claim whose reply never came may hold its key for a whole lease. Asked again, the store tells the
    /// fence, and the claim can be settled with the others.
    async fn resolve_unknown(&self, ending: &mut Ending) {
        if ending.unknown.is_empty() {
            return;
        }
        let unknown = std::mem::take(&mut ending.unknown);
        let claims: Vec<_> = unknown.iter().map(|unknown| unknown.claim.clone()).collect();
        let outcomes = self.store.claim(&claims).await;
        for (Unknown { claim, action }, outcome) in unknown.into_iter().zip(outcomes) {
            match outcome {
                ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted) => {
                    let (fence, fingerprint) = (granted.fence, claim.fingerprint);
                    ending.keys_mut().push(KeySettle { key: claim.key, fence, fingerprint, action });
                }
                ClaimOutcome::Unavailable(_) => ending.unknown.push(Unknown { claim, action }),
                // Whoever has it, it is not this attempt.
                _ => {}
            }
        }
    }

    /// Settles what trial runs claimed. If that fails, a later trial run is told something that is not so, and
    /// nothing else happens.
    async fn settle_asides(&self, endings: &mut [Ending]) {
        let mut asides: Vec<_> = endings
            .iter_mut()
            .filter_map(|ending| ending.aside.as_mut())
            .filter(|aside| !aside.applied && !aside.settlement.keys.is_empty())
            .collect();
        if asides.is_empty() {
            return;
        }
        let settlements: Vec<_> = asides.iter().map(|aside| aside.settlement.clone()).collect();
        let outcomes = self.store.settle(&settlements).await;
        for (aside, outcome) in asides.iter_mut().zip(outcomes) {
            aside.applied = matches!(outcome, SettleOutcome::Applied { .. });
        }
    }

    /// Makes a settled attempt known in this process: its commits to the cache, and all of it to whoever
    /// waits for one of its keys.
    pub fn confirm(&self, mut ending: Ending, outcome: &SettleOutcome) {
        let applied = match &ending.aside {
            Some(aside) => aside.applied,
            None => matches!(outcome, SettleOutcome::Applied { .. }),
        };
        // What a failover can still undo is nothing to tell anybody without asking the store.
        let known = applied && (ending.replicated || self.store.replicas() == 0);
        // Still unanswered: marked or released when the store answers again.
        self.afterthoughts.add(std::mem::take(&mut ending.unknown));
        let since_ms = self.clock.now_ms().saturating_sub(ending.times.ended_ms);
        let ticket = ending.times.ticket;
        let (keys, leaders) = ending.into_parts();
        for (settled, leader) in keys.into_iter().zip(leaders) {
            let Action::Commit { receipt, window_ms } = settled.action else { continue };
            if !known {
                continue;
            }
            // The window began in the store after the attempt's end was noted here, so that the cache's entry
            // never outlives the store's.
            let left_ms = window_ms.saturating_sub(since_ms);
            let commit = Committed { receipt, fingerprint: settled.fingerprint, left_ms };
            self.l1.insert(&settled.key, commit.clone(), ticket);
            leader.resolve(ClaimOutcome::Committed(commit));
        }
    }
}
