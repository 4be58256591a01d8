//! Entries of streams as messages and as dead letters.

use oncegate_broker::{
    DeadLetter, Delivery, Encoder as _, Entries, MOST_FIELDS, Output, StreamEncoder, Ticket, Topics, fuzzing,
};

use crate::bytes::Bytes;
use crate::clean;

pub const WORDS: &[&[u8]] = &[
    b"\x07payload",
    b"\x03key",
    b"\x02id",
    b"\x05topic",
    b"\x08header:a",
    b"\x07header:",
    b"\x0fheader:oncegate-",
    b"\xff",
    b"\x1b[2J",
    b"\x18header:oncegate-malformed",
    b"\x13header:oncegate-key",
    b"\x15header:oncegate-fence",
    b"\x05entry",
];

const NAMES: [&[u8]; 12] = [
    b"payload",
    b"id",
    b"topic",
    b"key",
    b"header:a",
    b"header:",
    b"header:oncegate-reason",
    b"header:oncegate-key",
    b"header:oncegate-fence",
    b"header:oncegate-malformed",
    b"Payload",
    b"header:\xff",
];

pub fn seeds() -> Vec<Vec<u8>> {
    vec![
        b"\xff\x01\x00\x01x".to_vec(),
        b"\xff\x07\x01\x02i1\x02\x01t\x03\x01k\x04\x01v\x05\x00\x04\x02\xff\xfe\x00\x05{\"a\"}".to_vec(),
        b"\xff\x04\x06\x03why\x07\x02\\n\x08\x227-000102030405060708090a0b0c0d0e0f\x00\x01x".to_vec(),
        b"\xff\x02\x09\x05entry\x00\x0b[[\"a\",\"b\"]]".to_vec(),
        b"\xff\x01\x0a\x01x".to_vec(),
        b"\x02\x01\x00\x09too large".to_vec(),
    ]
}

pub fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    let limit = match bytes.byte() {
        255 => 1 << 20,
        small => usize::from(small) * 4,
    };
    let count = bytes.below(64);
    let mut fields = Vec::new();
    for _ in 0..count {
        let name = match bytes.byte() {
            255 => bytes.part(),
            known => NAMES[usize::from(known) % NAMES.len()],
        };
        fields.push((name.to_vec(), bytes.part().to_vec()));
    }
    one((17, 2), fields, limit);
    packed(bytes.0);
}

/// One entry as a source reads it and as an operator sees it.
pub fn one(id: (u64, u64), fields: fuzzing::Fields, limit: usize) {
    let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    let ticket = Ticket { entry: id, count: 1 };
    let id = format!("{}-{}", id.0, id.1);
    let [line, json, page] = oncegate::fuzzing::letter(&id, fields.clone());
    clean::line(line.strip_suffix('\n').expect("a line"), 6 * (64 << 10));
    clean::line(json.strip_suffix('\n').expect("a line"), 12 * bytes + 6 * (64 << 10));
    clean::page(&page, fields.len().max(1) * 8 * (64 << 10));
    match fuzzing::delivery("in", ticket, fields.clone(), limit) {
        Delivery::Message(message) => {
            assert!(bytes <= limit && fields.len() <= MOST_FIELDS);
            let headers = fields.iter().filter(|(name, _)| name.starts_with(b"header:")).count();
            assert_eq!(message.headers.len(), headers);
            let known = [b"payload".as_slice(), b"id", b"topic", b"key"];
            let known = fields.iter().filter(|(name, _)| known.contains(&name.as_slice())).count();
            assert_eq!(known + headers, fields.len(), "a field has gone");
            let field = |wanted: &str| {
                let found = fields.iter().find(|(name, _)| name == wanted.as_bytes());
                found.map(|(_, value)| value.as_slice())
            };
            assert_eq!(field("payload"), Some(message.payload.as_slice()));
            assert_eq!(field("key"), message.key.as_ref().map(String::as_bytes));
            assert_eq!(field("topic").unwrap_or(b"in"), message.topic.as_bytes());
            assert_eq!(field("id").unwrap_or(id.as_bytes()), message.id.as_bytes());
            let named =
                fields.iter().filter_map(|(name, value)| Some((name.strip_prefix(b"header:")?, value)));
            let read = message.headers.iter().map(|header| (header.name.as_bytes(), &header.value));
            assert!(named.eq(read), "{:?}", message.headers);
            written(&message, ticket);
        }
        Delivery::Malformed(malformed) => {
            clean::line(&malformed.reason, 600);
            assert!(malformed.bytes.len() <= 64 << 10 && std::str::from_utf8(&malformed.bytes).is_ok());
            let mut entry = Vec::new();
            encoder().malformed(&malformed, "in", &mut entry);
            letter(&entry);
        }
    }
}

fn encoder() -> StreamEncoder {
    StreamEncoder::new(Topics::One("out".to_owned()))
}

/// What was read can be written and read again, the same to the byte.
fn written(message: &oncegate_broker::Message, ticket: Ticket) {
    let output = Output {
        id: &message.id,
        topic: &message.topic,
        key: message.key.as_deref(),
        headers: &message.headers,
        payload: &message.payload,
    };
    let mut entry = Vec::new();
    encoder().output(&output, &mut entry);
    let mut entries = Entries::new(&entry);
    let Some(Ok(found)) = entries.next() else {
        // Id and topic are fields of their own now.
        assert!(message.headers.len() + 4 > MOST_FIELDS);
        return;
    };
    assert_eq!((found.stream, entries.next()), (b"out".as_slice(), None));
    let fields: fuzzing::Fields =
        found.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let Delivery::Message(read) = fuzzing::delivery("in", ticket, fields, usize::MAX) else {
        panic!("malformed")
    };
    assert_eq!(&read, message);

    let reason = ("oncegate-reason", "why".to_owned());
    let dead = DeadLetter {
        id: output.id,
        topic: output.topic,
        key: output.key,
        headers: output.headers,
        payload: output.payload,
        host_headers: vec![reason],
    };
    let mut entry = Vec::new();
    encoder().dead_letter(&dead, &mut entry);
    letter(&entry);
}

/// A dead letter of the host's own is always readable.
fn letter(entry: &[u8]) {
    let Some(Ok(found)) = Entries::new(entry).next() else { panic!("no entry") };
    let fields = found.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let [line, ..] = oncegate::fuzzing::letter("1-1", fields);
    assert!(!line.starts_with("1-1  unreadable"), "{line}");
}

/// Entries as they lie packed between handlers and settles.
fn packed(bytes: &[u8]) {
    let mut count = 0;
    for entry in Entries::new(bytes) {
        count += 1;
        match entry {
            Ok(entry) => assert_eq!(entry.fields().count(), entry.count()),
            Err(error) => clean::line(&error.to_string(), 800),
        }
    }
    assert!(count <= bytes.len());
}
