//! Bytes and text as cases have them: as they are, or so many times.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// Bytes: base64, or base64 and how often.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Repeated")]
pub struct Blob(pub Vec<u8>);

/// Text: a string, or a string and how often.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Repeated")]
pub struct Text(pub String);

#[derive(Deserialize)]
#[serde(untagged)]
enum Repeated {
    Once(String),
    Often { repeat: (String, usize) },
}

impl TryFrom<Repeated> for Blob {
    type Error = anyhow::Error;

    fn try_from(repeated: Repeated) -> Result<Self> {
        let (text, times) = match repeated {
            Repeated::Once(text) => (text, 1),
            Repeated::Often { repeat } => repeat,
        };
        let bytes = STANDARD.decode(&text).with_context(|| format!("{text} is not base64"))?;
        Ok(Self(bytes.repeat(times)))
    }
}

impl From<Repeated> for Text {
    fn from(repeated: Repeated) -> Self {
        match repeated {
            Repeated::Once(text) => Self(text),
            Repeated::Often { repeat: (text, times) } => Self(text.repeat(times)),
        }
    }
}
