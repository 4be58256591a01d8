//! What tells one event from another of the same key.

use std::str::FromStr;

use anyhow::{Result, bail};
use oncegate_dedup::Fingerprint;
use oncegate_sandbox::Message;

/// Over what a fingerprint is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FingerprintOf {
    /// The payload's bytes.
    Payload,
    /// The values of the headers of this name, in order.
    Header(String),
    /// What stands at this JSON pointer in the payload; the whole payload if nothing does.
    Json(String),
    /// No fingerprint: deliveries of one key are the same event, whatever they carry.
    Off,
}

impl FromStr for FingerprintOf {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            None if text == "payload" => Ok(Self::Payload),
            None if text == "off" => Ok(Self::Off),
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_owned())),
            Some(("json", pointer)) if pointer.starts_with('/') => Ok(Self::Json(pointer.to_owned())),
            _ => bail!("policy.fingerprint takes payload, header:NAME, json:/POINTER or off, not {text:?}"),
        }
    }
}

impl FingerprintOf {
    /// The fingerprint of a message; none if fingerprints are off.
    pub fn of(&self, message: &Message) -> Option<Fingerprint> {
        match self {
            Self::Payload => Some(Fingerprint::of(&message.payload)),
            Self::Header(name) => {
                let values = message.headers.iter().filter(|header| header.name == *name);
                let values: Vec<&[u8]> = values.map(|header| header.value.as_slice()).collect();
                Some(Fingerprint::from_bytes(oncegate_dedup::digest::short(&values)))
            }
            Self::Json(pointer) => {
                let payload = serde_json::from_slice::<serde_json::Value>(&message.payload).ok();
                let value = payload.as_ref().and_then(|payload| payload.pointer(pointer));
                Some(match value {
                    Some(value) => Fingerprint::of(value.to_string().as_bytes()),
                    None => Fingerprint::of(&message.payload),
                })
            }
            Self::Off => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oncegate_sandbox::Header;

    fn message(payload: &str, headers: &[(&str, &str)]) -> Message {
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).to_owned(),
            value: value.as_bytes().to_vec(),
        };
        Message {
            id: "1".into(),
            topic: "t".into(),
            key: None,
            headers: headers.iter().map(header).collect(),
            payload: payload.into(),
            attempt: 1,
            published_ms: None,
        }
    }

    #[test]
    fn only_the_named_part_counts() {
        let by = |text: &str, message: &Message| text.parse::<FingerprintOf>().unwrap().of(message);
        let (a, b) =
            (message(r#"{"id":1,"at":5}"#, &[("h", "x")]), message(r#"{"id":1, "at":6}"#, &[("h", "x")]));
        assert_ne!(by("payload", &a), by("payload", &b));
        assert_eq!(by("json:/id", &a), by("json:/id", &b));
        assert_ne!(by("json:/at", &a), by("json:/at", &b));
        assert_ne!(by("json:/none", &a), by("json:/none", &b));
        assert_eq!(by("header:h", &a), by("header:h", &b));
        assert_ne!(by("header:h", &a), by("header:h", &message("", &[("h", "x"), ("h", "")])));
        assert_eq!(by("off", &a), None);
        for bad in ["", "header:", "json:id", "xml", "payload:"] {
            assert!(bad.parse::<FingerprintOf>().is_err(), "{bad}");
        }
    }
}
