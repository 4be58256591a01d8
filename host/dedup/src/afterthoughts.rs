//! Claims whose answer never came before their delivery was over, to be asked for when the store answers again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ending::Unknown;
use crate::store::{Absent, Action, ClaimOutcome, KeySettle, Settlement, Store};

/// How many are remembered. Of more, the oldest are left to lapse.
const MOST: usize = 16 * 1024;

/// How many are asked for at once.
const AT_ONCE: usize = 128;

/// What is still to be asked.
///
/// Left alone, a claim of which nothing is known would hold its key for a lease, and count as a host that died; and
/// what was handled during an outage would be handled again with its next delivery.
#[derive(Debug, Default)]
pub(crate) struct Afterthoughts(Mutex<VecDeque<Unknown>>);

impl Afterthoughts {
    /// Some more.
    pub fn add(&self, unknown: Vec<Unknown>) {
        if unknown.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        waiting.extend(unknown);
        let too_many = waiting.len().saturating_sub(MOST);
        waiting.drain(..too_many);
    }

    /// Asks for a few of them. Each is a delivery of its own: none affects another.
    pub async fn catch_up(&self, store: &dyn Store) {
        let asked: Vec<Unknown> = {
            let mut waiting = self.lock();
            let count = waiting.len().min(AT_ONCE);
            waiting.drain(..count).collect()
        };
        if asked.is_empty() {
            return;
        }
        let claims: Vec<_> = asked.iter().map(|unknown| unknown.claim.clone()).collect();
        let outcomes = store.claim(&claims).await;
        let (mut settlements, mut later) = (Vec::new(), Vec::new());
        for (unknown, outcome) in asked.into_iter().zip(outcomes) {
            match outcome {
                ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted) => {
                    let Unknown { claim, action } = unknown;
                    let (fence, fingerprint) = (granted.fence, claim.fingerprint);
                    let keys = vec![KeySettle { key: claim.key, fence, fingerprint, action }];
                    settlements.push(Settlement { keys, absent: Absent::Refuse });
                }
                ClaimOutcome::Unavailable(_) => later.push(unknown),
                // What has happened is to be marked even if somebody tries it once more and fails.
                ClaimOutcome::InFlight { .. } if matches!(unknown.action, Action::Commit { .. }) => {
                    later.push(unknown);
                }
                _ => {}
            }
        }
        self.add(later);
        if !settlements.is_empty() {
            // Best effort: what is not settled now lapses.
            store.settle(&settlements).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Unknown>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
