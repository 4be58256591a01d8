//! Why a line is no message.

use super::json::MAX_NESTING;

/// The reason that a malformed line goes to the dead letters with.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    #[error("longer than the line limit of {limit} bytes")]
    TooLong { limit: usize },
    #[error("not UTF-8 from byte {at} of the line on")]
    NotUtf8 { at: usize },
    #[error("not valid JSON: {problem} at byte {column} of the line")]
    NotJson { problem: String, column: usize },
    #[error("nested deeper than {MAX_NESTING} levels")]
    TooDeep,
    #[error("a string with a lone surrogate has no text ({place})")]
    LoneSurrogate { place: &'static str },
    #[error("not an envelope: the line is {found}, not an object")]
    NotObject { found: &'static str },
    #[error("not an envelope: unknown member \"{name}\"")]
    UnknownMember { name: String },
    #[error("not an envelope: member {name:?} occurs twice")]
    RepeatedMember { name: &'static str },
    #[error("not an envelope: neither \"payload\" nor \"payload_base64\"")]
    NoPayload,
    #[error("not an envelope: both \"payload\" and \"payload_base64\"")]
    TwoPayloads,
    #[error("member {member:?} must be {expected}")]
    WrongType { member: &'static str, expected: &'static str },
    #[error("header \"{name}\" must be {expected}")]
    WrongHeader { name: String, expected: &'static str },
    #[error("member \"headers\" repeats more than {limit} bytes of names in arrays")]
    RepeatedHeaders { limit: usize },
    #[error("{place} is not standard base64 with padding: {problem}")]
    NotBase64 { place: String, problem: String },
}

/// How many bytes of a name a reason repeats: the input chooses the name, and the reason is kept.
const SHOWN_BYTES: usize = 64;

/// A name from the input, escaped and shortened for a reason, where it stands between quotation marks.
pub(crate) fn shown(name: &str) -> String {
    oncegate_redis::text::shown(name.as_bytes(), SHOWN_BYTES).replace('"', "\\\"")
}

impl LineError {
    /// The parser counts lines within the text it was given, which here is always one line.
    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let said = error.to_string();
        let problem = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
        Self::NotJson { problem: problem.to_owned(), column }
    }
}
