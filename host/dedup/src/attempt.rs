//! One attempt at one delivery: the keys that it has seen, what it staged, and how it may end.

use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::ending::Ending;
use crate::inflight::{Leader, Role};
use crate::store::{Absent, Action, Claim, ClaimOutcome, Committed, Granted, KeySettle, Settlement};
use crate::text::shown;
use crate::verdict::{Death, Deferral, HandlerEnd, Verdict};
use crate::{AttemptId, Fence, Fingerprint, Gate, Key, Origin, Unreadable};

/// How often a key that is in flight on another host is asked for while waiting, in milliseconds.
const REMOTE_POLL_MS: u64 = 50;

/// How much of a key an error shows, in bytes.
const SHOWN_KEY_BYTES: usize = 80;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// The claim is this attempt's: act, then commit.
    New,
    /// The effect has happened; with the receipt, if there is one.
    Duplicate(Option<Vec<u8>>),
    /// Another attempt holds the claim for at most so many milliseconds. The delivery will be made again.
    InFlight(u64),
}

/// Why a call was refused. Nothing was claimed or staged by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Empty or too long.
    #[error("invalid key: {0}")]
    InvalidKey(String),
    /// A commit of a key that this attempt was not told is new.
    #[error("the key was not claimed by this invocation")]
    NotClaimed,
    /// Committed with another payload.
    #[error("the key was committed with another payload")]
    Mismatch,
    /// Given up earlier.
    #[error("the key is dead: {0}")]
    Dead(String),
    /// More keys than the policy allows.
    #[error("more than {0} keys in one delivery")]
    TooManyKeys(u32),
    /// A longer receipt than the policy allows.
    #[error("the receipt is longer than {0} bytes")]
    ReceiptTooLarge(u32),
    /// The store did not answer.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

/// The attempt is over whatever the handler does; do not let it run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted;

/// Why a key was not seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeenError {
    /// The handler is to be told.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The handler is to be stopped.
    #[error("the host ends this attempt")]
    Aborted,
}

/// Who knew that a key was a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DuplicateBy {
    /// The cache.
    L1,
    /// The store.
    Store,
    /// The attempt that held the key, once its commit was durable.
    Waiting,
}

/// One attempt at one delivery. Made by [`Gate::attempt`]; ended by [`Attempt::end`]. Dropped without an end
/// it leaves its claims to lapse, as a crash would.
#[derive(Debug)]
pub struct Attempt {
    gate: Arc<Gate>,
    id: AttemptId,
    origin: Origin,
    fingerprint: Option<Fingerprint>,
    alone: bool,
    /// When the first claim was first sent, on the clock that counts suspended time.
    claimed_ms: Option<u64>,
    known: Vec<Known>,
    /// A claim whose answer has not come; left here if the wait for it is cancelled.
    asking: Option<Key>,
    last_new: Option<usize>,
    too_many: bool,
}

#[derive(Debug)]
struct Known {
    key: Key,
    what: What,
}

#[derive(Debug)]
enum What {
    New { granted: Granted, leader: Leader, staged: Option<Staged> },
    Duplicate { commit: Committed, by: DuplicateBy },
    InFlight(u64),
    Unavailable(String),
    Mismatch(Fingerprint),
    Dead { reason: String, this_delivery: bool },
    Suspect(u32),
    Unreadable(Unreadable),
}

#[derive(Debug, Clone)]
struct Staged {
    receipt: Option<Vec<u8>>,
}

impl Attempt {
    pub(crate) fn new(gate: Arc<Gate>, origin: Origin, fingerprint: Option<Fingerprint>) -> Self {
        let id = gate.clock.attempt_id();
        Self {
            gate,
            id,
            origin,
            fingerprint,
            alone: false,
            claimed_ms: None,
            known: Vec::new(),
            asking: None,
            last_new: None,
            too_many: false,
        }
    }

    /// Marks the attempt as one that runs alone in its host: it may claim suspect keys.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The attempt's id.
    pub fn id(&self) -> AttemptId {
        self.id
    }

    /// The gate that it goes through.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Claims a key, or says why not. Asked again, the answer is the same, until the key's commit is staged.
    ///
    /// May be dropped before it answers; the claim that may have been made by then is found and released when
    /// the attempt is settled.
    pub async fn seen(&mut self, name: &[u8]) -> Result<Sighting, SeenError> {
        let key = self.key(name)?;
        if let Some(index) = self.find(&key) {
            return self.answer(index);
        }
        let limit = self.gate.policy.keys_per_delivery;
        if self.known.len() >= limit as usize {
            self.too_many = true;
            return Err(Refusal::TooManyKeys(limit).into());
        }
        let what = self.look(&key).await;
        if matches!(what, What::New { .. }) {
            self.last_new = Some(self.known.len());
        }
        self.known.push(Known { key, what });
        self.answer(self.known.len() - 1)
    }

