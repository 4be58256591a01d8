//! Outputs and dead letters as entries of streams.

use crate::message::Header;
use crate::ndjson::{DeadLetter, HOST_HEADER_PREFIX, Output};
use crate::{Encoder, Malformed};

use super::entry::{HEADER_PREFIX, ID, KEY, PAYLOAD, TOPIC};
use super::packed::{MOST_FIELDS, Packer};
use super::topics::Topics;

/// The header that says how many headers of a dead letter were left out: an entry holds fewer than a line may.
const CUT_HEADER: &str = "oncegate-headers-left-out";

/// Fields that are no headers.
const OTHER_FIELDS: usize = 4;

/// Writes outputs and dead letters down as entries of streams, in the shape that
/// [`RedisStreamSource`](super::RedisStreamSource) reads: what is read back is the same to the byte. What it writes is
/// read by [`Entries`](super::Entries).
#[derive(Debug, Clone)]
pub struct StreamEncoder {
    topics: Topics,
}

impl StreamEncoder {
    /// Writes each topic's entries for its stream.
    pub fn new(topics: Topics) -> Self {
        Self { topics }
    }
}

impl Encoder for StreamEncoder {
    fn output(&self, output: &Output<'_>, bytes: &mut Vec<u8>) {
        let Some(stream) = self.topics.stream_of(output.topic) else {
            return Packer::no_stream(output.topic, bytes);
        };
        let mut packer = Packer::new(stream, bytes);
        begin(&mut packer, output.id, output.topic, output.key);
        for header in output.headers {
            packer.prefixed(HEADER_PREFIX, &header.name, &header.value);
        }
        packer.field(PAYLOAD, output.payload);
    }

    fn dead_letter(&self, letter: &DeadLetter<'_>, bytes: &mut Vec<u8>) {
        let Some(stream) = self.topics.stream_of(letter.topic) else {
            return Packer::no_stream(letter.topic, bytes);
        };
        let mut packer = Packer::new(stream, bytes);
        begin(&mut packer, letter.id, letter.topic, letter.key);
        // One more for the header that counts what is left out.
        let room = MOST_FIELDS.saturating_sub(OTHER_FIELDS + letter.host_headers.len() + 1);
        let own = || letter.headers.iter().filter(|header| !header.name.starts_with(HOST_HEADER_PREFIX));
        own().take(room).for_each(|Header { name, value }| packer.prefixed(HEADER_PREFIX, name, value));
        for (name, text) in &letter.host_headers {
            packer.prefixed(HEADER_PREFIX, name, text.as_bytes());
        }
        let left_out = own().count().saturating_sub(room);
        if left_out > 0 {
            packer.prefixed(HEADER_PREFIX, CUT_HEADER, left_out.to_string().as_bytes());
        }
        packer.field(PAYLOAD, letter.payload);
    }

    fn malformed(&self, malformed: &Malformed, topic: &str, bytes: &mut Vec<u8>) {
        self.dead_letter(&DeadLetter::of(malformed, topic), bytes);
    }
}

fn begin(packer: &mut Packer<'_>, id: &str, topic: &str, key: Option<&str>) {
    packer.field(ID, id.as_bytes());
    packer.field(TOPIC, topic.as_bytes());
    if let Some(key) = key {
        packer.field(KEY, key.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::packed::Entries;
    use super::*;

    #[test]
    fn names_that_a_guest_chose_are_fields_of_their_own_whatever_is_in_them() {
        let hostile = "a\r\n$3\r\nDEL\r\n\0 header:payload \u{202e}";
        let headers = [
            Header { name: hostile.to_owned(), value: b"v".to_vec() },
            Header { name: "payload".to_owned(), value: b"p".to_vec() },
        ];
        let output =
            Output { id: hostile, topic: hostile, key: Some(hostile), headers: &headers, payload: b"1" };
        let mut bytes = Vec::new();
        StreamEncoder::new(Topics::One("stream".to_owned())).output(&output, &mut bytes);
        let [Ok(entry)] = &*Entries::new(&bytes).collect::<Vec<_>>() else { panic!("one entry") };
        assert_eq!(entry.stream, b"stream");
        let fields: Vec<(&[u8], &[u8])> = entry.fields().collect();
        let name = format!("header:{hostile}");
        let hostile = hostile.as_bytes();
        assert_eq!(
            fields,
            [
                (ID.as_bytes(), hostile),
                (TOPIC.as_bytes(), hostile),
                (KEY.as_bytes(), hostile),
                (name.as_bytes(), b"v"),
                (b"header:payload", b"p"),
                (PAYLOAD.as_bytes(), b"1"),
            ]
        );
        // A topic without a stream of its own goes nowhere, whatever it is called.
        let mut bytes = Vec::new();
        StreamEncoder::new(Topics::Map([("t".to_owned(), "stream".to_owned())].into()))
            .output(&output, &mut bytes);
        assert!(matches!(&*Entries::new(&bytes).collect::<Vec<_>>(), [Err(_)]));
    }
}
