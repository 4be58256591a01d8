//! What a server says, read: doors for targets that make it up. No promise to anybody else.

use oncegate_redis::redis::Value;

use super::names::Names;
use super::wire;
use crate::Key;
use crate::store::{Claim, ClaimOutcome, Entry, SettleOutcome, StoreError};

/// The outcome of a claim.
pub fn claimed(claim: &Claim, answer: Value) -> ClaimOutcome {
    wire::claimed(claim, answer)
}

/// The outcome of a settlement.
pub fn settled(answer: Value) -> SettleOutcome {
    wire::settled(answer)
}

/// A record that was asked for.
pub fn seen(key: &Key, answer: Value) -> Result<Option<Entry>, StoreError> {
    wire::seen(key, answer)
}

/// A page of names: the next cursor and the keys.
pub fn scanned(answer: Value) -> Option<(u64, Vec<Key>)> {
    wire::scanned(&Names::default(), answer)
}

/// What a key's record is called; none if the tag cannot be one.
pub fn name(tag: Option<&str>, key: &Key) -> Option<Vec<u8>> {
    Some(Names::tagged(tag).ok()?.of(key))
}

/// The key whose record is called so.
pub fn named(tag: Option<&str>, name: &[u8]) -> Option<Key> {
    Names::tagged(tag).ok()?.parse(name)
}