    /// Stages the commit of a key that is new to this attempt. A second commit changes nothing.
    pub fn commit(&mut self, name: &[u8], receipt: Option<Vec<u8>>) -> Result<(), Refusal> {
        let key = self.key(name)?;
        let index = self.find(&key).ok_or(Refusal::NotClaimed)?;
        let limit = self.gate.policy.receipt_bytes;
        if receipt.as_ref().is_some_and(|receipt| receipt.len() > limit as usize) {
            return Err(Refusal::ReceiptTooLarge(limit));
        }
        match self.known.get_mut(index).map(|known| &mut known.what) {
            Some(What::New { staged, .. }) => {
                staged.get_or_insert(Staged { receipt });
                Ok(())
            }
            _ => Err(Refusal::NotClaimed),
        }
    }

    fn key(&self, name: &[u8]) -> Result<Key, Refusal> {
        let limit = self.gate.policy.key_bytes;
        if name.is_empty() {
            return Err(Refusal::InvalidKey("it is empty".to_owned()));
        }
        if name.len() > limit as usize {
            let length = name.len();
            return Err(Refusal::InvalidKey(format!("it has {length} bytes, and {limit} are allowed")));
        }
        Ok(Key::new(&self.gate.policy.namespace, name))
    }

    fn find(&self, key: &Key) -> Option<usize> {
        self.known.iter().position(|known| known.key == *key)
    }

    fn answer(&self, index: usize) -> Result<Sighting, SeenError> {
        let Some(known) = self.known.get(index) else { return Err(SeenError::Aborted) };
        match &known.what {
            // There is nobody else to blame for the deaths of its hosts: it must not run again.
            What::New { granted, .. } if granted.died_alone => Err(SeenError::Aborted),
            What::New { staged: None, .. } => Ok(Sighting::New),
            What::New { staged: Some(staged), .. } => Ok(Sighting::Duplicate(staged.receipt.clone())),
            What::Duplicate { commit, .. } => Ok(Sighting::Duplicate(commit.receipt.clone())),
            What::InFlight(left_ms) => Ok(Sighting::InFlight(*left_ms)),
            What::Unavailable(why) => Err(Refusal::Unavailable(why.clone()).into()),
            What::Mismatch(_) => Err(Refusal::Mismatch.into()),
            What::Dead { reason, .. } => Err(Refusal::Dead(reason.clone()).into()),
            What::Suspect(_) | What::Unreadable(_) => Err(SeenError::Aborted),
        }
    }

