//! A case on the SDK's own host.

use oncegate_conform::{Before, Case, End, Found, Gating, Output, folder, read_all};
use oncegate_sdk::log::Level;
use oncegate_sdk::testing::{self, Emitted, Host, Limits};
use oncegate_sdk::{Header, Message};
use std::error::Error;

pub const LANGUAGE: &str = "rust";

/// Those that need no sandbox.
pub fn cases() -> Vec<Case> {
    let cases = read_all(&folder()).expect("the cases are read").into_iter();
    cases.filter(|case| !case.host_only && case.is_for(LANGUAGE)).collect()
}

/// What differs from what the case expects.
pub fn check(case: &Case, handle: impl Fn(Message) -> Result<(), Box<dyn Error>>) -> Vec<String> {
    let mut host = host(case);
    case.check(LANGUAGE, |message| {
        let logged = host.log().len();
        let delivery = host.deliver(&handle, sdk_message(message));
        let log = host.log()[logged..].iter().map(|(level, text)| (name(*level).to_owned(), text.clone()));
        Found::of(
            end(&delivery.end),
            delivery.end.reason(),
            delivery.staged.into_iter().map(output).collect(),
            log.collect(),
        )
    })
}

fn host(case: &Case) -> Host {
    let mut host = Host::new();
    case.config.iter().for_each(|(name, value)| host.set_config(name, value));
    host.set_limits(limits(&case.limits));
    if let Some(topics) = case.topics() {
        host.set_topics(topics);
    }
    host.set_outputs_free(case.outputs == Gating::Free);
    for before in &case.before {
        match before {
            Before::Committed { key, committed } => {
                let receipt = committed.receipt.as_ref().map(|receipt| receipt.0.as_slice());
                match &committed.payload {
                    Some(payload) => host.plant_committed_by(&payload.0, &key.0, receipt),
                    None => host.plant_committed(&key.0, receipt),
                }
            }
            Before::InFlight { key, in_flight } => host.plant_in_flight(&key.0, *in_flight),
            Before::Dead { key, dead } => host.plant_dead(&key.0, dead),
            Before::Store { .. } => host.set_store_down(true),
        }
    }
    host
}

fn limits(limits: &oncegate_conform::Limits) -> Limits {
    let usual = Limits::default();
    Limits {
        keys: limits.keys.unwrap_or(usual.keys),
        key_bytes: limits.key_bytes.unwrap_or(usual.key_bytes),
        receipt_bytes: limits.receipt_bytes.unwrap_or(usual.receipt_bytes),
        outputs: limits.outputs.unwrap_or(usual.outputs),
        output_bytes: limits.output_bytes.unwrap_or(usual.output_bytes),
        output_headers: limits.output_headers.unwrap_or(usual.output_headers),
        output_name_bytes: limits.output_name_bytes.unwrap_or(usual.output_name_bytes),
    }
}

fn sdk_message(message: &oncegate_conform::Message) -> Message {
    let oncegate_conform::Message { id, topic, key, headers, payload, attempt, published_ms } =
        message.clone();
    let headers = headers.into_iter().map(|(name, value)| Header { name, value }).collect();
    Message { id, topic, key, headers, payload, attempt, published_ms }
}

fn end(end: &testing::End) -> End {
    match end {
        testing::End::Applied => End::Applied,
        testing::End::Deferred => End::Deferred,
        testing::End::Retried(_) => End::Retry,
        testing::End::Rejected(_) => End::Reject,
        testing::End::Mismatch => End::Mismatch,
        testing::End::Dead(_) => End::Dead,
        testing::End::EffectWithoutCommit => End::EffectWithoutCommit,
    }
}

fn output(emitted: Emitted) -> Output {
    let Emitted { topic, key, headers, payload } = emitted;
    Output { topic, key, headers, payload }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}
