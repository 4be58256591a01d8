//! A small host in memory, so that a handler's own unit tests run natively, without a component.
//!
//! It keeps the contract's promises for one handler at a time: what an invocation staged is applied together
//! when it returns `Ok` and not at all otherwise, an output needs the commit of its key, and a delivery that
//! met a key in flight is deferred. It has no limits, no leases, and compares no payloads; those are the real
//! host's, and [`Host::answer`] plays them.
//!
//! ```
//! use oncegate_sdk::testing::{End, Host, message};
//! use oncegate_sdk::{Message, Result, emit, once};
//!
//! fn handle(message: Message) -> Result<()> {
//!     once("order-1", || Ok(emit("parcels").bytes(&message.payload)?))?;
//!     Ok(())
//! }
//!
//! let mut host = Host::new();
//! assert_eq!(host.deliver(handle, message("first")), End::Applied);
//! assert_eq!(host.deliver(handle, message("again")), End::Applied);
//! assert_eq!(host.outputs()[0].payload, b"first");
//! assert_eq!(host.outputs().len(), 1);
//! ```

use crate::log::Level;
use crate::{Failure, Header, Message, Refusal, Sighting};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The host: what it remembers between deliveries.
#[derive(Clone, Debug, Default)]
pub struct Host {
    committed: BTreeMap<String, Option<Vec<u8>>>,
    answers: BTreeMap<String, Result<Sighting, Refusal>>,
    config: BTreeMap<String, String>,
    outputs: Vec<Emitted>,
    log: Vec<(Level, String)>,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The handler returned `Ok`, and what it staged was applied.
    Applied,
    /// A key was in flight or the store unavailable: nothing was applied, whatever the handler returned.
    Deferred,
    /// The handler asked for another delivery, with this text.
    Retried(String),
    /// The delivery would go to the dead letters with this text.
    Rejected(String),
    /// An output's key was not committed: nothing was applied, and the delivery would go to the dead letters.
    EffectWithoutCommit,
}

/// One output that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The topic it was emitted to.
    pub topic: String,
    /// Its message key.
    pub key: Option<String>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its payload's bytes.
    pub payload: Vec<u8>,
}

/// A first delivery of a message with this payload, without key, headers or time.
pub fn message(payload: impl Into<Vec<u8>>) -> Message {
    Message {
        id: "test:0".to_owned(),
        topic: "test".to_owned(),
        key: None,
        headers: Vec::new(),
        payload: payload.into(),
        attempt: 1,
        published_ms: None,
    }
}

impl Host {
    /// A host that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what [`config`](crate::config) answers for this name.
    pub fn set_config(&mut self, name: &str, value: &str) {
        self.config.insert(name.to_owned(), value.to_owned());
    }

    /// Makes every `seen` of this key answer so, for example in flight or refused.
    pub fn answer(&mut self, key: &str, answer: Result<Sighting, Refusal>) {
        self.answers.insert(key.to_owned(), answer);
    }

    /// Hands one message to a handler and applies what it staged, if it may be applied. A panic of the
    /// handler goes on to the caller.
    pub fn deliver<E: Into<Failure>>(
        &mut self,
        handle: impl FnOnce(Message) -> Result<(), E>,
        message: Message,
    ) -> End {
        let invocation = Invocation { host: self.clone(), ..Invocation::default() };
        let outer = CURRENT.replace(Some(invocation));
        let returned = handle(message).map_err(Into::into);
        let Some(mut invocation) = CURRENT.replace(outer) else { return End::Deferred };
        self.log = std::mem::take(&mut invocation.host.log);
        let end = invocation.end(returned);
        if end == End::Applied {
            self.committed.extend(invocation.commits);
            self.outputs.extend(invocation.outputs.into_iter().map(|(_, output)| output));
        }
        end
    }

    /// All outputs that were applied, oldest first.
    pub fn outputs(&self) -> &[Emitted] {
        &self.outputs
    }

    /// Whether the key is committed.
    pub fn is_committed(&self, key: &str) -> bool {
        self.committed.contains_key(key)
    }

    /// The receipt of a committed key, if it has one.
    pub fn receipt(&self, key: &str) -> Option<&[u8]> {
        self.committed.get(key)?.as_deref()
    }

    /// All lines that were logged, also by invocations that failed, oldest first.
    pub fn log(&self) -> &[(Level, String)] {
        &self.log
    }
}

thread_local! {
    /// The invocation that this thread is in. Tests run beside each other, each in a thread of its own.
    static CURRENT: RefCell<Option<Invocation>> = const { RefCell::new(None) };
}

/// One call of a handler: what it claimed and staged.
#[derive(Debug, Default)]
struct Invocation {
    host: Host,
    /// Keys that were answered `new`, in the order in which they were.
    claims: Vec<String>,
    commits: BTreeMap<String, Option<Vec<u8>>>,
    /// Each with the key that it belongs to, if one was new before it.
    outputs: Vec<(Option<String>, Emitted)>,
    /// An end that an answer has decided already, whatever the handler returns.
    decided: Option<End>,
}

impl Invocation {
    fn end(&self, returned: Result<(), Failure>) -> End {
        match (&self.decided, returned) {
            (Some(end), _) => end.clone(),
            (None, Err(Failure::Retry(reason))) => End::Retried(reason),
            (None, Err(Failure::Reject(reason))) => End::Rejected(reason),
            (None, Ok(())) if self.outputs.iter().all(|(key, _)| self.covers(key.as_ref())) => End::Applied,
            (None, Ok(())) => End::EffectWithoutCommit,
        }
    }

