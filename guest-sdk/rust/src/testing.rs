//! A small host in memory, so that a handler's own unit tests run natively, without a component.
//!
//! Its rules are the real host's: limits and refusals, what an output needs to be applied, what a delivery comes to
//! that met a key in flight, the same key with another payload, a store that is down, and which keys a dead letter
//! leaves dead. It has no leases and no attempts, and handles one message at a time; keys that others hold or have
//! ended are planted.
//!
//! ```
//! use oncegate_sdk::testing::{End, Host, message};
//! use oncegate_sdk::{Message, Result, emit, once};
//!
//! fn handle(message: Message) -> Result<()> {
//!     let order: u64 = message.json()?;
//!     once(&order.to_string(), || Ok(emit("parcels").bytes(&message.payload)?))?;
//!     Ok(())
//! }
//!
//! let mut host = Host::new();
//! assert_eq!(host.deliver(handle, message("17")), End::Applied);
//! assert_eq!(host.deliver(handle, message("17")), End::Applied);
//! assert_eq!(host.outputs().len(), 1);
//!
//! host.plant_in_flight("18", 500);
//! assert_eq!(host.deliver(handle, message("18")), End::Deferred);
//! ```

mod delivery;
pub(crate) mod imports;
mod invocation;
mod limits;
mod outputs;

pub use delivery::{Delivery, End};
pub use limits::Limits;
pub use outputs::Emitted;

use crate::log::Level;
use crate::{Failure, Message};
use invocation::Invocation;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The host: what it remembers between deliveries.
#[derive(Clone, Debug, Default)]
pub struct Host {
    keys: BTreeMap<String, Key>,
    is_down: bool,
    config: BTreeMap<String, String>,
    limits: Limits,
    /// Any, if none are named.
    topics: Option<BTreeSet<String>>,
    outputs_are_free: bool,
    outputs: Vec<Emitted>,
    log: Vec<(Level, String)>,
}

/// What is known of a key.
#[derive(Clone, Debug)]
enum Key {
    /// Without a payload it is a duplicate to any.
    Committed {
        receipt: Option<Vec<u8>>,
        payload: Option<Vec<u8>>,
    },
    InFlight {
        left_ms: u64,
    },
    /// Without an origin no delivery to this host died of it.
    Dead {
        reason: String,
        origin: Option<Origin>,
    },
}

/// Which delivery one is, whoever hands it over.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    topic: String,
    id: String,
}

impl Origin {
    fn of(message: &Message) -> Self {
        Self { topic: message.topic.clone(), id: message.id.clone() }
    }
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
    /// A host that has seen nothing, with the real one's limits, of which a handler may emit to any topic.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what [`config`](crate::config) answers for this name.
    pub fn set_config(&mut self, name: &str, value: &str) {
        self.config.insert(name.to_owned(), value.to_owned());
    }

