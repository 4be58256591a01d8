//! One call of a handler: the keys that it named, what it staged, and what that comes to.

use super::limits::{exceeds, too_long};
use super::outputs::Outputs;
use super::{Delivery, Emitted, End, Host, Key, Origin};
use crate::{Failure, Message, OutputRefusal, Refusal, Sighting};

/// The invocation that is under way, with its host.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) host: Host,
    origin: Origin,
    payload: Vec<u8>,
    /// In the order in which they were named.
    known: Vec<(String, Known)>,
    /// The one that was answered new most recently.
    last_new: Option<usize>,
    has_too_many_keys: bool,
    outputs: Outputs,
}

/// What was answered for a key. Asked again, it is the same.
#[derive(Debug)]
enum Known {
    New {
        staged: Option<Staged>,
    },
    Duplicate(Option<Vec<u8>>),
    InFlight(u64),
    Unavailable,
    Mismatch,
    Dead {
        reason: String,
        /// This delivery died of it itself, and is made once more.
        is_own: bool,
    },
}

#[derive(Debug)]
struct Staged {
    receipt: Option<Vec<u8>>,
}

impl Invocation {
    pub(super) fn new(host: Host, message: &Message) -> Self {
        Self {
            host,
            origin: Origin::of(message),
            payload: message.payload.clone(),
            known: Vec::new(),
            last_new: None,
            has_too_many_keys: false,
            outputs: Outputs::default(),
        }
    }

    pub(super) fn seen(&mut self, key: &str) -> Result<Sighting, Refusal> {
        self.check(key)?;
        let index = match self.find(key) {
            Some(index) => index,
            None => self.claim(key)?,
        };
        let answer = self.answer(index);
        if matches!(answer, Ok(Sighting::New)) {
            self.last_new = Some(index);
        }
        answer
    }

    pub(super) fn commit(&mut self, key: &str, receipt: Option<&[u8]>) -> Result<(), Refusal> {
        self.check(key)?;
        let index = self.find(key).ok_or(Refusal::NotClaimed)?;
        let limit = self.host.limits.receipt_bytes;
        if receipt.is_some_and(|receipt| exceeds(receipt.len(), limit)) {
            return Err(Refusal::ReceiptTooLarge(limit));
        }
        match self.known.get_mut(index) {
            Some((_, Known::New { staged })) => {
                staged.get_or_insert_with(|| Staged { receipt: receipt.map(<[u8]>::to_vec) });
                Ok(())
            }
            _ => Err(Refusal::NotClaimed),
        }
    }

    pub(super) fn emit(&mut self, output: Emitted) -> Result<(), OutputRefusal> {
        let Host { topics, limits, .. } = &self.host;
        self.outputs.emit(output, self.last_new, topics.as_ref(), limits)
    }

