//! An operator's changes as the scripts take them, and what the scripts answer.

use oncegate_redis::redis::Value;
use oncegate_redis::{Part, Script};

use super::names::Names;
use super::script;
use super::wire::{STRANGE, life_ms};
use crate::store::{Forgotten, Marked, Requeued, StoreError};
use crate::transition::{self, Write};
use crate::{Fence, Key, Record, State, Unreadable};

/// Asks to forget a key.
pub fn forget(names: &Names, key: &Key, expected: Option<Fence>, keep_ms: u64) -> Part {
    part(names, &script::FORGET, key, expected, &transition::forgotten(0, keep_ms))
}

/// Asks to commit a key.
pub fn commit_for(names: &Names, key: &Key, expected: Option<Fence>, window_ms: u64) -> Part {
    part(names, &script::COMMIT, key, expected, &transition::committed_for(None, window_ms))
}

/// Asks to make a dead key claimable again.
pub fn requeue(names: &Names, key: &Key, fence: Fence, keep_ms: u64) -> Part {
    part(names, &script::REQUEUE, key, Some(fence), &transition::forgotten(0, keep_ms))
}

fn part(names: &Names, script: &Script, key: &Key, fence: Option<Fence>, write: &Write) -> Part {
    let mut part = Part::new(script);
    part.keys.push(&names.of(key));
    let fence = fence.map(|fence| {
        let sequence = fence.sequence.to_be_bytes();
        [sequence.as_slice(), fence.attempt.as_bytes()].concat()
    });
    part.args.push(&fence.unwrap_or_default());
    part.args.push(&write.record.encode());
    part.args.push_number(life_ms(write));
    part.answers = 1;
    part
}

/// What an operator's script answers.
enum Answer {
    Done,
    Absent,
    Kept(Box<Record>),
}

fn answer(value: Value) -> Result<Answer, StoreError> {
    match value {
        Value::Int(1) => Ok(Answer::Done),
        Value::Nil => Ok(Answer::Absent),
        Value::Int(0) => Err(Unreadable::OtherType.into()),
        Value::BulkString(bytes) => Ok(Answer::Kept(Box::new(Record::decode(&bytes)?))),
        _ => Err(StoreError::Unavailable(STRANGE.to_owned())),
    }
}

/// What came of a forget.
pub fn forgotten(value: Value) -> Result<Forgotten, StoreError> {
    Ok(match answer(value)? {
        Answer::Done => Forgotten::Done,
        Answer::Absent => Forgotten::Absent,
        Answer::Kept(record) => Forgotten::Changed(record.fence),
    })
}

/// What came of a commit.
pub fn marked(value: Value) -> Result<Marked, StoreError> {
    Ok(match answer(value)? {
        Answer::Done => Marked::Done,
        Answer::Absent => Marked::Absent,
        Answer::Kept(record) if record.state == State::Committed => Marked::Committed(record.fence),
        Answer::Kept(record) => Marked::Changed(record.fence),
    })
}

/// What came of a requeue.
pub fn requeued(value: Value) -> Result<Requeued, StoreError> {
    Ok(match answer(value)? {
        Answer::Done => Requeued::Done,
        Answer::Absent => Requeued::Absent,
        Answer::Kept(record) => Requeued::Kept { state: record.state, fence: record.fence },
    })
}