    /// Sets what a handler may use.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Sets to which topics a handler may emit, and to no others.
    pub fn set_topics<'a>(&mut self, topics: impl IntoIterator<Item = &'a str>) {
        self.topics = Some(topics.into_iter().map(str::to_owned).collect());
    }

    /// Sets whether outputs are applied without the commit of their key, as with `outputs = "free"`.
    pub fn set_outputs_free(&mut self, free: bool) {
        self.outputs_are_free = free;
    }

    /// Sets whether the store is down: then it answers for no key.
    pub fn set_store_down(&mut self, down: bool) {
        self.is_down = down;
    }

    /// Makes a key committed with this receipt, a duplicate to a message with any payload.
    pub fn plant_committed(&mut self, key: &str, receipt: Option<&[u8]>) {
        let receipt = receipt.map(<[u8]>::to_vec);
        self.keys.insert(key.to_owned(), Key::Committed { receipt, payload: None });
    }

    /// Makes a key committed with this receipt by a message with this payload. To one with any other payload it is
    /// a mismatch.
    pub fn plant_committed_by(&mut self, payload: &[u8], key: &str, receipt: Option<&[u8]>) {
        let (receipt, payload) = (receipt.map(<[u8]>::to_vec), Some(payload.to_vec()));
        self.keys.insert(key.to_owned(), Key::Committed { receipt, payload });
    }

    /// Makes a key one that another delivery holds, for at most so many milliseconds more.
    pub fn plant_in_flight(&mut self, key: &str, left_ms: u64) {
        self.keys.insert(key.to_owned(), Key::InFlight { left_ms });
    }

    /// Makes a key one that was given up for this reason.
    pub fn plant_dead(&mut self, key: &str, reason: &str) {
        self.keys.insert(key.to_owned(), Key::Dead { reason: reason.to_owned(), origin: None });
    }

    /// Hands one message to a handler and applies what it staged, if it may be applied. If it would go to the dead
    /// letters, the keys that it claimed are dead from now on. A panic of the handler is a retry, as it is in a
    /// component.
    pub fn deliver<E: Into<Failure>>(
        &mut self,
        handle: impl FnOnce(Message) -> Result<(), E>,
        message: Message,
    ) -> Delivery {
        #[cfg(feature = "log")]
        crate::log::facade::install();
        let outer = imports::enter(Invocation::new(std::mem::take(self), &message));
        // What a panic leaves half done is the handler's own, and gone.
        let returned = catch_unwind(AssertUnwindSafe(|| handle(message).map_err(Into::into)));
        let Some(mut invocation) = imports::leave(outer) else { return Delivery::default() };
        let returned = returned.unwrap_or_else(|panic| {
            let text = format!("panic: {}", text_of(&*panic));
            invocation.host.log.push((Level::Error, text.clone()));
            Err(Failure::Retry(text))
        });
        let (host, delivery) = invocation.end(returned);
        *self = host;
        delivery
    }

    /// All outputs that were applied, oldest first.
    pub fn outputs(&self) -> &[Emitted] {
        &self.outputs
    }

    /// Whether the key is committed.
    pub fn is_committed(&self, key: &str) -> bool {
        matches!(self.keys.get(key), Some(Key::Committed { .. }))
    }

    /// The receipt of a committed key, if it has one.
    pub fn receipt(&self, key: &str) -> Option<&[u8]> {
        match self.keys.get(key)? {
            Key::Committed { receipt, .. } => receipt.as_deref(),
            Key::InFlight { .. } | Key::Dead { .. } => None,
        }
    }

    /// All lines that were logged, also by invocations that failed, oldest first.
    pub fn log(&self) -> &[(Level, String)] {
        &self.log
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Refusal, Result, Sighting, commit, commit_with, config, emit, log, once, reject, seen};

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
        let delivery = host.deliver(wrong, message(""));
        assert_eq!(delivery, End::EffectWithoutCommit);
        assert_eq!(delivery.staged.len(), 1);
        assert!(host.outputs().is_empty() && !host.is_committed("k2"));
        let reason = "effect without commit: output 1 to topic t: its key was not committed";
        assert_eq!(host.deliver(wrong, message("")), End::Dead(reason.to_owned()));
        let mut host = Host::new();
        host.set_outputs_free(true);
        assert_eq!(host.deliver(wrong, message("")), End::Applied);
        assert_eq!(host.outputs(), delivery.staged);
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
            commit_with("k", b"1")?;
            commit_with("k", b"2")?;
            assert!(matches!(seen("k")?, Sighting::Duplicate(Some(receipt)) if receipt == b"1"));
            Ok(())
        };
        assert_eq!(host.deliver(handle, message("")), End::Applied);
        assert_eq!(host.receipt("k"), Some(&b"1"[..]));
    }

    #[test]
    fn another_payload_is_a_mismatch_and_the_same_one_a_duplicate() {
        let mut host = Host::new();
        let handle = |_| -> Result<()> {
            if matches!(seen("k")?, Sighting::New) {
                commit("k")?;
            }
            Ok(())
        };
        for end in [End::Applied, End::Applied] {
            assert_eq!(host.deliver(handle, message("one")), end);
        }
        assert_eq!(host.deliver(handle, message("two")), End::Mismatch);
        host.plant_dead("k", "tired");
        assert_eq!(host.deliver(handle, message("one")), End::Dead("tired".into()));
    }

    #[test]
    fn what_a_dead_delivery_claimed_is_dead() {
        let mut host = Host::new();
        let rejects = |_| -> Result<()> {
            seen("k")?;
            commit("k")?;
            Err(reject("no"))
        };
        assert_eq!(host.deliver(rejects, message("")), End::Rejected("no".to_owned()));
        let mut other = message("");
        other.id = "test:1".to_owned();
        for message in [message(""), other] {
            let delivery = host.deliver(|_| once("k", || Ok(())).map(drop), message);
            assert_eq!(delivery, End::Dead("rejected: no".to_owned()));
        }
        assert!(!host.is_committed("k"));
    }

    #[test]
    fn a_panic_is_a_retry_and_the_next_delivery_works() {
        let mut host = Host::new();
        let panics = |_| -> Result<()> {
            seen("k")?;
            commit("k")?;
            panic!("at {}", "once")
        };
        assert_eq!(host.deliver(panics, message("")), End::Retried("panic: at once".into()));
        assert_eq!(host.log(), [(Level::Error, "panic: at once".to_owned())]);
        assert!(!host.is_committed("k"));
        assert_eq!(host.deliver(|_| Ok::<_, Failure>(()), message("")), End::Applied);
    }

    #[cfg(feature = "log")]
    #[test]
    fn what_is_said_through_the_crate_log_arrives() {
        let mut host = Host::new();
        let says = |_| -> Result<()> {
            ::log::debug!("plain");
            ::log::error!("{} of {}", 1, 2);
            Ok(())
        };
        assert_eq!(host.deliver(says, message("")), End::Applied);
        assert_eq!(host.log(), [(Level::Debug, "plain".to_owned()), (Level::Error, "1 of 2".to_owned())]);
    }

    #[test]
    fn outside_a_delivery_nothing_panics() {
        assert!(seen("k").is_err() && emit("t").bytes("").is_err() && config("c").is_none());
        log::info("nobody reads this");
    }
}
