//! Records and claim logs, as a disk holds them.

use std::collections::BTreeSet;

use oncegate_broker::Position;
use oncegate_dedup::store::Sentinel;
use oncegate_dedup::store::fuzzing::file;
use oncegate_dedup::{AttemptId, Fence, Fingerprint, Key, MAX_TEXT_BYTES, Namespace, Origin, Record, State};

use crate::bytes::Bytes;
use crate::clean;

pub const WORDS: &[&[u8]] = &[
    b"OGCLAIM\x01",
    b"\x01\x01\x00\x00",
    b"\x01\x03\x0c\x00",
    b"\x01a\x00k",
    b"\x04\x00",
    b"\xff\xff\xff\xff",
    b"oncegate sentinel 1 creation=",
    b" tag=",
    b" lease_ms=",
    b" run_id=",
];

pub fn seeds() -> Vec<Vec<u8>> {
    let record = |kind: u8| {
        let made =
            made(&mut Bytes(&[3, 0, 7, 7, 1, 2, 3, kind, 5, b't', b'e', b'x', b't', b'!', 3, 1, 2, 3]));
        [vec![kind], made.encode()].concat()
    };
    let log = [
        vec![2, 9, 9],
        vec![60, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 4],
        b"\x01a\x00k".to_vec(),
        vec![7; 29],
        vec![13, 2, 0, 0, 0, 0, 0, 0, 0, 2],
        b"\x01a\x00k".to_vec(),
        vec![9, 3, 0, 0, 0, 0, 0, 0, 0, 9],
    ];
    vec![record(0), record(1), log.concat(), [vec![3], file::log_head(1, 2, 3)].concat()]
}

pub fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    match bytes.byte() % 4 {
        0 => read_back(bytes.0),
        1 => written(&mut bytes),
        2 => log(&mut bytes),
        _ => strange_log(bytes.0),
    }
}

/// What can be read is what would be written, and why it cannot be read is said in a line.
fn read_back(bytes: &[u8]) {
    match Record::decode(bytes) {
        Ok(record) => {
            assert!(record.text.len() <= MAX_TEXT_BYTES);
            assert_eq!(record.encode(), bytes);
        }
        Err(unreadable) => clean::line(&unreadable.to_string(), 200),
    }
    if let Some((until_ms, record)) = file::opened(bytes) {
        assert_eq!(record.len() + 20, bytes.len());
        assert_eq!(until_ms.to_be_bytes(), bytes[..8]);
    }
    if let Ok(position) = Position::decode(bytes) {
        assert_eq!(position.encode(), bytes);
    }
    match Sentinel::read(bytes) {
        Ok(sentinel) => assert_eq!(sentinel.to_string().as_bytes(), bytes),
        Err(not_ours) => clean::line(&not_ours.to_string(), 300),
    }
}

fn made(bytes: &mut Bytes<'_>) -> Record {
    let state = bytes.one_of(&[State::Claimed, State::Released, State::Committed, State::Dead]);
    let id = |bytes: &mut Bytes<'_>| std::array::from_fn::<u8, 16, _>(|_| bytes.byte());
    Record {
        state,
        fence: Fence { sequence: bytes.number(), attempt: AttemptId::from_bytes(id(bytes)) },
        attempts: bytes.number() as u32,
        host_deaths: u32::from(bytes.byte()),
        keep_ms: bytes.number(),
        fingerprint: bytes.flag().then(|| Fingerprint::from_bytes(id(bytes))),
        forgotten: bytes.flag(),
        alone: bytes.flag(),
        died_alone: bytes.flag(),
        origin: bytes.flag().then(|| Origin::from_bytes(id(bytes))),
        text: String::from_utf8_lossy(bytes.part()).repeat(1 + bytes.below(40)),
        receipt: bytes.flag().then(|| bytes.part().to_vec()),
    }
}

fn written(bytes: &mut Bytes<'_>) {
    let record = made(bytes);
    let encoded = record.encode();
    let read = Record::decode(&encoded).expect("what was written is read");
    assert!(
        record.text.starts_with(&read.text) && read.text.len() + 3 >= record.text.len().min(MAX_TEXT_BYTES)
    );
    // Of a long text only the beginning is kept.
    let text = read.text.clone();
    assert_eq!(read, Record { text, ..record });
    let sealed = file::sealed(bytes.number(), 1, 2, &encoded);
    assert_eq!(file::opened(&sealed).map(|(_, record)| record), Some(encoded.as_slice()));
}

/// Lines whose checksums are right.
fn log(bytes: &mut Bytes<'_>) {
    let mut log = file::log_head(u32::from(bytes.byte()), bytes.byte().into(), 0);
    let head = log.len();
    let (mut claimed, mut ends) = (BTreeSet::new(), Vec::new());
    while !bytes.is_empty() && ends.len() < 64 {
        let body = bytes.part();
        if let Some(key) = key_of(body) {
            claimed.insert(key.to_vec());
        }
        log.extend(file::log_line(body));
        ends.push(log.len());
    }
    match file::log(&log) {
        Ok(left) => {
            for (key, _) in &left {
                assert!(claimed.contains(key), "a claim that no line made: {key:?}");
                assert!(Key::decode(key).is_some());
            }
            // A process may end at any byte of its last line.
            for cut in (0..=log.len()).step_by(1 + log.len() / 16) {
                assert!(file::log(&log[..cut]).is_ok(), "cut at {cut} of {}", log.len());
            }
        }
        Err(at) => assert!(at == head || ends.contains(&at), "{at} is no line's beginning"),
    }
    // A flipped bit is never taken for a claim.
    if let Some(byte) = log.get_mut(head + 8) {
        *byte ^= 1;
        if let Ok(left) = file::log(&log) {
            assert!(left.is_empty(), "a line with a wrong checksum was believed");
        }
    }
}

/// The key of a line that claims one.
fn key_of(body: &[u8]) -> Option<&[u8]> {
    let (1, rest) = body.split_first()? else { return None };
    let (&length, rest) = rest.get(24..)?.split_first()?;
    rest.get(..usize::from(length))
}

fn strange_log(bytes: &[u8]) {
    if let Err(at) = file::log(bytes) {
        assert!(at <= bytes.len());
    }
    let namespace = Namespace::new("a").expect("a good name");
    let key = Key::new(&namespace, bytes);
    let claim = [[1].as_slice(), &[0; 24], &[key.encoded().len() as u8], key.encoded(), bytes].concat();
    let log = [file::log_head(1, 1, 1), file::log_line(&claim)].concat();
    assert_eq!(file::log(&log), Ok(vec![(key.encoded().to_vec(), bytes.to_vec())]));
}
