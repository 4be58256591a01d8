//! Lines of JSON, in each format.

use std::io::{Cursor, Read};

use oncegate_broker::{
    Delivery, InputFormat, Malformed, Message, NdjsonSource, Output, Source as _, encode, encode_malformed,
};

use crate::bytes::Bytes;
use crate::clean;

pub const WORDS: &[&[u8]] = &[
    b"{\"id\":",
    b"\"payload\":",
    b"\"payload_base64\":",
    b"\"headers\":",
    b"\"topic\":",
    b"\"key\":",
    b"{\"base64\":\"/w==\"}",
    b"\\ud800",
    b"\\u0000",
    b"\n",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"1e999",
    b"-0",
    b"[[[[[[[[",
    b"{\"a\":{\"a\":",
    b"null",
    b"\xe2\x80\xae",
];

const FORMATS: [InputFormat; 3] = [InputFormat::Auto, InputFormat::Envelope, InputFormat::Raw];

pub fn seeds() -> Vec<Vec<u8>> {
    let envelope = r#"{"id":"m1","topic":"t","key":"k","headers":{"a":"1","b":["x",{"base64":"/w=="}]},"payload":{"n":1.0}}"#;
    let texts = [
        envelope,
        "{\"payload\":\"text\"}\r\n\n{\"payload_base64\":\"/wA=\",\"id\":7}\n[1, 2]\n\"\\u00e9\\n\"\nnull",
        "{\"payload\":1,\"payload\":2}\n{\"payload\":1,\"\u{202e}\\u001b\":2}\n{\"payload\":1,\"headers\":{\"x\":7}}\n{",
        "\u{feff}{\"id\":null,\"payload\":null}\n   \n[[[[]]]]",
    ];
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for format in 0..3 {
        seeds.extend(texts.iter().map(|text| [&[format, 255, 3], text.as_bytes()].concat()));
    }
    seeds.push([&[0u8, 8, 1], envelope.as_bytes()].concat());
    seeds.push(
        [
            &[1u8, 255, 1],
            "{\"payload\":".as_bytes(),
            "[".repeat(140).as_bytes(),
            "]".repeat(140).as_bytes(),
            b"}",
        ]
        .concat(),
    );
    seeds
}

pub fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    let format = bytes.one_of(&FORMATS);
    let limit = match bytes.byte() {
        255 => 1 << 20,
        small => usize::from(small) * 4,
    };
    let at_once = usize::from(bytes.byte()).max(1);
    let input = bytes.0;
    let deliveries = read(Cursor::new(input.to_vec()), format, limit, at_once);
    let trickled = read(Trickle { bytes: input.to_vec(), at: 0, step: at_once }, format, limit, 1);
    assert_eq!(deliveries, trickled, "what is read depends on how it arrives");

    let lines = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input).split(|byte| *byte == b'\n');
    let expected = lines.filter(|line| !line.trim_ascii().is_empty()).count();
    let lines = 1 + input.iter().filter(|byte| **byte == b'\n').count();
    // A blank line beyond the limit is malformed rather than looked through.
    assert!((expected..=lines).contains(&deliveries.len()), "{} of {expected} lines", deliveries.len());
    for delivery in &deliveries {
        match delivery {
            Delivery::Message(message) => written(message),
            Delivery::Malformed(malformed) => refused(malformed, input),
        }
    }
}

/// Hands out so many bytes at a time.
struct Trickle {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(self.step).min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

fn read(
    input: impl Read + Send + 'static,
    format: InputFormat,
    limit: usize,
    at_once: usize,
) -> Vec<Delivery> {
    let mut source = NdjsonSource::from_reader("in.ndjson", input, format, limit);
    assert_eq!(source.name(), "in.ndjson");
    let mut all = Vec::new();
    loop {
        let batch = source.receive(at_once).expect("memory can be read");
        if batch.is_empty() {
            return all;
        }
        assert!(batch.len() <= at_once);
        all.extend(batch);
    }
}

/// What was read can be written on one line and read again, the same to the byte.
fn written(message: &Message) {
    let mut line = Vec::new();
    let output = Output {
        id: &message.id,
        topic: &message.topic,
        key: message.key.as_deref(),
        headers: &message.headers,
        payload: &message.payload,
    };
    encode(&output, &mut line);
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    let read = read(Cursor::new(line), InputFormat::Envelope, usize::MAX >> 1, 10);
    assert_eq!(read, [Delivery::Message(message.clone())]);
}

/// The reason is a line, what is kept is a part of the input, and the dead letter can be read.
fn refused(malformed: &Malformed, input: &[u8]) {
    clean::line(&malformed.reason, 600);
    let kept = &malformed.bytes;
    assert!(kept.len() <= 64 << 10);
    let offset = malformed.id.rsplit_once(':').and_then(|(_, offset)| offset.parse::<usize>().ok());
    let from = &input[offset.expect("an offset")..];
    assert!(from.strip_prefix(b"\xef\xbb\xbf").unwrap_or(from).starts_with(kept) || from.starts_with(kept));
    let mut line = Vec::new();
    encode_malformed(malformed, "in", &mut line);
    let letters = read(Cursor::new(line), InputFormat::Envelope, usize::MAX >> 1, 10);
    let [Delivery::Message(letter)] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(&letter.payload, kept);
}
