//! The steps of one delivery, one after the other.

use crate::blob::shown;
use crate::step::{Emit, Level, Once, Step};
use oncegate_sdk::{
    Message, OutputRefusal, Refusal, Sighting, commit, commit_with, config, emit, log, once, reject, retry,
    seen,
};
use serde_json::{Value, json};
use std::error::Error;

/// The most that is allocated in one piece.
const PIECE_BYTES: usize = 1 << 20;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the steps gave and hold.
#[derive(Debug)]
pub struct Run<'a> {
    message: &'a Message,
    pub results: Vec<Value>,
    held: Vec<Vec<u8>>,
}

impl<'a> Run<'a> {
    pub fn new(message: &'a Message) -> Self {
        Self { message, results: Vec::new(), held: Vec::new() }
    }

    /// Does all of them, or those before the one that returns.
    pub fn steps(&mut self, steps: &[Step]) -> Outcome<()> {
        for step in steps {
            let Some(result) = self.step(step, false)? else { break };
            self.results.push(result);
        }
        Ok(())
    }

    /// None: it returns.
    fn step(&mut self, step: &Step, must: bool) -> Outcome<Option<Value>> {
        Ok(Some(match step {
            Step::Seen(key) => caught(seen(&key.0).map(sighting), must, refusal)?,
            Step::Commit(key) => caught(commit(&key.0).map(ok), must, refusal)?,
            Step::CommitWith(key, receipt) => caught(commit_with(&key.0, &receipt.0).map(ok), must, refusal)?,
            Step::Emit(output) => caught(emitted(output).map(ok), must, output_refusal)?,
            Step::Log(level, text) => {
                log::line(level_of(*level), &text.0);
                ok(())
            }
            Step::Config(name) => config(&name.0).into(),
            Step::Message(()) => shown_message(self.message),
            Step::Once(work) => self.once(work)?,
            Step::Must(step) => return self.step(step, true),
            Step::Return(()) => return Ok(None),
            Step::Retry(text) => return Err(retry(&text.0).into()),
            Step::Reject(text) => return Err(reject(&text.0).into()),
            Step::Throw(text) => return Err(text.0.as_str().into()),
            #[expect(clippy::panic, reason = "it is what is to be shown")]
            Step::Panic(text) => panic!("{}", text.0),
            Step::Allocate(bytes) => {
                self.allocate(*bytes);
                ok(())
            }
        }))
    }

    fn once(&mut self, work: &Once) -> Outcome<Value> {
        let receipt = work.receipt.as_ref().map(|receipt| receipt.0.clone());
        let outcome = once(&work.key.0, || {
            self.steps(&work.steps)?;
            Ok(receipt)
        })?;
        Ok(match outcome {
            oncegate_sdk::Once::First(receipt) => json!({"first": shown(receipt.as_deref())}),
            oncegate_sdk::Once::Duplicate(receipt) => json!({"duplicate": shown(receipt.as_deref())}),
        })
    }

    fn allocate(&mut self, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            let piece = left.min(PIECE_BYTES);
            self.held.push(std::hint::black_box(vec![1; piece]));
            left -= piece;
        }
    }
}

fn ok(_: ()) -> Value {
    "ok".into()
}

/// What a call gave, or what refused it unless that is to leave the handler.
fn caught<E: Error + 'static>(
    called: Result<Value, E>,
    must: bool,
    shown: fn(&E) -> Value,
) -> Outcome<Value> {
    match called {
        Err(refusal) if !must => Ok(json!({"refused": shown(&refusal)})),
        called => Ok(called?),
    }
}

fn emitted(output: &Emit) -> Result<(), OutputRefusal> {
    let mut emit = emit(&output.topic.0);
    if let Some(key) = &output.key {
        emit = emit.key(&key.0);
    }
    for (name, value) in &output.headers {
        emit = emit.header(&name.0, &value.0);
    }
    emit.bytes(&output.payload.0)
}

fn sighting(sighting: Sighting) -> Value {
    match sighting {
        Sighting::New => "new".into(),
        Sighting::Duplicate(receipt) => json!({"duplicate": shown(receipt.as_deref())}),
        Sighting::InFlight(left_ms) => json!({"in-flight": left_ms.to_string()}),
    }
}

fn refusal(refusal: &Refusal) -> Value {
    match refusal {
        Refusal::InvalidKey(reason) => json!({"invalid-key": reason}),
        Refusal::NotClaimed => "not-claimed".into(),
        Refusal::Mismatch => "mismatch".into(),
        Refusal::Dead(reason) => json!({"dead": reason}),
        Refusal::TooManyKeys(limit) => json!({"too-many-keys": limit}),
        Refusal::ReceiptTooLarge(limit) => json!({"receipt-too-large": limit}),
        Refusal::Unavailable(reason) => json!({"unavailable": reason}),
    }
}

fn output_refusal(refusal: &OutputRefusal) -> Value {
    match refusal {
        OutputRefusal::TopicNotAllowed => "topic-not-allowed".into(),
        OutputRefusal::Invalid(reason) => json!({"invalid": reason}),
        OutputRefusal::TooMany(limit) => json!({"too-many": limit}),
        OutputRefusal::TooLarge(limit) => json!({"too-large": limit}),
    }
}

fn level_of(level: Level) -> log::Level {
    match level {
        Level::Trace => log::Level::Trace,
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    }
}

fn shown_message(message: &Message) -> Value {
    let headers = message.headers.iter().map(|header| json!([header.name, shown(Some(&header.value))]));
    json!({
        "id": message.id,
        "topic": message.topic,
        "key": message.key,
        "headers": headers.collect::<Vec<_>>(),
        "payload": shown(Some(&message.payload)),
        "attempt": message.attempt,
        "published_ms": message.published_ms.map(|ms| ms.to_string()),
    })
}
