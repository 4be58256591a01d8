//! Version 0.2.0, for tests: its bindings, and what its words are to the sandbox. A message's time is another record than
//! in 0.1.0.

use oncegate_dedup as dedup;
use wasmtime::Store;
use wasmtime::component::{HasSelf, Linker};

use self::bindings::oncegate::plugin;
use self::bindings::oncegate::plugin::types::{Failure as Returned, HeaderParam, HeaderResult};
use crate::failure::Failure;
use crate::invocation::State;
use crate::log::Level;
use crate::message::{Header, Message};
use crate::output::{self, Emitted};

pub(super) use self::bindings::{Handler, HandlerPre};

mod bindings {
    #![allow(missing_docs, reason = "what is documented there is documented in the WIT")]

    wasmtime::component::bindgen!({
        path: "tests/contract/0.2.0.wit",
        world: "handler",
        // What waits for nothing costs less as a plain function.
        imports: { "oncegate:plugin/dedup.seen": async | trappable, default: trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    Handler::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

pub(super) async fn handle(
    guest: &Handler,
    store: &mut Store<State>,
    message: &Message,
) -> wasmtime::Result<Result<(), Failure>> {
    let headers: Vec<_> = message.headers.iter().map(header).collect();
    let message = plugin::types::Message {
        id: &message.id,
        topic: &message.topic,
        key: message.key.as_deref(),
        headers: &headers,
        payload: &message.payload,
        attempt: message.attempt,
        published: message.published_ms.map(moment),
    };
    Ok(guest.call_handle(store, message).await?.map_err(Failure::from))
}

fn moment(ms: u64) -> plugin::types::Moment {
    // A millisecond's part of a second is below a billion nanoseconds.
    plugin::types::Moment { seconds: ms / 1000, nanoseconds: (ms % 1000) as u32 * 1_000_000 }
}

fn header(Header { name, value }: &Header) -> HeaderParam<'_> {
    HeaderParam { name, value }
}

impl From<Returned> for Failure {
    fn from(failure: Returned) -> Self {
        match failure {
            Returned::Retry(text) => Self::Retry(text),
            Returned::Reject(text) => Self::Reject(text),
        }
    }
}

impl plugin::types::Host for State {}

impl plugin::dedup::Host for State {
    async fn seen(
        &mut self,
        key: String,
    ) -> wasmtime::Result<Result<plugin::dedup::Sighting, plugin::dedup::Refusal>> {
        let answer = self.seen(&key).await?;
        Ok(answer.map(plugin::dedup::Sighting::from).map_err(plugin::dedup::Refusal::from))
    }

    fn commit(&mut self, key: String) -> wasmtime::Result<Result<(), plugin::dedup::Refusal>> {
        Ok(self.commit(&key, None)?.map_err(plugin::dedup::Refusal::from))
    }

    fn commit_with(
        &mut self,
        key: String,
        receipt: Vec<u8>,
    ) -> wasmtime::Result<Result<(), plugin::dedup::Refusal>> {
        Ok(self.commit(&key, Some(receipt))?.map_err(plugin::dedup::Refusal::from))
    }
}

impl From<dedup::Sighting> for plugin::dedup::Sighting {
    fn from(sighting: dedup::Sighting) -> Self {
        match sighting {
            dedup::Sighting::New => Self::New,
            dedup::Sighting::Duplicate(receipt) => Self::Duplicate(receipt),
            dedup::Sighting::InFlight(left_ms) => Self::InFlight(left_ms),
        }
    }
}

impl From<dedup::Refusal> for plugin::dedup::Refusal {
    fn from(refusal: dedup::Refusal) -> Self {
        match refusal {
            dedup::Refusal::InvalidKey(why) => Self::InvalidKey(why),
            dedup::Refusal::NotClaimed => Self::NotClaimed,
            dedup::Refusal::Mismatch => Self::Mismatch,
            dedup::Refusal::Dead(reason) => Self::Dead(reason),
            dedup::Refusal::TooManyKeys(limit) => Self::TooManyKeys(limit),
            dedup::Refusal::ReceiptTooLarge(limit) => Self::ReceiptTooLarge(limit),
            dedup::Refusal::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl plugin::output::Host for State {
    fn emit(
        &mut self,
        topic: String,
        key: Option<String>,
        headers: Vec<HeaderResult>,
        payload: Vec<u8>,
    ) -> wasmtime::Result<Result<(), plugin::output::Refusal>> {
        let headers =
            headers.into_iter().map(|HeaderResult { name, value }| Header { name, value }).collect();
        let answer = self.emit(Emitted { topic, key, headers, payload })?;
        Ok(answer.map_err(plugin::output::Refusal::from))
    }
}

impl From<output::Refusal> for plugin::output::Refusal {
    fn from(refusal: output::Refusal) -> Self {
        match refusal {
            output::Refusal::TopicNotAllowed => Self::TopicNotAllowed,
            output::Refusal::Invalid(why) => Self::Invalid(why),
            output::Refusal::TooMany(limit) => Self::TooMany(limit),
            output::Refusal::TooLarge(limit) => Self::TooLarge(limit),
        }
    }
}

impl plugin::log::Host for State {
    fn log(&mut self, level: plugin::log::Level, message: String) -> wasmtime::Result<()> {
        Ok(self.log(level.into(), &message)?)
    }
}

impl From<plugin::log::Level> for Level {
    fn from(level: plugin::log::Level) -> Self {
        match level {
            plugin::log::Level::Trace => Self::Trace,
            plugin::log::Level::Debug => Self::Debug,
            plugin::log::Level::Info => Self::Info,
            plugin::log::Level::Warn => Self::Warn,
            plugin::log::Level::Error => Self::Error,
        }
    }
}

impl plugin::config::Host for State {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        Ok(self.config(&name)?)
    }
}
