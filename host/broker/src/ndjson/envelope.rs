//! One line of text to the fields of a message.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::message::Header;

use super::format::InputFormat;
use super::headers;
use super::json::{self, MAX_NESTING};
use super::line_error::{LineError, shown};
use super::name::Name;

/// What a line says; what it leaves out is `None` and filled in from where the line stands.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) id: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) headers: Vec<Header>,
    pub(crate) payload: Vec<u8>,
}

/// Reads one line, which is not blank.
pub(crate) fn parse(line: &str, format: InputFormat) -> Result<Fields, LineError> {
    let value = json::trim(line);
    let members = if format != InputFormat::Raw && value.starts_with('{') {
        Some(Members::parse(line)?)
    } else {
        json::validate(line)?;
        None
    };
    if json::nests_deeper(value, MAX_NESTING) {
        return Err(LineError::TooDeep);
    }
    match (format, members.map(Members::content)) {
        (_, Some(Ok(content))) => content.fields(),
        (InputFormat::Envelope, Some(Err(problem))) => Err(problem.into()),
        (InputFormat::Envelope, None) => Err(LineError::NotObject { found: json::kind(value) }),
        _ => Ok(Fields { payload: payload_bytes(value)?, ..Fields::default() }),
    }
}

/// A JSON payload is its bytes as they stand, but a string is its text.
fn payload_bytes(value: &str) -> Result<Vec<u8>, LineError> {
    if value.starts_with('"') {
        return Ok(json::string_text(value, "payload")?.into_owned().into_bytes());
    }
    Ok(value.as_bytes().to_vec())
}

/// The members of an object that may be an envelope, not yet looked into: what they hold matters only once
/// it is one.
#[derive(Default)]
struct Members<'a> {
    id: Option<&'a RawValue>,
    topic: Option<&'a RawValue>,
    key: Option<&'a RawValue>,
    headers: Option<&'a RawValue>,
    payload: Option<&'a RawValue>,
    payload_base64: Option<&'a RawValue>,
    /// The first thing found that an envelope cannot have; nothing is collected after it.
    stranger: Option<Stranger<'a>>,
}

enum Stranger<'a> {
    Unknown(Cow<'a, str>),
    Repeated(&'static str),
}

/// Why an object is no envelope.
enum NoEnvelope<'a> {
    Stranger(Stranger<'a>),
    NoPayload,
    TwoPayloads,
}

impl From<NoEnvelope<'_>> for LineError {
    fn from(problem: NoEnvelope<'_>) -> Self {
        match problem {
            NoEnvelope::Stranger(Stranger::Unknown(name)) => Self::UnknownMember { name: shown(&name) },
            NoEnvelope::Stranger(Stranger::Repeated(name)) => Self::RepeatedMember { name },
            NoEnvelope::NoPayload => Self::NoPayload,
            NoEnvelope::TwoPayloads => Self::TwoPayloads,
        }
    }
}

impl<'a> Members<'a> {
    fn parse(object: &'a str) -> Result<Self, LineError> {
        match serde_json::from_str(object) {
            Ok(members) => Ok(members),
            Err(_) => {
                // Valid JSON still fails above if a name has half a surrogate pair: such a name is no
                // envelope's, and the object can be a payload all the same.
                json::validate(object)?;
                let stranger = Some(Stranger::Unknown("with a lone surrogate".into()));
                Ok(Self { stranger, ..Self::default() })
            }
        }
    }

    /// The members as an envelope, or why they are none.
    fn content(self) -> Result<Content<'a>, NoEnvelope<'a>> {
        if let Some(stranger) = self.stranger {
            return Err(NoEnvelope::Stranger(stranger));
        }
        let payload = match (self.payload, self.payload_base64) {
            (Some(value), None) => Payload::Json(value.get()),
            (None, Some(value)) => Payload::Base64(value.get()),
            (None, None) => return Err(NoEnvelope::NoPayload),
            (Some(_), Some(_)) => return Err(NoEnvelope::TwoPayloads),
        };
        Ok(Content {
            id: present(self.id),
            topic: present(self.topic),
            key: present(self.key),
            headers: present(self.headers),
            payload,
        })
    }

    fn slot(&mut self, member: Member) -> &mut Option<&'a RawValue> {
        match member {
            Member::Id => &mut self.id,
            Member::Topic => &mut self.topic,
            Member::Key => &mut self.key,
            Member::Headers => &mut self.headers,
            Member::Payload => &mut self.payload,
            Member::PayloadBase64 => &mut self.payload_base64,
        }
    }
}

/// A member that is null says as much as one that is missing.
fn present(member: Option<&RawValue>) -> Option<&str> {
    member.map(RawValue::get).filter(|value| *value != "null")
}

enum Payload<'a> {
    Json(&'a str),
    Base64(&'a str),
}

/// An envelope whose members have still to be decoded.
struct Content<'a> {
    id: Option<&'a str>,
    topic: Option<&'a str>,
    key: Option<&'a str>,
    headers: Option<&'a str>,
    payload: Payload<'a>,
}

impl Content<'_> {
    fn fields(self) -> Result<Fields, LineError> {
        Ok(Fields {
            id: self.id.map(id).transpose()?,
            topic: self.topic.map(|v| string(v, "topic", "a string")).transpose()?,
            key: self.key.map(|v| string(v, "key", "a string or null")).transpose()?,
            headers: self.headers.map(headers::parse).transpose()?.unwrap_or_default(),
            payload: match self.payload {
                Payload::Json(value) => payload_bytes(value)?,
                Payload::Base64(value) => base64_bytes(value)?,
            },
        })
    }
}

/// A number's text is kept as it was written: 1e3 and 1000 are two ids, and no digit is lost.
fn id(value: &str) -> Result<String, LineError> {
    if value.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Ok(value.to_owned());
    }
    string(value, "id", "a string, a number or null")
}

fn string(value: &str, member: &'static str, expected: &'static str) -> Result<String, LineError> {
    if !value.starts_with('"') {
        return Err(LineError::WrongType { member, expected });
    }
    Ok(json::string_text(value, member)?.into_owned())
}

fn base64_bytes(value: &str) -> Result<Vec<u8>, LineError> {
    const MEMBER: &str = "payload_base64";
    if !value.starts_with('"') {
        return Err(LineError::WrongType { member: MEMBER, expected: "a string of base64" });
    }
    let text = json::string_text(value, MEMBER)?;
    STANDARD
        .decode(text.as_bytes())
        .map_err(|e| LineError::NotBase64 { place: format!("member {MEMBER:?}"), problem: e.to_string() })
}

#[derive(Clone, Copy)]
enum Member {
    Id,
    Topic,
    Key,
    Headers,
    Payload,
    PayloadBase64,
}

impl Member {
    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Topic => "topic",
            Self::Key => "key",
            Self::Headers => "headers",
            Self::Payload => "payload",
            Self::PayloadBase64 => "payload_base64",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "topic" => Self::Topic,
            "key" => Self::Key,
            "headers" => Self::Headers,
            "payload" => Self::Payload,
            "payload_base64" => Self::PayloadBase64,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some(Name(name)) = map.next_key()? {
                    members.take(name, &mut map)?;
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

impl<'de> Members<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        if self.stranger.is_none() {
            match Member::from_name(&name) {
                Some(member) if self.slot(member).is_none() => {
                    *self.slot(member) = Some(map.next_value()?);
                    return Ok(());
                }
                Some(member) => self.stranger = Some(Stranger::Repeated(member.name())),
                None => self.stranger = Some(Stranger::Unknown(name)),
            }
        }
        map.next_value::<IgnoredAny>().map(drop)
    }
}
