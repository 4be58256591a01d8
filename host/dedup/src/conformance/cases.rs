//! Named cases: what once went wrong somewhere, as it went.
//!
//! "Row" is a row of the list of what goes wrong in de-duplication, "rule" a rule of the protocol; a case's name
//! says what must hold instead.

use super::{Bench, block_on};
use crate::store::{
    Absent, Action, Claim, ClaimOutcome, Committed, Entry, Granted, KeySettle, SettleOutcome, Settlement,
};
use crate::{AttemptId, Fence, Fingerprint, Key, Namespace, Origin};

mod by_hand;
mod claims;
mod ends;
mod records;

/// A case, put to a store that is empty.
pub type Case = fn(&mut dyn Bench);

/// All cases with their names.
pub fn all() -> impl Iterator<Item = (&'static str, Case)> {
    claims::ALL.iter().chain(ends::ALL).chain(records::ALL).chain(by_hand::ALL).copied()
}

/// Whole minutes, so that real time does not matter where it runs by itself.
const MINUTE_MS: u64 = 60_000;
const LEASE_MS: u64 = 10 * MINUTE_MS;
const KEEP_MS: u64 = 30 * MINUTE_MS;
const WINDOW_MS: u64 = 120 * MINUTE_MS;

/// Attempts, as a reader tells them apart.
const ANN: u8 = 1;
const BEN: u8 = 2;
const CAT: u8 = 3;

fn key(name: &[u8]) -> Key {
    Key::new(&Namespace::new("cases").expect("a namespace"), name)
}

fn id(attempt: u8) -> AttemptId {
    AttemptId::from_bytes([attempt; 16])
}

fn print(of: u8) -> Fingerprint {
    Fingerprint::from_bytes([of; 16])
}

/// An everyday claim of the key `k`.
fn claim(attempt: u8) -> Claim {
    Claim {
        key: key(b"k"),
        attempt: id(attempt),
        fingerprint: Some(print(1)),
        lease_ms: LEASE_MS,
        keep_ms: KEEP_MS,
        suspect_after: 20,
        alone: false,
    }
}

fn ask(bench: &dyn Bench, claim: &Claim) -> ClaimOutcome {
    let mut outcomes = block_on(bench.store().claim(std::slice::from_ref(claim)));
    assert_eq!(outcomes.len(), 1, "one answer to one claim");
    outcomes.pop().expect("an answer")
}

/// Claims, and must get the claim anew.
fn first(bench: &dyn Bench, claim: &Claim) -> Granted {
    match ask(bench, claim) {
        ClaimOutcome::First(granted) => granted,
        other => panic!("the claim should be granted, and is {other:?}"),
    }
}

/// Claims, and must find the key committed.
fn committed(bench: &dyn Bench, claim: &Claim) -> Committed {
    match ask(bench, claim) {
        ClaimOutcome::Committed(commit) => commit,
        other => panic!("the key should be committed, and is {other:?}"),
    }
}

fn in_flight(bench: &dyn Bench, claim: &Claim) -> u64 {
    match ask(bench, claim) {
        ClaimOutcome::InFlight { left_ms } => left_ms,
        other => panic!("the key should be in flight, and is {other:?}"),
    }
}

fn end(fence: Fence, action: Action) -> KeySettle {
    KeySettle { key: key(b"k"), fence, fingerprint: Some(print(1)), action }
}

fn commit(receipt: &[u8]) -> Action {
    Action::Commit { receipt: Some(receipt.to_vec()), window_ms: WINDOW_MS }
}

fn release(failed: bool) -> Action {
    Action::Release { failed, error: "no".to_owned(), keep_ms: KEEP_MS }
}

fn die() -> Action {
    Action::Die { reason: "hopeless".to_owned(), origin: Origin::of("s", "1"), window_ms: WINDOW_MS }
}

fn settle_all(bench: &dyn Bench, keys: Vec<KeySettle>, absent: Absent) -> SettleOutcome {
    let settlement = Settlement { keys, absent };
    let checked = block_on(bench.store().check(std::slice::from_ref(&settlement)));
    let settled = block_on(bench.store().settle(std::slice::from_ref(&settlement)));
    assert_eq!(checked, settled, "a check says how the settlement ends");
    assert_eq!(settled.len(), 1, "one answer to one settlement");
    settled.into_iter().next().expect("an answer")
}

/// Settles the key `k` alone.
fn settle(bench: &dyn Bench, fence: Fence, action: Action) -> SettleOutcome {
    settle_all(bench, vec![end(fence, action)], Absent::Refuse)
}

const APPLIED: SettleOutcome = SettleOutcome::Applied { late: 0 };
const LATE: SettleOutcome = SettleOutcome::Applied { late: 1 };
const LOST: SettleOutcome = SettleOutcome::Lost { key: 0 };

fn look(bench: &dyn Bench, key: &Key) -> Option<Entry> {
    block_on(bench.store().get(key)).expect("the store answers")
}

/// `found`, or less by at most what the store's clock does by itself.
fn assert_near(bench: &dyn Bench, found_ms: u64, expected_ms: u64) {
    let near = found_ms <= expected_ms && expected_ms - found_ms <= bench.drift_ms();
    assert!(near, "{found_ms} ms are left, and should be {expected_ms}");
}

/// What every thread of a race was answered. Each asks on a runtime of its own.
fn race(bench: &dyn Bench, claims: &[Claim]) -> Vec<ClaimOutcome> {
    let store = bench.store();
    let start = std::sync::Barrier::new(claims.len());
    let racer = |claim: &Claim| {
        start.wait();
        block_on(store.claim(std::slice::from_ref(claim))).pop().expect("an answer")
    };
    std::thread::scope(|scope| {
        let racers: Vec<_> = claims.iter().map(|claim| scope.spawn(|| racer(claim))).collect();
        racers.into_iter().map(|racer| racer.join().expect("a racer answers")).collect()
    })
}
