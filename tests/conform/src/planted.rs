//! What a store knows before anything is delivered, made by attempts of another host on the same store.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use oncegate_dedup::store::{SettleOutcome, Store};
use oncegate_dedup::{Fingerprint, Gate, Namespace, Origin, Policy, Sighting, SystemClock, Verdict};

use crate::case::{Before, Committed};

pub(crate) const NAMESPACE: &str = "conformance";

/// The defaults for the namespace of all cases.
pub(crate) fn policy() -> Result<Policy> {
    Ok(Policy::new(Namespace::new(NAMESPACE)?))
}

/// Makes the store know this.
pub(crate) async fn plant(store: &Arc<dyn Store>, before: &Before) -> Result<()> {
    match before {
        Before::Committed { key, committed: Committed { receipt, payload } } => {
            let payload = payload.as_ref().map(|payload| Fingerprint::of(&payload.0));
            let receipt = receipt.clone().map(|receipt| receipt.0);
            end(store, &key.0, payload, Some(receipt), &Verdict::Apply).await
        }
        Before::Dead { key, dead } => {
            end(store, &key.0, None, None, &Verdict::DiedBefore(dead.clone())).await
        }
        Before::InFlight { key, in_flight } => hold(store, &key.0, *in_flight).await,
        Before::Store { .. } => bail!("a store that is down knows nothing"),
    }
}

async fn end(
    store: &Arc<dyn Store>,
    key: &str,
    fingerprint: Option<Fingerprint>,
    commit: Option<Option<Vec<u8>>>,
    verdict: &Verdict,
) -> Result<()> {
    let gate = Gate::new(policy()?, Default::default(), Arc::clone(store), Arc::new(SystemClock))?;
    let mut attempt = gate.attempt(Origin::of("elsewhere", key), fingerprint);
    ensure!(attempt.seen(key.as_bytes()).await? == Sighting::New, "{key} is planted twice");
    if let Some(receipt) = commit {
        attempt.commit(key.as_bytes(), receipt)?;
    }
    let outcome = gate.settle(attempt.end(verdict)).await;
    ensure!(outcome == SettleOutcome::Applied { late: 0 }, "{key} cannot be planted: {outcome:?}");
    Ok(())
}

/// The lease is all that is left of it, as the store's clock stands still.
async fn hold(store: &Arc<dyn Store>, key: &str, lease_ms: u64) -> Result<()> {
    let mut policy = Policy { lease_ms, handler_limit_ms: 1, margin_ms: 0, max_backoff_ms: 0, ..policy()? };
    policy.window_ms = policy.window_ms.max(lease_ms);
    let gate = Gate::new(policy, Default::default(), Arc::clone(store), Arc::new(SystemClock))?;
    let mut attempt = gate.attempt(Origin::of("elsewhere", key), None);
    ensure!(attempt.seen(key.as_bytes()).await? == Sighting::New, "{key} is planted twice");
    Ok(())
}
