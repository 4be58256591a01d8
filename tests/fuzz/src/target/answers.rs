//! What a Redis answers to the store's scripts and to a stream's readers.

use oncegate_broker::fuzzing as stream;
use oncegate_dedup::store::fuzzing::redis;
use oncegate_dedup::store::{Claim, ClaimOutcome, SettleOutcome};
use oncegate_dedup::{AttemptId, Key, Namespace, Record};
use oncegate_redis::redis::{Value, parse_redis_value};
use oncegate_redis::{Failure, Secret, redis::RedisError};

use super::entries;
use crate::clean;

pub const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"*3\r\n",
    b"*2\r\n",
    b"*-1\r\n",
    b"$-1\r\n",
    b":1\r\n",
    b":-1\r\n",
    b":0\r\n",
    b"_\r\n",
    b"%1\r\n",
    b"-NOGROUP ",
    b"-MOVED 1 h:1\r\n",
    b"$7\r\npayload\r\n",
    b"$3\r\n1-1\r\n",
    b"hunter2",
    b"=8\r\ntxt:1234\r\n",
    b"\x1b[2J",
];

fn claim() -> Claim {
    Claim {
        key: Key::new(&Namespace::new("n").expect("a good name"), b"k"),
        attempt: AttemptId::from_bytes([7; 16]),
        fingerprint: None,
        lease_ms: 1000,
        keep_ms: 2000,
        suspect_after: 1,
        alone: false,
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let (_, write) = oncegate_dedup::transition::claim(None, &claim());
    let record = write.map(|write| write.record.encode()).unwrap_or_default();
    let bulk = |bytes: &[u8]| [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let other = {
        let mut other = record.clone();
        other[12] ^= 1;
        other
    };
    vec![
        [b"*3\r\n".as_slice(), &bulk(&record), b":5\r\n:0\r\n"].concat(),
        [b"*3\r\n".as_slice(), &bulk(&other), b":5\r\n:0\r\n"].concat(),
        [b"*2\r\n".as_slice(), &bulk(&record), b":5\r\n"].concat(),
        [b"*2\r\n$1\r\n0\r\n*1\r\n".as_slice(), &bulk(b"oncegate:1:n:k:a")].concat(),
        b"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$7\r\npayload\r\n$1\r\nx\r\n".to_vec(),
        b"*1\r\n*4\r\n$3\r\n1-1\r\n$1\r\nc\r\n:5\r\n:1\r\n".to_vec(),
        b"-NOGROUP no \x1b[2J group\r\n".to_vec(),
        b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2' \r\n".to_vec(),
        b":3\r\n".to_vec(),
        b"$-1\r\n".to_vec(),
    ]
}

pub fn run(input: &[u8]) {
    let answer = match parse_redis_value(input) {
        Ok(Value::ServerError(error)) => return refused(&error.into()),
        Ok(answer) => answer,
        Err(error) => return refused(&error),
    };
    claimed(answer.clone());
    match redis::settled(answer.clone()) {
        SettleOutcome::Unavailable(why) => clean::line(&why, 300),
        SettleOutcome::Unreadable(why) => clean::line(&why.to_string(), 300),
        SettleOutcome::Applied { .. } | SettleOutcome::Lost { .. } => {}
    }
    match redis::seen(&claim().key, answer.clone()) {
        Ok(Some(entry)) => assert_eq!(entry.key, claim().key),
        Ok(None) => {}
        Err(error) => clean::line(&error.to_string(), 300),
    }
    for key in redis::scanned(answer.clone()).into_iter().flat_map(|(_, keys)| keys) {
        assert_eq!(Key::decode(key.encoded()), Some(key));
    }
    stream::pending(answer.clone());
    for (entry, fields) in stream::entries(answer).into_iter().flatten() {
        entries::one(entry, fields, 1 << 20);
    }
}

/// A claim is granted only on the word of a record that says so, or of none.
fn claimed(answer: Value) {
    let record = match &answer {
        Value::Array(parts) => match parts.first() {
            Some(Value::BulkString(bytes)) => Record::decode(bytes).ok(),
            _ => None,
        },
        _ => None,
    };
    let absent = answer == Value::Nil;
    let written = matches!(&answer, Value::Array(parts) if parts.last() == Some(&Value::Int(1)));
    match redis::claimed(&claim(), answer) {
        ClaimOutcome::First(_) => assert!(absent || written, "granted, and nothing was written"),
        ClaimOutcome::Owned(_) => {
            assert_eq!(
                record.map(|record| record.fence.attempt),
                Some(claim().attempt),
                "granted to another"
            );
        }
        ClaimOutcome::Unavailable(why) => clean::line(&why, 300),
        ClaimOutcome::Unreadable(why) => clean::line(&why.to_string(), 300),
        _ => {}
    }
}

/// What a server says instead of an answer is shown without the password that it may repeat.
fn refused(error: &RedisError) {
    let explained = oncegate_redis::explained(error, Some(&Secret::new("hunter2")));
    clean::line(&explained, 6 * 300 + 3);
    let failure = format!("{:?}", Failure::of(error, Some(&Secret::new("hunter2"))));
    assert!(!explained.contains("hunter2") && !failure.contains("hunter2"), "{explained} {failure}");
}