    fn check(&self, key: &str) -> Result<(), Refusal> {
        let limit = self.host.limits.key_bytes;
        match key.len() {
            0 => Err(Refusal::InvalidKey("it is empty".to_owned())),
            length if exceeds(length, limit) => Err(Refusal::InvalidKey(too_long("it", length, limit))),
            _ => Ok(()),
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        self.known.iter().position(|(known, _)| known == key)
    }

    /// Asks the store for a key.
    fn claim(&mut self, key: &str) -> Result<usize, Refusal> {
        let limit = self.host.limits.keys;
        if exceeds(self.known.len() + 1, limit) {
            self.has_too_many_keys = true;
            return Err(Refusal::TooManyKeys(limit));
        }
        let known = match self.host.keys.get(key) {
            _ if self.host.is_down => Known::Unavailable,
            None => Known::New { staged: None },
            Some(Key::Committed { payload: Some(payload), .. }) if *payload != self.payload => {
                Known::Mismatch
            }
            Some(Key::Committed { receipt, .. }) => Known::Duplicate(receipt.clone()),
            Some(Key::InFlight { left_ms }) => Known::InFlight(*left_ms),
            Some(Key::Dead { reason, origin }) => {
                Known::Dead { reason: reason.clone(), is_own: origin.as_ref() == Some(&self.origin) }
            }
        };
        self.known.push((key.to_owned(), known));
        Ok(self.known.len() - 1)
    }

    fn answer(&self, index: usize) -> Result<Sighting, Refusal> {
        match self.known.get(index).map(|(_, known)| known) {
            Some(Known::New { staged: None }) => Ok(Sighting::New),
            Some(Known::New { staged: Some(Staged { receipt }) } | Known::Duplicate(receipt)) => {
                Ok(Sighting::Duplicate(receipt.clone()))
            }
            Some(Known::InFlight(left_ms)) => Ok(Sighting::InFlight(*left_ms)),
            Some(Known::Mismatch) => Err(Refusal::Mismatch),
            Some(Known::Dead { reason, .. }) => Err(Refusal::Dead(reason.clone())),
            Some(Known::Unavailable) | None => {
                Err(Refusal::Unavailable("the store did not answer".to_owned()))
            }
        }
    }

    /// What the delivery comes to, and the host as it is then.
    pub(super) fn end(self, returned: Result<(), Failure>) -> (Host, Delivery) {
        let is_ok = returned.is_ok();
        let (end, death) = self.decide(returned);
        let Invocation { mut host, origin, payload, known, outputs, .. } = self;
        let staged = if is_ok { outputs.into_staged() } else { Vec::new() };
        for (key, known) in known {
            let record = match (known, &death) {
                (Known::New { .. }, Some(reason)) => {
                    Key::Dead { reason: reason.clone(), origin: Some(origin.clone()) }
                }
                (Known::New { staged: Some(Staged { receipt }) }, None) if end == End::Applied => {
                    Key::Committed { receipt, payload: Some(payload.clone()) }
                }
                _ => continue,
            };
            host.keys.insert(key, record);
        }
        if end == End::Applied {
            host.outputs.extend(staged.iter().cloned());
        }
        (host, Delivery { end, staged })
    }

    /// How it ends. If that is a dead letter, also the reason for which the keys that it claimed are dead from now on.
    fn decide(&self, returned: Result<(), Failure>) -> (End, Option<String>) {
        if let Some(decided) = self.overriding() {
            return decided;
        }
        match returned {
            Err(Failure::Retry(reason)) => (End::Retried(reason), None),
            Err(Failure::Reject(reason)) => {
                let death = format!("rejected: {reason}");
                (End::Rejected(reason), Some(death))
            }
            Ok(()) if self.has_too_many_keys => {
                let reason = format!("more than {} keys in one delivery", self.host.limits.keys);
                (End::Retried(reason), None)
            }
            Ok(()) if self.host.outputs_are_free => (End::Applied, None),
            Ok(()) => match self.uncovered() {
                Some(what) => (End::EffectWithoutCommit, Some(format!("effect without commit: {what}"))),
                None => (End::Applied, None),
            },
        }
    }

    /// What a key's answer decides, whatever the handler made of it; a deferral before any death.
    fn overriding(&self) -> Option<(End, Option<String>)> {
        let is_deferral = |known: &Known| matches!(known, Known::InFlight(_) | Known::Unavailable);
        if self.known.iter().any(|(_, known)| is_deferral(known)) {
            return Some((End::Deferred, None));
        }
        self.known.iter().find_map(|(key, known)| match known {
            Known::Mismatch => {
                let death = format!("mismatch: key {key} was committed with another payload");
                Some((End::Mismatch, Some(death)))
            }
            Known::Dead { reason, is_own } => {
                let death = if *is_own { reason.clone() } else { format!("key is dead: {reason}") };
                Some((End::Dead(reason.clone()), Some(death)))
            }
            _ => None,
        })
    }

    /// Names the first output whose key is not committed, if there is one.
    fn uncovered(&self) -> Option<String> {
        let is_staged = |known: &Known| matches!(known, Known::New { staged: Some(_) });
        let any = self.known.iter().any(|(_, known)| is_staged(known));
        self.outputs.uncovered(|owner| match owner {
            Some(index) => self.known.get(index).is_some_and(|(_, known)| is_staged(known)),
            None => any,
        })
    }
}