    fn covers(&self, key: Option<&String>) -> bool {
        match key {
            Some(key) => self.commits.contains_key(key),
            None => !self.commits.is_empty(),
        }
    }

    fn seen(&mut self, key: &str) -> Result<Sighting, Refusal> {
        if let Some(receipt) = self.commits.get(key) {
            return Ok(Sighting::Duplicate(receipt.clone()));
        }
        let answer = match (self.host.answers.get(key), self.host.committed.get(key)) {
            (Some(answer), _) => answer.clone(),
            (None, Some(receipt)) => Ok(Sighting::Duplicate(receipt.clone())),
            (None, None) => Ok(Sighting::New),
        };
        match &answer {
            Ok(Sighting::New) => {
                // Asked again, the key is the most recently new one again.
                self.claims.retain(|claim| claim != key);
                self.claims.push(key.to_owned());
            }
            Ok(Sighting::InFlight(_)) | Err(Refusal::Unavailable(_)) => self.decided = Some(End::Deferred),
            Err(refusal @ (Refusal::Mismatch | Refusal::Dead(_))) if self.decided.is_none() => {
                let reason = crate::Error::from(refusal.clone()).to_string();
                self.decided = Some(End::Rejected(reason));
            }
            Ok(Sighting::Duplicate(_)) | Err(_) => {}
        }
        answer
    }

    fn commit(&mut self, key: &str, receipt: Option<&[u8]>) -> Result<(), Refusal> {
        if !self.claims.iter().any(|claim| claim == key) {
            return Err(Refusal::NotClaimed);
        }
        self.commits.entry(key.to_owned()).or_insert_with(|| receipt.map(<[u8]>::to_vec));
        Ok(())
    }
}

/// The contract's imports, answered by the invocation that the calling thread is in.
pub(crate) mod imports {
    use super::{CURRENT, Emitted, Header, Invocation, Level, Refusal, Sighting};
    use crate::OutputRefusal;

    const OUTSIDE: &str = "called outside `testing::Host::deliver`";

    fn with<T>(call: impl FnOnce(&mut Invocation) -> T) -> Option<T> {
        CURRENT.with_borrow_mut(|current| current.as_mut().map(call))
    }

    fn gate<T>(call: impl FnOnce(&mut Invocation) -> Result<T, Refusal>) -> Result<T, Refusal> {
        with(call).unwrap_or_else(|| Err(Refusal::Unavailable(OUTSIDE.to_owned())))
    }

    pub fn seen(key: &str) -> Result<Sighting, Refusal> {
        gate(|invocation| invocation.seen(key))
    }

    pub fn commit(key: &str) -> Result<(), Refusal> {
        gate(|invocation| invocation.commit(key, None))
    }

    pub fn commit_with(key: &str, receipt: &[u8]) -> Result<(), Refusal> {
        gate(|invocation| invocation.commit(key, Some(receipt)))
    }

    pub fn emit(
        topic: &str,
        key: Option<&str>,
        headers: &[Header],
        payload: &[u8],
    ) -> Result<(), OutputRefusal> {
        let output = Emitted {
            topic: topic.to_owned(),
            key: key.map(str::to_owned),
            headers: headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect(),
            payload: payload.to_vec(),
        };
        with(|invocation| {
            let owner = invocation.claims.last().cloned();
            invocation.outputs.push((owner, output));
        })
        .ok_or_else(|| OutputRefusal::Invalid(OUTSIDE.to_owned()))
    }

    pub fn log(level: Level, text: &str) {
        with(|invocation| invocation.host.log.push((level, text.to_owned())));
    }

    pub fn config(name: &str) -> Option<String> {
        with(|invocation| invocation.host.config.get(name).cloned()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Result, commit, config, emit, log, reject, seen};

    #[test]
    fn an_output_needs_the_commit_of_the_key_before_it() {
        let mut host = Host::new();
        let wrong = |_| -> Result<()> {
            seen("k1")?;
            emit("t").bytes("for k1")?;
            seen("k2")?;
            commit("k2")?;
            Ok(())
        };
        assert_eq!(host.deliver(wrong, message("")), End::EffectWithoutCommit);
        assert!(host.outputs().is_empty() && !host.is_committed("k2"));
    }

    #[test]
    fn what_a_failed_invocation_logged_stays_and_what_it_staged_does_not() {
        let mut host = Host::new();
        host.set_config("greeting", "hello");
        let fails = |_| -> Result<()> {
            seen("k")?;
            commit("k")?;
            log::warn(config("greeting").unwrap_or_default());
            Err(reject("no"))
        };
        assert_eq!(host.deliver(fails, message("")), End::Rejected("no".into()));
        assert_eq!(host.log(), [(Level::Warn, "hello".to_owned())]);
        assert!(!host.is_committed("k"));
    }

    #[test]
    fn a_commit_without_claim_is_refused_and_a_second_one_keeps_the_first() {
        let mut host = Host::new();
        let handle = |_| -> Result<()> {
            assert!(matches!(commit("k"), Err(Refusal::NotClaimed)));
            seen("k")?;
            crate::commit_with("k", b"1")?;
            crate::commit_with("k", b"2")?;
            assert!(matches!(seen("k")?, Sighting::Duplicate(Some(receipt)) if receipt == b"1"));
            Ok(())
        };
        assert_eq!(host.deliver(handle, message("")), End::Applied);
        assert_eq!(host.receipt("k"), Some(&b"1"[..]));
    }

    #[test]
    fn outside_a_delivery_nothing_panics() {
        assert!(seen("k").is_err() && emit("t").bytes("").is_err() && config("c").is_none());
        log::info("nobody reads this");
    }
}
