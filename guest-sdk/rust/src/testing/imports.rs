//! The contract's imports, answered by the invocation that the calling thread is in.

use super::{Emitted, Invocation};
use crate::log::Level;
use crate::{Header, OutputRefusal, Refusal, Sighting};
use std::cell::RefCell;

const OUTSIDE: &str = "called outside `testing::Host::deliver`";

thread_local! {
    /// The invocation that this thread is in. Tests run beside each other, each in a thread of its own.
    static CURRENT: RefCell<Option<Invocation>> = const { RefCell::new(None) };
}

/// An invocation begins. Gives the one that it interrupts, for its end.
pub(super) fn enter(invocation: Invocation) -> Option<Invocation> {
    CURRENT.replace(Some(invocation))
}

/// The invocation ends.
pub(super) fn leave(outer: Option<Invocation>) -> Option<Invocation> {
    CURRENT.replace(outer)
}

fn with<T>(call: impl FnOnce(&mut Invocation) -> T) -> Option<T> {
    CURRENT.with_borrow_mut(|current| current.as_mut().map(call))
}

fn gate<T>(call: impl FnOnce(&mut Invocation) -> Result<T, Refusal>) -> Result<T, Refusal> {
    with(call).unwrap_or_else(|| Err(Refusal::Unavailable(OUTSIDE.to_owned())))
}

pub(crate) fn seen(key: &str) -> Result<Sighting, Refusal> {
    gate(|invocation| invocation.seen(key))
}

pub(crate) fn commit(key: &str) -> Result<(), Refusal> {
    gate(|invocation| invocation.commit(key, None))
}

pub(crate) fn commit_with(key: &str, receipt: &[u8]) -> Result<(), Refusal> {
    gate(|invocation| invocation.commit(key, Some(receipt)))
}

pub(crate) fn emit(
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
    with(|invocation| invocation.emit(output))
        .unwrap_or_else(|| Err(OutputRefusal::Invalid(OUTSIDE.to_owned())))
}

pub(crate) fn log(level: Level, text: &str) {
    with(|invocation| invocation.host.log.push((level, text.to_owned())));
}

pub(crate) fn config(name: &str) -> Option<String> {
    with(|invocation| invocation.host.config.get(name).cloned()).flatten()
}
