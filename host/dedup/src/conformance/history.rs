//! Histories that somebody else has written: what is asked of a store, and what it must answer each time.
//!
//! The suite's own stories are told against its [model](super::Model). A history brings its answers with it, so that a
//! description of the protocol that this crate knows nothing of can be held against every store.

use super::{Bench, block_on};
use crate::store::{
    Claim, ClaimOutcome, Committed, Entry, Forgotten, Requeued, SettleOutcome, Settlement, StoreError,
};
use crate::{Fence, Key, Record};

/// Something that is asked of a store, and the answer.
#[derive(Debug, Clone)]
pub enum Step {
    /// A claim.
    Claim(Claim, ClaimOutcome),
    /// A settle. A check just before it must say the same.
    Settle(Settlement, SettleOutcome),
    /// A forget: of this key, if it bears this fence, kept for so many milliseconds.
    Forget(Key, Option<Fence>, u64, Forgotten),
    /// A requeue: of this key, with this dead letter's fence, kept for so many milliseconds.
    Requeue(Key, Fence, u64, Requeued),
    /// So many milliseconds go by.
    Advance(u64),
    /// How the key's record looks now, and what is left of its life in milliseconds.
    Look(Key, Option<(Record, u64)>),
}

/// Plays a history. The error says which step went otherwise, and how.
pub fn play(bench: &mut dyn Bench, history: &[Step]) -> Result<(), String> {
    for (number, step) in history.iter().enumerate() {
        one(bench, step).map_err(|what| format!("step {number}: {what}"))?;
    }
    Ok(())
}

fn one(bench: &mut dyn Bench, step: &Step) -> Result<(), String> {
    let drift_ms = bench.drift_ms();
    match step {
        Step::Claim(claim, expected) => {
            let found = block_on(bench.store().claim(std::slice::from_ref(claim)));
            match &found[..] {
                [found] if same_claim(found, expected, drift_ms) => Ok(()),
                _ => Err(format!("the claim is {found:?}, and should be {expected:?}")),
            }
        }
        Step::Settle(settlement, expected) => {
            let settlement = std::slice::from_ref(settlement);
            let checked = block_on(bench.store().check(settlement));
            let settled = block_on(bench.store().settle(settlement));
            let expected = std::slice::from_ref(expected);
            if checked == expected && settled == expected {
                return Ok(());
            }
            Err(format!(
                "it is checked as {checked:?} and settled as {settled:?}, and should be {expected:?}"
            ))
        }
        Step::Forget(key, fence, keep_ms, expected) => {
            same("forget", block_on(bench.store().forget(key, *fence, *keep_ms)), expected)
        }
        Step::Requeue(key, fence, keep_ms, expected) => {
            same("requeue", block_on(bench.store().requeue(key, *fence, *keep_ms)), expected)
        }
        Step::Advance(ms) => {
            bench.advance(*ms);
            Ok(())
        }
        Step::Look(key, expected) => {
            let found = block_on(bench.store().get(key)).map_err(|error| error.to_string())?;
            if same_record(found.as_ref(), expected.as_ref(), drift_ms) {
                return Ok(());
            }
            Err(format!("the record of {key:?} is {found:?}, and should be {expected:?}"))
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: Result<T, StoreError>,
    expected: &T,
) -> Result<(), String> {
    match found {
        Ok(found) if found == *expected => Ok(()),
        found => Err(format!("the {what} answers {found:?}, and should {expected:?}")),
    }
}

/// Whether two answers are the same, but for what the store's clock does by itself.
pub(super) fn same_claim(found: &ClaimOutcome, expected: &ClaimOutcome, drift_ms: u64) -> bool {
    match (found, expected) {
        (ClaimOutcome::InFlight { left_ms: found }, ClaimOutcome::InFlight { left_ms: expected }) => {
            near(*found, *expected, drift_ms)
        }
        (ClaimOutcome::Committed(found), ClaimOutcome::Committed(expected)) => {
            let whole = |commit: &Committed| Committed { left_ms: 0, ..commit.clone() };
            whole(found) == whole(expected) && near(found.left_ms, expected.left_ms, drift_ms)
        }
        (found, expected) => found == expected,
    }
}

/// Whether a store shows a record, but for what its clock does by itself.
pub(super) fn same_record(found: Option<&Entry>, expected: Option<&(Record, u64)>, drift_ms: u64) -> bool {
    match (found, expected) {
        (Some(found), Some((record, left_ms))) => {
            found.record.as_ref() == Ok(record) && near(found.left_ms, *left_ms, drift_ms)
        }
        (None, None) => true,
        _ => false,
    }
}

fn near(found_ms: u64, expected_ms: u64, drift_ms: u64) -> bool {
    found_ms <= expected_ms && expected_ms - found_ms <= drift_ms
}
