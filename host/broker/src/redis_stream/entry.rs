//! An entry of a stream to a message.

use std::fmt;

use oncegate_redis::text::shown;

use crate::message::{Delivery, Header, Malformed, Message};
use crate::ticket::Ticket;

use super::packed::MOST_FIELDS;
use super::rendering;

/// The field that holds the payload. It alone is required.
pub const PAYLOAD: &str = "payload";
/// The field that holds the key.
pub const KEY: &str = "key";
/// The field that holds the topic.
pub const TOPIC: &str = "topic";
/// The field that holds the producer's message id.
pub const ID: &str = "id";
/// How the names of fields begin that hold headers.
pub const HEADER_PREFIX: &str = "header:";

/// How much of an unknown field's name is shown, in bytes.
const SHOWN_BYTES: usize = 60;

/// An entry's fields, names and values, in their order.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The delivery that an entry of the stream is.
pub fn delivery(stream: &str, ticket: Ticket, fields: Fields, message_limit: usize) -> Delivery {
    match check(&fields, message_limit) {
        Ok(()) => {}
        Err(why) => return Delivery::Malformed(malformed(ticket, &fields, &why)),
    }
    // What is wrong with the fields is told with all of them, so they are looked at before they are taken apart.
    let mut message = Message {
        id: ticket.entry_id(),
        topic: stream.to_owned(),
        key: None,
        headers: Vec::new(),
        payload: Vec::new(),
        published_ms: Some(ticket.entry.0),
        ticket: Some(ticket),
    };
    for (name, value) in fields {
        match name.as_slice() {
            b"payload" => message.payload = value,
            b"key" => message.key = Some(lossy(value)),
            b"topic" => message.topic = lossy(value),
            b"id" => message.id = lossy(value),
            header => {
                let name = header.get(HEADER_PREFIX.len()..).unwrap_or_default();
                message.headers.push(Header { name: lossy(name.to_vec()), value });
            }
        }
    }
    Delivery::Message(message)
}

/// Text that was found to be UTF-8.
fn lossy(text: Vec<u8>) -> String {
    String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn malformed(ticket: Ticket, fields: &Fields, why: &Misshapen) -> Malformed {
    Malformed {
        id: ticket.entry_id(),
        line: None,
        reason: why.to_string(),
        bytes: rendering::json(fields),
        ticket: Some(ticket),
    }
}

/// Why an entry is no message.
#[derive(Debug, PartialEq, Eq)]
enum Misshapen {
    NoPayload,
    Unknown(String),
    Repeated(&'static str),
    NotText(String),
    TooLarge { bytes: usize, limit: usize },
    TooMany(usize),
}

impl fmt::Display for Misshapen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPayload => write!(f, "it has no field {PAYLOAD}"),
            Self::Unknown(name) => write!(f, "it has an unknown field \"{name}\""),
            Self::Repeated(name) => write!(f, "it has the field {name} twice"),
            Self::NotText(what) => write!(f, "{what} is not UTF-8"),
            Self::TooLarge { bytes, limit } => write!(f, "it has {bytes} bytes, more than {limit}"),
            Self::TooMany(count) => write!(f, "it has {count} fields, more than {MOST_FIELDS}"),
        }
    }
}

