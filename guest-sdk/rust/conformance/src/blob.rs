//! Bytes and text as cases have them, and bytes as results have them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// Up to so many bytes are shown as they are.
const SHOWN_BYTES: usize = 48;

/// Bytes: base64, or base64 and how often.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Repeated")]
pub struct Blob(pub Vec<u8>);

/// Text: a string, or a string and how often.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Repeated")]
pub struct Text(pub String);

#[derive(Deserialize)]
#[serde(untagged)]
enum Repeated {
    Once(String),
    Often { repeat: (String, usize) },
}

impl Repeated {
    fn parts(self) -> (String, usize) {
        match self {
            Repeated::Once(text) => (text, 1),
            Repeated::Often { repeat } => repeat,
        }
    }
}

impl TryFrom<Repeated> for Blob {
    type Error = base64::DecodeError;

    fn try_from(repeated: Repeated) -> Result<Self, Self::Error> {
        let (text, times) = repeated.parts();
        Ok(Self(STANDARD.decode(text)?.repeat(times)))
    }
}

impl From<Repeated> for Text {
    fn from(repeated: Repeated) -> Self {
        let (text, times) = repeated.parts();
        Self(text.repeat(times))
    }
}

/// Bytes in a result; `null` if there are none.
pub fn shown(bytes: Option<&[u8]>) -> Value {
    match bytes {
        None => Value::Null,
        Some(bytes) if bytes.len() <= SHOWN_BYTES => STANDARD.encode(bytes).into(),
        Some(bytes) => json!({"length": bytes.len(), "fnv1a": fnv1a(bytes)}),
    }
}

fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
