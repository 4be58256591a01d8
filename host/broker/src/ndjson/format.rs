//! How the lines of an input are understood.

use std::fmt;
use std::str::FromStr;

/// What a line of input is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputFormat {
    /// An object with exactly one of `payload` and `payload_base64`, and no members but an envelope's, each
    /// at most once, is an envelope. Any other JSON value is itself the payload.
    #[default]
    Auto,
    /// Every line must be an envelope.
    Envelope,
    /// Every line's JSON value is the payload, also one that looks like an envelope.
    Raw,
}

/// The name is none of `auto`, `envelope` and `raw`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown input format {name:?}; it is one of auto, envelope, raw")]
pub struct UnknownInputFormat {
    name: String,
}

impl FromStr for InputFormat {
    type Err = UnknownInputFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "auto" => Ok(Self::Auto),
            "envelope" => Ok(Self::Envelope),
            "raw" => Ok(Self::Raw),
            _ => Err(UnknownInputFormat { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for InputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Envelope => "envelope",
            Self::Raw => "raw",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_read_back_from_its_name() {
        for format in [InputFormat::Auto, InputFormat::Envelope, InputFormat::Raw] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = "csv".parse::<InputFormat>().unwrap_err();
        assert_eq!(error.to_string(), r#"unknown input format "csv"; it is one of auto, envelope, raw"#);
    }
}
