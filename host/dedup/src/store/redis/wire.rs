//! Claims and settlements as the scripts take them, and what the scripts answer.

use oncegate_redis::redis::Value;
use oncegate_redis::{Part, Script};

use super::names::Names;
use super::script;
use super::settling::Piece;
use crate::policy::LONGEST_MS;
use crate::record::State;
use crate::store::{Absent, Claim, ClaimOutcome, Entry, KeySettle, SettleOutcome, StoreError};
use crate::transition::{self, Held, Write};
use crate::{Key, Record, Unreadable};

/// What is said of an answer that makes no sense.
pub const STRANGE: &str = "the server's answer is none that its script gives";

/// A life as Redis takes it: it refuses one of nothing.
pub fn life_ms(write: &Write) -> u64 {
    write.life_ms.clamp(1, LONGEST_MS * 2)
}

/// What is left of a life by Redis's own count. A record without expiry (somebody's PERSIST) lives on, but a
/// claim that never ended would hold its key for ever: it has nothing left.
fn left_ms(record: Result<&Record, &Unreadable>, pttl: i64) -> u64 {
    match (u64::try_from(pttl), record) {
        (Ok(left_ms), _) => left_ms,
        (Err(_), Ok(Record { state: State::Claimed, .. })) => 0,
        (Err(_), _) => LONGEST_MS,
    }
}

/// Asks for claims.
pub fn claims(names: &Names, claims: &[&Claim]) -> Part {
    let mut part = Part::new(&script::CLAIM);
    for claim in claims {
        // What is written where there is no record; where there is one, the script takes its counts over.
        let (_, write) = transition::claim(None, claim);
        let Some(write) = write else { continue };
        part.keys.push(&names.of(&claim.key));
        part.args.push(&write.record.encode());
        part.args.push_number(life_ms(&write));
        part.args.push_number(claim.suspect_after.into());
        part.answers += 1;
    }
    part
}

/// The outcome of one claim.
pub fn claimed(claim: &Claim, answer: Value) -> ClaimOutcome {
    let [found, pttl, written] = match answer {
        Value::Nil => return transition::claim(None, claim).0,
        Value::Int(0) => return ClaimOutcome::Unreadable(Unreadable::OtherType),
        // To be had, on a server that may have forgotten its last claim: somebody may still be working on it.
        Value::Int(hold_ms @ 1..) => return ClaimOutcome::InFlight { left_ms: hold_ms.unsigned_abs() },
        Value::Array(parts) => match <[Value; 3]>::try_from(parts) {
            Ok(parts) => parts,
            Err(_) => return ClaimOutcome::Unavailable(STRANGE.to_owned()),
        },
        _ => return ClaimOutcome::Unavailable(STRANGE.to_owned()),
    };
    let (Value::BulkString(bytes), Value::Int(pttl), Value::Int(written)) = (found, pttl, written) else {
        return ClaimOutcome::Unavailable(STRANGE.to_owned());
    };
    let (outcome, write) = match Record::decode(&bytes) {
        Ok(record) => {
            let left_ms = left_ms(Ok(&record), pttl);
            transition::claim(Some(&Held { record, left_ms, void: false }), claim)
        }
        Err(unreadable) => (ClaimOutcome::Unreadable(unreadable), None),
    };
    // The script and this host must be of one mind about who holds the key.
    if write.is_some() == (written == 1) { outcome } else { ClaimOutcome::Unavailable(STRANGE.to_owned()) }
}

/// Asks for settlements, or (with [`script::CHECK`]) how they would end.
pub fn settlements(names: &Names, script: &Script, pieces: &[&&Piece<'_>]) -> Part {
    let mut part = Part::new(script);
    for piece in pieces {
        ended(names, piece.absent, piece.ends(), &mut part);
        part.answers += 1;
    }
    part
}

/// Puts one settlement's keys and arguments behind the others of a part.
pub fn ended<'a>(
    names: &Names,
    absent: Absent,
    ends: impl ExactSizeIterator<Item = &'a KeySettle>,
    part: &mut Part,
) {
    let accept_absent = u64::from(absent == Absent::Accept);
    part.args.push_number(ends.len() as u64 * 2 + accept_absent);
    for settled in ends {
        let write = transition::ended(None, settled, false);
        part.keys.push(&names.of(&settled.key));
        part.args.push(&write.record.encode());
        part.args.push_number(life_ms(&write));
    }
}

