//! How an attempt may end, and what is then asked of the store.

use std::sync::Arc;

use super::{Attempt, Known, Staged, What, Why};
use crate::ending::{Ending, Times, Unknown};
use crate::mark::{Mark, Told};
use crate::sighting::{Refusal, Shadowed};
use crate::store::{Absent, Action, KeySettle, Settlement};
use crate::text::shown;
use crate::verdict::{Death, Deferral, HandlerEnd, Verdict};
use crate::{Gate, Key, Origin, Unreadable};

/// How much of a key an error shows, in bytes.
const SHOWN_KEY_BYTES: usize = 80;

impl Attempt {
    /// What becomes of the delivery now that its handler has ended. `failures` says how often this delivery's
    /// handler failed before, as far as this process knows: it counts where no key was claimed.
    pub fn verdict(&self, end: &HandlerEnd, failures: u32) -> Verdict {
        // A trial run neither puts off nor gives up what it would have.
        if !self.gate.policy.shadow
            && let Some(verdict) = self.overriding()
        {
            return verdict;
        }
        let failure = match end {
            HandlerEnd::Rejected(reason) => return Verdict::Die(Death::Rejected(reason.clone())),
            HandlerEnd::Ok if !self.too_many => return Verdict::Apply,
            HandlerEnd::Ok => Refusal::TooManyKeys(self.gate.policy.keys_per_delivery).to_string(),
            HandlerEnd::OutOfTime(_) if self.waited_long() => {
                let why =
                    format!("the handler waited {} ms for its keys and ran out of time", self.waited_ms());
                return Verdict::Defer(Deferral::Unavailable(why));
            }
            HandlerEnd::Failed(reason) | HandlerEnd::OutOfTime(reason) => reason.clone(),
            HandlerEnd::Aborted => "the host ended the attempt".to_owned(),
        };
        let counted = self.known.iter().map(|known| match &known.what {
            What::New { granted, .. } if !self.gate.policy.shadow => granted.attempts,
            _ => 0,
        });
        let attempts = counted.max().unwrap_or(0).max(failures.saturating_add(1));
        if attempts >= self.gate.policy.max_attempts {
            return Verdict::Die(Death::AttemptsUsedUp { attempts, last: failure });
        }
        Verdict::Fail(failure)
    }

    /// What a key's answer decides, whatever the handler made of it. A deferral goes before any death: what
    /// kills the delivery now will still do so when every key can be had.
    fn overriding(&self) -> Option<Verdict> {
        let mut death = None;
        let mut deferral = self.asking.as_ref().map(|_| {
            Deferral::Unavailable("the store had not answered when the handler was stopped".to_owned())
        });
        for Known { key, what } in &self.known {
            match what {
                What::Unreadable(newer @ Unreadable::Newer { .. }) => {
                    return Some(Verdict::Stop(newer.to_string()));
                }
                What::Suspect(host_deaths) => deferral = Some(Deferral::Suspect(*host_deaths)),
                What::InFlight(left_ms) => {
                    deferral.get_or_insert(Deferral::InFlight(*left_ms));
                }
                What::Unavailable(why) => {
                    deferral.get_or_insert_with(|| Deferral::Unavailable(why.clone()));
                }
                What::New { granted, .. } if granted.died_alone => {
                    death.get_or_insert(Verdict::Die(Death::HostDied { host_deaths: granted.host_deaths }));
                }
                What::Unreadable(unreadable) => {
                    death.get_or_insert_with(|| Verdict::Die(Death::Unreadable(unreadable.to_string())));
                }
                What::Mismatch(stored) => {
                    death.get_or_insert_with(|| {
                        let key = show(key);
                        Verdict::Die(Death::Mismatch { key, stored: *stored, found: self.fingerprint })
                    });
                }
                What::Dead { reason, this_delivery } => {
                    death.get_or_insert_with(|| match this_delivery {
                        true => Verdict::DiedBefore(reason.clone()),
                        false => Verdict::Die(Death::KeyIsDead(reason.clone())),
                    });
                }
                What::New { .. } | What::Free { .. } | What::Duplicate { .. } => {}
            }
        }
        deferral.map(Verdict::Defer).or(death)
    }

    /// Ends the attempt by a verdict. Settle what comes of it.
    pub fn end(mut self, verdict: &Verdict) -> Ending {
        let gate = Arc::clone(&self.gate);
        // Before anything is sent: what is heard of afterwards may concern it.
        let (ended_ms, ticket) = (gate.clock.now_ms(), gate.ticket());
        let acts_until_ms = self.acts_until_ms();
        let act = |staged| action(&gate, self.origin, verdict, staged);
        let mut unknown: Vec<_> = self
            .asking
            .iter()
            .map(|key| Unknown { claim: self.claim(key.clone()), action: act(None) })
            .collect();
        let (mut keys, mut leaders, mut relied_on) = (Vec::new(), Vec::new(), Vec::new());
        for Known { key, what } in std::mem::take(&mut self.known) {
            match what {
                What::New { granted, leader, staged } => {
                    let fingerprint = self.fingerprint;
                    keys.push(KeySettle { key, fence: granted.fence, fingerprint, action: act(staged) });
                    leaders.push(leader);
                }
                // Whether it was claimed is not known. If it was handled all the same, a late mark is better than
                // none.
                What::Free { why: Why::Unguarded | Why::Shadow(Shadowed::Unavailable), staged, .. } => {
                    unknown.push(Unknown { claim: self.claim(key), action: act(staged) });
                }
                What::Unavailable(_) => unknown.push(Unknown { claim: self.claim(key), action: act(None) }),
                What::Duplicate { commit, .. } => {
                    relied_on.push(Mark { key, told: Told::Committed(commit.fingerprint) });
                }
                What::Dead { this_delivery: true, .. } => {
                    relied_on.push(Mark { key, told: Told::Dead(self.origin) });
                }
                _ => {}
            }
        }
        let settlement = Settlement { keys, absent: Absent::Refuse };
        let shadow = gate.policy.shadow;
        Ending::new(
            settlement,
            leaders,
            unknown,
            relied_on,
            shadow,
            Times { acts_until_ms, ended_ms, ticket },
        )
    }
}

fn show(key: &Key) -> String {
    shown(key.name().to_string().as_bytes(), SHOWN_KEY_BYTES)
}

fn action(gate: &Gate, origin: Origin, verdict: &Verdict, staged: Option<Staged>) -> Action {
    let policy = &gate.policy;
    let release = |failed: bool, error: &str| Action::Release {
        failed,
        error: crate::record::clipped(error).to_owned(),
        keep_ms: policy.keep_ms,
    };
    let die = |reason: String| Action::Die { reason, origin, window_ms: policy.window_ms };
    match (verdict, staged) {
        (Verdict::Apply, Some(staged)) => {
            Action::Commit { receipt: staged.receipt, window_ms: policy.window_ms }
        }
        (Verdict::Fail(reason), _) => release(true, reason),
        (Verdict::Die(death), _) => die(death.to_string()),
        (Verdict::DiedBefore(reason), _) => die(reason.clone()),
        (Verdict::Apply | Verdict::Defer(_) | Verdict::Stop(_), _) => release(false, ""),
    }
}