fn check(fields: &Fields, message_limit: usize) -> Result<(), Misshapen> {
    let bytes = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > message_limit {
        return Err(Misshapen::TooLarge { bytes, limit: message_limit });
    }
    if fields.len() > MOST_FIELDS {
        return Err(Misshapen::TooMany(fields.len()));
    }
    let mut met = Vec::new();
    for (name, value) in fields {
        let known = [PAYLOAD, KEY, TOPIC, ID].into_iter().find(|known| known.as_bytes() == name);
        match known {
            Some(known) if met.contains(&known) => return Err(Misshapen::Repeated(known)),
            Some(known) => {
                met.push(known);
                if known != PAYLOAD && std::str::from_utf8(value).is_err() {
                    return Err(Misshapen::NotText(format!("the field {known}")));
                }
            }
            None if !name.starts_with(HEADER_PREFIX.as_bytes()) => {
                return Err(Misshapen::Unknown(shown(name, SHOWN_BYTES)));
            }
            None if std::str::from_utf8(name).is_err() => {
                return Err(Misshapen::NotText(format!("the field's name \"{}\"", shown(name, SHOWN_BYTES))));
            }
            None => {}
        }
    }
    if met.contains(&PAYLOAD) { Ok(()) } else { Err(Misshapen::NoPayload) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&[u8], &[u8])]) -> Delivery {
        let fields = fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        delivery("orders", Ticket { entry: (17, 2), count: 3 }, fields, 100)
    }

    #[test]
    fn a_payload_is_enough() {
        let Delivery::Message(message) = read(&[(b"payload", b"\xff")]) else { panic!("malformed") };
        assert_eq!((message.id.as_str(), message.topic.as_str()), ("17-2", "orders"));
        assert_eq!((message.key, message.headers, message.payload), (None, vec![], b"\xff".to_vec()));
        assert_eq!(message.published_ms, Some(17));
        assert_eq!(message.ticket, Some(Ticket { entry: (17, 2), count: 3 }));
    }

    #[test]
    fn all_fields_are_taken_and_headers_keep_their_order() {
        let Delivery::Message(message) = read(&[
            (b"header:b", b"1"),
            (b"topic", b"t"),
            (b"header:a", b"\xff"),
            (b"id", b"i"),
            (b"header:b", b""),
            (b"payload", b""),
            (b"key", b"k"),
            (b"header:", b"unnamed"),
        ]) else {
            panic!("malformed")
        };
        assert_eq!(
            (message.id.as_str(), message.topic.as_str(), message.key.as_deref()),
            ("i", "t", Some("k"))
        );
        let headers: Vec<_> =
            message.headers.iter().map(|header| (header.name.as_str(), header.value.as_slice())).collect();
        assert_eq!(headers, [("b", b"1".as_slice()), ("a", b"\xff"), ("b", b""), ("", b"unnamed")]);
    }

    #[test]
    fn every_other_shape_is_malformed_and_says_why() {
        for (fields, reason) in [
            (&[(b"key".as_slice(), b"k".as_slice())][..], "it has no field payload"),
            (&[], "it has no field payload"),
            (&[(b"payload", b""), (b"Payload", b"")], "it has an unknown field \"Payload\""),
            (&[(b"payload", b""), (b"\x1b\xff", b"")], "it has an unknown field \"\\u{1b}\\xff\""),
            (&[(b"payload", b"1"), (b"payload", b"2")], "it has the field payload twice"),
            (&[(b"payload", b""), (b"id", b"1"), (b"id", b"1")], "it has the field id twice"),
            (&[(b"payload", b""), (b"key", b"\xff")], "the field key is not UTF-8"),
            (&[(b"payload", b""), (b"topic", b"\xff")], "the field topic is not UTF-8"),
            (&[(b"payload", b""), (b"id", b"\xff")], "the field id is not UTF-8"),
            (&[(b"payload", b""), (b"header:\xff", b"")], "the field's name \"header:\\xff\" is not UTF-8"),
            (&[(b"payload", &[b'x'; 94])], "it has 101 bytes, more than 100"),
        ] {
            let Delivery::Malformed(malformed) = read(fields) else { panic!("not malformed: {reason}") };
            assert_eq!((malformed.reason.as_str(), malformed.id.as_str()), (reason, "17-2"));
            assert_eq!((malformed.line, malformed.ticket.map(|ticket| ticket.count)), (None, Some(3)));
        }
        let many = vec![(b"header:a".to_vec(), Vec::new()); MOST_FIELDS + 1];
        let ticket = Ticket { entry: (1, 1), count: 1 };
        let Delivery::Malformed(malformed) = delivery("s", ticket, many, usize::MAX) else { panic!() };
        assert_eq!(malformed.reason, "it has 3901 fields, more than 3900");
    }
}
