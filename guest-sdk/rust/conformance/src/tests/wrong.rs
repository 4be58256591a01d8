//! What must not pass.

use oncegate_conform::{Case, End};
use oncegate_sdk::Message;
use serde_json::Value;

/// The same case with another expectation of this delivery, once for each thing that it expects.
pub fn expectations(case: &Case, index: usize) -> Vec<Case> {
    let mut others = Vec::new();
    let mut other = |change: &dyn Fn(&mut oncegate_conform::Expect) -> bool| {
        let mut case = case.clone();
        if change(&mut case.deliveries[index].expect) {
            others.push(case);
        }
    };
    other(&|expect| {
        expect.end = if expect.end == End::Retry { End::Applied } else { End::Retry };
        true
    });
    other(&|expect| expect.results.as_mut().is_some_and(|results| results.pop().is_some()));
    other(&|expect| expect.results.as_mut().map(|results| results.push(Value::Null)).is_some());
    other(&|expect| expect.outputs.as_mut().is_some_and(|outputs| outputs.pop().is_some()));
    other(&|expect| {
        let first = expect.outputs.as_mut().and_then(|outputs| outputs.first_mut());
        first.map(|output| output.payload.push(0)).is_some()
    });
    other(&|expect| {
        let line = expect.log.as_mut().and_then(|lines| lines.first_mut());
        line.map(|(_, text)| text.push_str(" and more")).is_some()
    });
    others
}

type Spoil = fn(Message) -> Message;

/// Messages as they arrive through bindings with a mistake.
pub const MESSAGES: [(&str, Spoil); 14] = [
    ("a payload read as text", |message| {
        let payload = String::from_utf8_lossy(&message.payload).into_owned().into_bytes();
        Message { payload, ..message }
    }),
    ("a payload up to its first zero", |mut message| {
        let end = message.payload.iter().position(|byte| *byte == 0).unwrap_or(message.payload.len());
        message.payload.truncate(end);
        message
    }),
    ("an empty key taken for none", |mut message| {
        message.key = message.key.filter(|key| !key.is_empty());
        message
    }),
    ("no key taken for an empty one", |mut message| {
        message.key.get_or_insert_default();
        message
    }),
    ("no time taken for 1970", |mut message| {
        message.published_ms.get_or_insert_default();
        message
    }),
    ("a time of zero taken for none", |mut message| {
        message.published_ms = message.published_ms.filter(|ms| *ms != 0);
        message
    }),
    ("a time as a floating point number", |mut message| {
        message.published_ms = message.published_ms.map(|ms| ms as f64 as u64);
        message
    }),
    ("a time with a sign", |mut message| {
        message.published_ms = message.published_ms.map(|ms| ms.min(i64::MAX as u64));
        message
    }),
    ("an attempt with a sign", |mut message| {
        message.attempt = message.attempt.min(i32::MAX as u32);
        message
    }),
    ("headers in a map", |mut message| {
        let mut names = std::collections::BTreeSet::new();
        message.headers.retain(|header| names.insert(header.name.clone()));
        message
    }),
    ("headers sorted", |mut message| {
        message.headers.sort_by(|a, b| a.name.cmp(&b.name));
        message
    }),
    ("header names in lower case", |mut message| {
        message.headers.iter_mut().for_each(|header| header.name = header.name.to_lowercase());
        message
    }),
    ("header values read as text", |mut message| {
        let lossy = |value: &[u8]| String::from_utf8_lossy(value).into_owned().into_bytes();
        message.headers.iter_mut().for_each(|header| header.value = lossy(&header.value));
        message
    }),
    ("names up to their first zero", |mut message| {
        message.id = message.id.split('\0').next().unwrap_or_default().to_owned();
        message
    }),
];