    /// Cache, then this process, then the store.
    async fn look(&mut self, key: &Key) -> What {
        let gate = Arc::clone(&self.gate);
        if let Some(commit) = gate.l1.get(key) {
            return self.duplicate(commit, DuplicateBy::L1);
        }
        // Waiting while holding a claim, two attempts could wait for each other.
        let wait_ms = if self.holds_a_claim() { 0 } else { gate.policy.in_flight_wait_ms };
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
        if let Some(commit) = gate.l1.get(key) {
            leader.resolve(ClaimOutcome::Committed(commit.clone()));
            return self.duplicate(commit, DuplicateBy::L1);
        }
        let mut by = DuplicateBy::Store;
        loop {
            let asked_ms = gate.clock.now_ms();
            let mut outcome = self.ask(key, asked_ms).await;
            let now_ms = gate.clock.now_ms();
            match &mut outcome {
                ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted) => {
                    return What::New { granted: *granted, leader, staged: None };
                }
                ClaimOutcome::InFlight { left_ms } if now_ms < until_ms => {
                    let pause_ms = REMOTE_POLL_MS.min(*left_ms).min(until_ms - now_ms).max(1);
                    gate.clock.sleep(pause_ms).await;
                    by = DuplicateBy::Waiting;
                    continue;
                }
                ClaimOutcome::Committed(commit) => {
                    // What was left when the store answered, less the way of the answer.
                    commit.left_ms = commit.left_ms.saturating_sub(now_ms.saturating_sub(asked_ms));
                    gate.l1.insert(key, commit.clone());
                    let what = self.duplicate(commit.clone(), by);
                    leader.resolve(outcome);
                    return what;
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

    async fn ask(&mut self, key: &Key, now_ms: u64) -> ClaimOutcome {
        self.claimed_ms.get_or_insert(now_ms);
        self.asking = Some(key.clone());
        let outcome = self.gate.store.claim(&[self.claim(key.clone())]).await.pop();
        self.asking = None;
        outcome.unwrap_or_else(|| ClaimOutcome::Unavailable("the store gave no answer".into()))
    }

    fn claim(&self, key: Key) -> Claim {
        let policy = &self.gate.policy;
        Claim {
            key,
            attempt: self.id,
            fingerprint: self.fingerprint,
            lease_ms: policy.lease_ms,
            keep_ms: policy.keep_ms,
            suspect_after: policy.host_deaths,
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

    fn holds_a_claim(&self) -> bool {
        self.known.iter().any(|known| matches!(known.what, What::New { .. }))
    }

    /// The key most recently answered new, as an index for [`Attempt::is_staged`] and [`Attempt::key_at`].
    pub fn last_new(&self) -> Option<usize> {
        self.last_new
    }

    /// Whether the commit of that key is staged.
    pub fn is_staged(&self, index: usize) -> bool {
        matches!(self.known.get(index), Some(Known { what: What::New { staged: Some(_), .. }, .. }))
    }

    /// How many commits are staged.
    pub fn staged(&self) -> usize {
        (0..self.known.len()).filter(|&index| self.is_staged(index)).count()
    }

    /// That key.
    pub fn key_at(&self, index: usize) -> Option<&Key> {
        self.known.get(index).map(|known| &known.key)
    }

    /// The first key that was a duplicate, by whose knowledge.
    pub fn duplicate_by(&self) -> Option<DuplicateBy> {
        self.known.iter().find_map(|known| match known.what {
            What::Duplicate { by, .. } => Some(by),
            _ => None,
        })
    }

    /// The fence of the first claim that this attempt holds, for a dead letter.
    pub fn first_claim(&self) -> Option<(&Key, Fence)> {
        self.known.iter().find_map(|known| match &known.what {
            What::New { granted, .. } => Some((&known.key, granted.fence)),
            _ => None,
        })
    }

    /// Until when this attempt may act, on [`Clock::now_ms`](crate::Clock::now_ms): its lease, counted from
    /// the first send of its first claim, less the margin. None while it has claimed nothing.
    pub fn acts_until_ms(&self) -> Option<u64> {
        let policy = &self.gate.policy;
        let hold_ms = policy.lease_ms.saturating_sub(policy.margin_ms);
        self.claimed_ms.map(|claimed_ms| claimed_ms.saturating_add(hold_ms))
    }

    /// What becomes of the delivery now that its handler has ended. `failures` says how often this delivery's
    /// handler failed before, as far as this process knows: it counts where no key was claimed.
    pub fn verdict(&self, end: &HandlerEnd, failures: u32) -> Verdict {
        if let Some(verdict) = self.overriding() {
            return verdict;
        }
        let failure = match end {
            HandlerEnd::Rejected(reason) => return Verdict::Die(Death::Rejected(reason.clone())),
            HandlerEnd::Ok if !self.too_many => return Verdict::Apply,
            HandlerEnd::Ok => Refusal::TooManyKeys(self.gate.policy.keys_per_delivery).to_string(),
            HandlerEnd::Failed(reason) => reason.clone(),
            HandlerEnd::Aborted => "the host ended the attempt".to_owned(),
        };
        let counted = self.known.iter().map(|known| match &known.what {
            What::New { granted, .. } => granted.attempts,
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
                What::New { .. } | What::Duplicate { .. } => {}
            }
        }
        deferral.map(Verdict::Defer).or(death)
    }

    /// Ends the attempt by a verdict. Settle what comes of it.
    pub fn end(self, verdict: &Verdict) -> Ending {
        let ended_ms = self.gate.clock.now_ms();
        let acts_until_ms = self.acts_until_ms();
        let unknown = self.unknown();
        let (mut keys, mut leaders) = (Vec::new(), Vec::new());
        for known in self.known {
            let What::New { granted, leader, staged } = known.what else { continue };
            keys.push(KeySettle {
                key: known.key,
                fence: granted.fence,
                fingerprint: self.fingerprint,
                action: action(&self.gate, self.origin, verdict, staged),
            });
            leaders.push(leader);
        }
        let settlement = Settlement { keys, absent: Absent::Refuse };
        Ending { settlement, leaders, unknown, acts_until_ms, ended_ms }
    }

    /// Claims of which it is not known whether they were made.
    fn unknown(&self) -> Vec<Claim> {
        let unavailable = self.known.iter().filter(|known| matches!(known.what, What::Unavailable(_)));
        let keys = unavailable.map(|known| &known.key).chain(&self.asking);
        keys.map(|key| self.claim(key.clone())).collect()
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
