//! The `headers` member of an envelope.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::message::Header;

use super::json;
use super::line_error::{LineError, shown};
use super::name::Name;

const OBJECT: &str = "an object of names and values";
const VALUE: &str = "a string, an array of strings, or {\"base64\": \"...\"}";
const IN_ARRAY: &str = "an array in which each value is a string or {\"base64\": \"...\"}";

/// What repeated names in arrays may add to a line, in bytes. An array repeats its name for each value, so
/// that without a bound one line of 1 MiB could stand for a hundred GiB.
pub(super) const REPEATED_BYTES: usize = 1 << 20;

/// Reads valid JSON text: an object of name to string, to `{"base64": "..."}`, or to an array of those (a
/// repeated header). A member name may repeat too; order and repetition are kept.
pub(crate) fn parse(text: &str) -> Result<Vec<Header>, LineError> {
    if !text.starts_with('{') {
        return Err(LineError::WrongType { member: "headers", expected: OBJECT });
    }
    match serde_json::from_str::<Headers>(text) {
        Ok(Headers { problem: Some(problem), .. }) => Err(problem),
        Ok(Headers { list, .. }) => Ok(list),
        // The text is known to be valid, so what fails here is half a surrogate pair in a name.
        Err(_) => Err(LineError::LoneSurrogate { place: "a header's name" }),
    }
}

#[derive(Default)]
struct Headers {
    list: Vec<Header>,
    /// How many bytes of names arrays have repeated.
    repeated_bytes: usize,
    /// The first thing that no header can be; nothing is collected after it.
    problem: Option<LineError>,
}

impl Headers {
    fn push(&mut self, name: Cow<'_, str>, text: &str) -> Result<(), LineError> {
        if text.starts_with('[') {
            return self.push_array(&name, text);
        }
        let value = value(&name, text, VALUE)?;
        self.list.push(Header { name: name.into_owned(), value });
        Ok(())
    }

    fn push_array(&mut self, name: &str, text: &str) -> Result<(), LineError> {
        let items = serde_json::from_str::<Vec<&RawValue>>(text)
            .map_err(|_| LineError::WrongHeader { name: shown(name), expected: IN_ARRAY })?;
        let repeated = name.len().saturating_mul(items.len().saturating_sub(1));
        self.repeated_bytes = self.repeated_bytes.saturating_add(repeated);
        if self.repeated_bytes > REPEATED_BYTES {
            return Err(LineError::RepeatedHeaders { limit: REPEATED_BYTES });
        }
        for item in items {
            let value = value(name, item.get(), IN_ARRAY)?;
            self.list.push(Header { name: name.to_owned(), value });
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;
        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut headers = Headers::default();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    if headers.problem.is_none() {
                        headers.problem = headers.push(name, value.get()).err();
                    }
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_map(HeadersVisitor)
    }
}

fn value(name: &str, text: &str, expected: &'static str) -> Result<Vec<u8>, LineError> {
    match text.as_bytes().first() {
        Some(b'"') => Ok(json::string_text(text, "a header's value")?.into_owned().into_bytes()),
        Some(b'{') => base64_value(name, text, expected),
        _ => Err(LineError::WrongHeader { name: shown(name), expected }),
    }
}

/// Exactly this member, once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64<'a> {
    #[serde(borrow)]
    base64: &'a RawValue,
}

fn base64_value(name: &str, text: &str, expected: &'static str) -> Result<Vec<u8>, LineError> {
    let wrong = || LineError::WrongHeader { name: shown(name), expected };
    let value = serde_json::from_str::<Base64<'_>>(text).map_err(|_| wrong())?.base64.get();
    if !value.starts_with('"') {
        return Err(wrong());
    }
    let encoded = json::string_text(value, "a header's value")?;
    STANDARD.decode(encoded.as_bytes()).map_err(|e| LineError::NotBase64 {
        place: format!("header \"{}\"", shown(name)),
        problem: e.to_string(),
    })
}
