//! Property: what is encoded is read back the same.

use std::io::Cursor;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::message::{Delivery, Header, Message};

use super::{DEFAULT_LINE_LIMIT, InputFormat, NdjsonSource, Output, encode};

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof!["-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,6})?", "[0-9]{1,3}", "-?0?1"]
}

fn json_string() -> impl Strategy<Value = String> {
    prop_oneof!["\"[a-z \\[\\]{}]{0,8}\"", r#""(\\u00[0-9a-f]{2}|\\n|\\"|\\\\|\\/|é|😀|\\ud800){0,6}""#]
}

/// JSON texts with odd white space, large numbers and duplicate members; some are slightly broken.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("null".to_owned()), Just("true".to_owned()), number(), json_string()];
    leaf.prop_recursive(6, 48, 5, |inner| {
        let padded = (space(), inner, space()).prop_map(|(a, b, c)| a + &b + &c).boxed();
        let member = (
            prop_oneof![Just("\"id\"".to_owned()), Just("\"payload\"".to_owned()), json_string()],
            padded.clone(),
        )
            .prop_map(|(name, value)| format!("{name}:{value}"));
        prop_oneof![
            vec(padded, 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(", "))),
        ]
    })
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..64),
        any::<String>().prop_map(String::into_bytes),
        json_text().prop_map(String::into_bytes),
        (space(), json_text(), space()).prop_map(|(a, b, c)| (a + &b + &c).into_bytes()),
        (120usize..135, 0usize..3)
            .prop_map(|(deep, less)| ("[".repeat(deep) + &"]".repeat(deep - less)).into_bytes()),
        (120usize..135).prop_map(|deep| ("{\"\":".repeat(deep) + "0" + &"}".repeat(deep)).into_bytes()),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    let value = prop_oneof![vec(any::<u8>(), 0..8), any::<String>().prop_map(String::into_bytes)];
    (prop_oneof!["[ab]", any::<String>()], value).prop_map(|(name, value)| Header { name, value })
}

prop_compose! {
    fn message()(
        id in any::<String>(),
        topic in any::<String>(),
        key in option::of(any::<String>()),
        headers in vec(header(), 0..6),
        payload in payload(),
    ) -> Message {
        Message { id, topic, key, headers, payload, published_ms: None, ticket: None }
    }
}

fn encode_all(messages: &[Message]) -> Vec<u8> {
    let mut lines = Vec::new();
    for m in messages {
        let output = Output {
            id: &m.id,
            topic: &m.topic,
            key: m.key.as_deref(),
            headers: &m.headers,
            payload: &m.payload,
        };
        encode(&output, &mut lines);
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_encoded_reads_back_the_same(messages in vec(message(), 1..4)) {
        let lines = encode_all(&messages);
        prop_assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), messages.len());
        for format in [InputFormat::Auto, InputFormat::Envelope] {
            let mut source =
                NdjsonSource::from_reader("x", Cursor::new(lines.clone()), format, DEFAULT_LINE_LIMIT);
            let read = source.receive(100).unwrap();
            let expected = messages.iter().cloned().map(Delivery::Message).collect::<Vec<_>>();
            prop_assert_eq!(&read, &expected, "{:?}", String::from_utf8_lossy(&lines));
        }
    }

    #[test]
    fn no_input_panics_and_every_line_that_is_not_blank_is_delivered(
        lines in vec(prop_oneof![payload(), Just(b"{\"payload\":".to_vec())], 0..8),
        limit in 0usize..200,
    ) {
        let input = lines.join(&b'\n');
        let lines = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&input).split(|byte| *byte == b'\n');
        let expected = lines.filter(|line| !line.trim_ascii().is_empty()).count();
        for format in [InputFormat::Auto, InputFormat::Envelope, InputFormat::Raw] {
            let mut source = NdjsonSource::from_reader("x", Cursor::new(input.clone()), format, limit);
            let mut read = 0;
            loop {
                match source.receive(2).unwrap().len() {
                    0 => break,
                    batch => read += batch,
                }
            }
            // A blank line beyond the limit is malformed rather than looked through.
            prop_assert!(read >= expected);
        }
    }
}