/// The outcome of one settlement.
pub fn settled(answer: Value) -> SettleOutcome {
    let strange = || SettleOutcome::Unavailable(STRANGE.to_owned());
    match answer {
        Value::Int(late @ 0..) => SettleOutcome::Applied { late: u32::try_from(late).unwrap_or(u32::MAX) },
        Value::Int(key) => match usize::try_from(key.unsigned_abs()) {
            Ok(key) => SettleOutcome::Lost { key: key - 1 },
            Err(_) => strange(),
        },
        Value::Nil => SettleOutcome::Unreadable(Unreadable::OtherType),
        Value::BulkString(bytes) => match Record::decode(&bytes) {
            Err(unreadable) => SettleOutcome::Unreadable(unreadable),
            Ok(_) => strange(),
        },
        _ => strange(),
    }
}

/// Asks for records.
pub fn look(names: &Names, keys: &[&Key]) -> Part {
    let mut part = Part::new(&script::LOOK);
    keys.iter().for_each(|key| part.keys.push(&names.of(key)));
    part.answers = keys.len();
    part
}

/// One record.
pub fn seen(key: &Key, answer: Value) -> Result<Option<Entry>, StoreError> {
    let strange = || StoreError::Unavailable(STRANGE.to_owned());
    let parts = match answer {
        Value::Nil => return Ok(None),
        Value::Array(parts) => parts,
        _ => return Err(strange()),
    };
    let (record, pttl) = match <[Value; 2]>::try_from(parts) {
        Ok([Value::BulkString(bytes), Value::Int(pttl)]) => (Record::decode(&bytes), pttl),
        Ok([Value::Int(0), Value::Int(pttl)]) => (Err(Unreadable::OtherType), pttl),
        _ => return Err(strange()),
    };
    let left_ms = left_ms(record.as_ref(), pttl);
    Ok(Some(Entry { key: key.clone(), record, left_ms, void: false }))
}

/// Asks for names, from a cursor on.
pub fn scan(cursor: u64, pattern: &str, count: usize) -> Part {
    let mut part = Part::new(&script::SCAN);
    part.args.push_number(cursor);
    part.args.push(pattern.as_bytes());
    part.args.push_number(count as u64);
    part.answers = 1;
    part
}

/// The next cursor (0 at the end) and the keys that were found.
pub fn scanned(names: &Names, answer: Value) -> Option<(u64, Vec<Key>)> {
    let Value::Array(parts) = answer else { return None };
    let [Value::BulkString(cursor), Value::Array(found)] = <[Value; 2]>::try_from(parts).ok()? else {
        return None;
    };
    let cursor = std::str::from_utf8(&cursor).ok()?.parse().ok()?;
    let keys = found.iter().filter_map(|name| match name {
        Value::BulkString(name) => names.parse(name),
        _ => None,
    });
    Some((cursor, keys.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttemptId, Namespace};

    #[test]
    fn answers_of_a_strange_shape_are_no_outcome() {
        let claim = Claim {
            key: Key::new(&Namespace::new("n").unwrap(), b"k"),
            attempt: AttemptId::from_bytes([1; 16]),
            fingerprint: None,
            lease_ms: 1,
            keep_ms: 1,
            suspect_after: 1,
            alone: false,
        };
        let record = transition::claim(None, &claim).1.unwrap().record.encode();
        let says = |written| Value::Array(vec![Value::BulkString(record.clone()), Value::Int(5), written]);
        // The record is the asker's own, so nothing can have been written.
        assert!(matches!(claimed(&claim, says(Value::Int(0))), ClaimOutcome::Owned(_)));
        for strange in
            [says(Value::Int(1)), says(Value::Nil), Value::Okay, Value::Array(vec![]), Value::Int(-7)]
        {
            assert!(matches!(claimed(&claim, strange.clone()), ClaimOutcome::Unavailable(_)), "{strange:?}");
            assert!(seen(&claim.key, strange.clone()).is_err(), "{strange:?}");
            assert!(scanned(&Names::default(), strange).is_none());
        }
        assert!(matches!(settled(Value::BulkString(record)), SettleOutcome::Unavailable(_)));
        assert_eq!(settled(Value::Int(-2)), SettleOutcome::Lost { key: 1 });
        assert!(matches!(settled(Value::Int(i64::MIN)), SettleOutcome::Lost { .. }));
    }
}
