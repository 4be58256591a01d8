//! One call of a handler: the keys that it named, what it staged, and what that comes to.

use super::limits::{exceeds, too_long};
use super::outputs::Outputs;
use super::{Delivery, Emitted, End, Host, Key};
use crate::{Failure, OutputRefusal, Refusal, Sighting};

/// The invocation that is under way, with its host.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) host: Host,
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
    New { staged: Option<Staged> },
    Duplicate(Option<Vec<u8>>),
    InFlight(u64),
    Unavailable,
    Mismatch,
    Dead(String),
}

#[derive(Debug)]
struct Staged {
    receipt: Option<Vec<u8>>,
}

impl Invocation {
    pub(super) fn new(host: Host, payload: &[u8]) -> Self {
        Self {
            host,
            payload: payload.to_vec(),
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
            Some(Key::Dead { reason }) => Known::Dead(reason.clone()),
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
            Some(Known::Dead(reason)) => Err(Refusal::Dead(reason.clone())),
            Some(Known::Unavailable) | None => {
                Err(Refusal::Unavailable("the store did not answer".to_owned()))
            }
        }
    }

    /// What the delivery comes to, and the host as it is then.
    pub(super) fn end(self, returned: Result<(), Failure>, payload: Vec<u8>) -> (Host, Delivery) {
        let is_ok = returned.is_ok();
        let end = self.decide(returned);
        let Invocation { mut host, known, outputs, .. } = self;
        let staged = if is_ok { outputs.into_staged() } else { Vec::new() };
        if end == End::Applied {
            for (key, known) in known {
                if let Known::New { staged: Some(Staged { receipt }) } = known {
                    host.keys.insert(key, Key::Committed { receipt, payload: Some(payload.clone()) });
                }
            }
            host.outputs.extend(staged.iter().cloned());
        }
        (host, Delivery { end, staged })
    }

    /// What a key's answer decides, whatever the handler made of it, goes first; a deferral before all others.
    fn decide(&self, returned: Result<(), Failure>) -> End {
        let known = || self.known.iter().map(|(_, known)| known);
        if known().any(|known| matches!(known, Known::InFlight(_) | Known::Unavailable)) {
            return End::Deferred;
        }
        let death = known().find_map(|known| match known {
            Known::Mismatch => Some(End::Mismatch),
            Known::Dead(reason) => Some(End::Dead(reason.clone())),
            _ => None,
        });
        match (death, returned) {
            (Some(end), _) => end,
            (None, Err(Failure::Retry(reason))) => End::Retried(reason),
            (None, Err(Failure::Reject(reason))) => End::Rejected(reason),
            (None, Ok(())) if self.has_too_many_keys => {
                End::Retried(format!("more than {} keys in one delivery", self.host.limits.keys))
            }
            (None, Ok(())) if !self.host.outputs_are_free && !self.are_outputs_covered() => {
                End::EffectWithoutCommit
            }
            (None, Ok(())) => End::Applied,
        }
    }

    fn are_outputs_covered(&self) -> bool {
        let is_staged = |known: &Known| matches!(known, Known::New { staged: Some(_) });
        let any = self.known.iter().any(|(_, known)| is_staged(known));
        self.outputs.all_belong(|owner| match owner {
            Some(index) => self.known.get(index).is_some_and(|(_, known)| is_staged(known)),
            None => any,
        })
    }
}
