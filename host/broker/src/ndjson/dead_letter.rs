//! What could not be handled, kept in the shape of an input.

use crate::message::{Header, Malformed};

use super::encode::{HeaderList, Output, begin, end};

/// How the names of all headers begin that the host adds to a dead letter.
pub const HOST_HEADER_PREFIX: &str = "oncegate-";
/// The header that says why a delivery is a dead letter.
pub const REASON_HEADER: &str = "oncegate-reason";
/// The header that says which line of its source a malformed line was, counted from 1.
pub const LINE_HEADER: &str = "oncegate-line";
/// The header that says that the dead letter never was a message, and what it was: `line`, or `entry` of a stream, whose
/// payload then is the list of its fields.
pub const MALFORMED_HEADER: &str = "oncegate-malformed";

/// A message with what the host has to say about its end.
#[derive(Debug, Clone)]
pub struct DeadLetter<'a> {
    /// The message's id, unchanged.
    pub id: &'a str,
    /// The message's topic.
    pub topic: &'a str,
    /// The message's key.
    pub key: Option<&'a str>,
    /// The message's headers. Those that begin with [`HOST_HEADER_PREFIX`] are left out: they tell of an
    /// earlier end.
    pub headers: &'a [Header],
    /// The message's payload.
    pub payload: &'a [u8],
    /// What the host adds, after the message's own headers: names that begin with [`HOST_HEADER_PREFIX`],
    /// with their text.
    pub host_headers: Vec<(&'static str, String)>,
}

impl<'a> DeadLetter<'a> {
    /// The dead letter of what is no message: its id, the bytes that were kept as the payload, and its reason and
    /// line number as headers. `topic` is the source's default topic.
    pub fn of(malformed: &'a Malformed, topic: &'a str) -> Self {
        let kind = if malformed.line.is_some() { "line" } else { "entry" };
        let mut host_headers =
            vec![(REASON_HEADER, malformed.reason.clone()), (MALFORMED_HEADER, kind.to_owned())];
        host_headers.extend(malformed.line.map(|line| (LINE_HEADER, line.to_string())));
        Self { id: &malformed.id, topic, key: None, headers: &[], payload: &malformed.bytes, host_headers }
    }
}

/// Appends a dead letter to `lines` as one line, an envelope like those of [`encode`](super::encode): the
/// dead-letter file can be read as input again.
pub fn encode_dead_letter(letter: &DeadLetter<'_>, lines: &mut Vec<u8>) {
    let message = Output {
        id: letter.id,
        topic: letter.topic,
        key: letter.key,
        headers: letter.headers,
        payload: letter.payload,
    };
    begin(&message, lines);
    let mut headers = HeaderList::new(lines);
    for own in letter.headers.split(|header| header.name.starts_with(HOST_HEADER_PREFIX)) {
        headers.extend(own);
    }
    for (name, text) in &letter.host_headers {
        headers.text(name, text);
    }
    headers.close();
    end(&message, lines);
}

/// Appends a malformed line to `lines` as a [dead letter](DeadLetter::of).
pub fn encode_malformed(malformed: &Malformed, topic: &str, lines: &mut Vec<u8>) {
    encode_dead_letter(&DeadLetter::of(malformed, topic), lines);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Delivery, Message};
    use crate::ndjson::{DEFAULT_LINE_LIMIT, InputFormat, NdjsonSource};

    fn header(name: &str, value: &str) -> Header {
        Header { name: name.to_owned(), value: value.as_bytes().to_vec() }
    }

    fn read_back(lines: Vec<u8>) -> Message {
        let input = std::io::Cursor::new(lines);
        let mut source = NdjsonSource::from_reader("dead", input, InputFormat::Envelope, DEFAULT_LINE_LIMIT);
        match source.receive(10).unwrap().pop() {
            Some(Delivery::Message(message)) => message,
            other => panic!("not a message: {other:?}"),
        }
    }

    #[test]
    fn a_dead_letter_reads_back_as_its_message_with_the_hosts_headers_last() {
        let headers = [
            header("a", "1"),
            header("oncegate-reason", "old"),
            header("a", "2"),
            header("oncegate-x", "old"),
        ];
        let mut lines = Vec::new();
        encode_dead_letter(
            &DeadLetter {
                id: "7",
                topic: "payments",
                key: Some("k"),
                headers: &headers,
                payload: b"{\"x\": 1}",
                host_headers: vec![("oncegate-reason", "new".to_owned())],
            },
            &mut lines,
        );
        let message = read_back(lines);
        assert_eq!((message.id.as_str(), message.key.as_deref()), ("7", Some("k")));
        assert_eq!(message.headers, [header("a", "1"), header("a", "2"), header("oncegate-reason", "new")]);
        assert_eq!(message.payload, b"{\"x\": 1}");
    }

    #[test]
    fn a_malformed_line_reads_back_as_the_bytes_that_were_kept() {
        for bytes in [&b"{\"half\":"[..], b"\xff\xfe", b"", b"{\"id\": [], \"payload\": 1}"] {
            let malformed = Malformed {
                id: "in:9".to_owned(),
                line: Some(3),
                reason: "odd".to_owned(),
                bytes: bytes.to_vec(),
                ticket: None,
            };
            let mut lines = Vec::new();
            encode_malformed(&malformed, "in", &mut lines);
            let message = read_back(lines);
            assert_eq!((message.id.as_str(), message.topic.as_str()), ("in:9", "in"));
            let expected =
                [("oncegate-reason", "odd"), ("oncegate-malformed", "line"), ("oncegate-line", "3")];
            assert_eq!(message.headers, expected.map(|(name, value)| header(name, value)));
            assert_eq!(message.payload, bytes);
        }
    }
}
