//! One attempt at one delivery: the keys that it has seen, what it staged, and how it may end.

use std::sync::Arc;

use crate::inflight::Leader;
use crate::policy::Outage;
use crate::sighting::{DuplicateBy, Refusal, SeenError, Shadowed, Sighting};
use crate::store::{Committed, Granted};
use crate::{AttemptId, Fence, Fingerprint, Gate, Key, Origin, Unreadable};

mod again;
mod asked;
mod delivery;
mod end;
mod look;

pub use asked::Asked;

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
    /// How long it waited for keys, and since when it does; left here if the wait is cancelled.
    waited_ms: u64,
    waits_since_ms: Option<u64>,
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
    New {
        granted: Granted,
        leader: Leader,
        staged: Option<Staged>,
    },
    /// Told that it is new, without a claim.
    Free {
        why: Why,
        leader: Option<Leader>,
        staged: Option<Staged>,
    },
    Duplicate {
        commit: Committed,
        by: DuplicateBy,
    },
    InFlight(u64),
    Unavailable(String),
    Mismatch(Fingerprint),
    Dead {
        reason: String,
        this_delivery: bool,
    },
    Suspect(u32),
    Unreadable(Unreadable),
}

/// Why a key may be handled without a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The store does not answer, and the policy says to go on.
    Unguarded,
    /// This is a trial run, and else it would have been this.
    Shadow(Shadowed),
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
            waited_ms: 0,
            waits_since_ms: None,
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
            return self.tell(index);
        }
        let limit = self.gate.policy.keys_per_delivery;
        if self.known.iter().filter(|known| !self.is_delivery(&known.key)).count() >= limit as usize {
            self.too_many = true;
            return Err(Refusal::TooManyKeys(limit).into());
        }
        self.waits_since_ms = Some(self.gate.clock.now_ms());
        let what = self.look(&key).await;
        self.waited_ms = self.waited_ms();
        self.waits_since_ms = None;
        let what = self.let_through(what);
        self.known.push(Known { key, what });
        self.tell(self.known.len() - 1)
    }

    /// Answers, and remembers what was answered `new` last: also of a key that was before.
    fn tell(&mut self, index: usize) -> Result<Sighting, SeenError> {
        let answer = self.answer(index);
        if answer == Ok(Sighting::New) {
            self.last_new = Some(index);
        }
        answer
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
            Some(What::New { staged, .. } | What::Free { staged, .. }) => {
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
        Ok(Key::new(&self.gate.keys_of, name))
    }

    /// What the policy makes of a key that is not to be had: something to be handled without a claim, or nothing.
    fn let_through(&self, what: What) -> What {
        let policy = &self.gate.policy;
        let free = |why| What::Free { why, leader: None, staged: None };
        if !policy.shadow {
            return match what {
                What::Unavailable(_) if policy.outage == Outage::Open => free(Why::Unguarded),
                what => what,
            };
        }
        let shadowed = match what {
            What::New { .. } | What::Free { .. } => return what,
            What::Duplicate { .. } => Shadowed::Duplicate,
            What::InFlight(_) => Shadowed::InFlight,
            What::Unavailable(_) => Shadowed::Unavailable,
            What::Mismatch(_) => Shadowed::Mismatch,
            What::Dead { .. } => Shadowed::Dead,
            What::Suspect(_) => Shadowed::Suspect,
            What::Unreadable(_) => Shadowed::Unreadable,
        };
        free(Why::Shadow(shadowed))
    }

    /// How long it has waited for its keys, in milliseconds.
    fn waited_ms(&self) -> u64 {
        let now_ms = self.gate.clock.now_ms();
        self.waited_ms + self.waits_since_ms.map_or(0, |since_ms| now_ms.saturating_sub(since_ms))
    }

    /// Whether most of the handler's time went by while it waited, which is no fault of its own.
    fn waited_long(&self) -> bool {
        self.waited_ms() >= self.gate.policy.handler_limit_ms / 2
    }

    fn find(&self, key: &Key) -> Option<usize> {
        self.known.iter().position(|known| known.key == *key)
    }

    fn answer(&self, index: usize) -> Result<Sighting, SeenError> {
        let Some(known) = self.known.get(index) else { return Err(SeenError::Aborted) };
        let told = self.told(&known.what)?;
        Ok(match known.what.staged() {
            Some(staged) => Sighting::Duplicate(staged.receipt.clone()),
            None => told,
        })
    }

    fn holds_a_claim(&self) -> bool {
        let holds = |what: &What| matches!(what, What::New { .. } | What::Free { leader: Some(_), .. });
        self.known.iter().any(|known| holds(&known.what))
    }

    /// The key most recently answered new, also if it was asked again, as an index for [`Attempt::is_staged`] and
    /// [`Attempt::key_at`].
    pub fn last_new(&self) -> Option<usize> {
        self.last_new
    }

    /// Whether the commit of that key is staged.
    pub fn is_staged(&self, index: usize) -> bool {
        self.known.get(index).is_some_and(|known| known.what.staged().is_some())
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

    /// How many keys were answered `new` although the store did not answer: their effects may be doubled.
    pub fn unguarded(&self) -> usize {
        let unguarded = |known: &&Known| {
            matches!(known.what, What::Free { why: Why::Unguarded, .. }) && !self.is_delivery(&known.key)
        };
        self.known.iter().filter(unguarded).count()
    }

    /// In a trial run: what the first key that was not new would have been.
    pub fn shadow(&self) -> Option<Shadowed> {
        self.known.iter().find_map(|known| match known.what {
            What::Free { why: Why::Shadow(shadowed), .. } if !self.is_delivery(&known.key) => Some(shadowed),
            _ => None,
        })
    }

    /// The fence of the first claim that this attempt holds.
    pub fn first_claim(&self) -> Option<(&Key, Fence)> {
        self.claims().next()
    }

    /// The fences of all claims that this attempt holds, for a dead letter: a requeue has to clear each of them.
    pub fn claims(&self) -> impl Iterator<Item = (&Key, Fence)> {
        self.known.iter().filter_map(|known| match &known.what {
            What::New { granted, .. } if !self.is_delivery(&known.key) => Some((&known.key, granted.fence)),
            _ => None,
        })
    }

    /// Until when this attempt may act, on [`Clock::now_ms`](crate::Clock::now_ms): its lease, counted from
    /// the first send of its first claim, less the margin. None while it has claimed nothing, and in a trial run,
    /// which nothing holds back.
    pub fn acts_until_ms(&self) -> Option<u64> {
        let policy = &self.gate.policy;
        if policy.shadow {
            return None;
        }
        let hold_ms = policy.lease_ms.saturating_sub(policy.margin_ms);
        self.claimed_ms.map(|claimed_ms| claimed_ms.saturating_add(hold_ms))
    }
}
