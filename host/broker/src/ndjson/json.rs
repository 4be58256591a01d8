//! The few questions about JSON text that reading and writing share.

use std::borrow::Cow;

use memchr::memchr2_iter;
use serde::de::IgnoredAny;

use super::line_error::LineError;

/// How many arrays and objects may stand inside each other in one line, the outermost included. Handlers
/// parse what they are given, many of them recursively: this is the depth that common parsers accept.
pub const MAX_NESTING: usize = 128;

/// Without the four characters that JSON calls white space, at both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// Whether `text` is one JSON value and nothing else but white space.
pub(crate) fn validate(text: &str) -> Result<(), LineError> {
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|e| LineError::not_json(&e))
}

/// Whether valid JSON is nested deeper than `limit`.
pub(crate) fn nests_deeper(text: &str, limit: usize) -> bool {
    // Every level takes two bytes and every level opens once, so most texts are settled without a scan.
    text.len() / 2 > limit
        && memchr2_iter(b'[', b'{', text.as_bytes()).nth(limit).is_some()
        && deepest(text.as_bytes()) > limit
}

/// The greatest number of arrays and objects that stand inside each other.
fn deepest(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The text of a JSON string, given with its quotes and already known to be valid JSON.
pub(crate) fn string_text<'a>(quoted: &'a str, place: &'static str) -> Result<Cow<'a, str>, LineError> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(inner));
    }
    // In valid JSON only one thing can still go wrong: half of a surrogate pair, which is no character.
    serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| LineError::LoneSurrogate { place })
}

/// What kind of value valid JSON text is, with its article.
pub(crate) fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_counts_levels_and_not_brackets() {
        assert!(!nests_deeper(&"[]".repeat(1000), 128));
        assert!(!nests_deeper(&format!("[{:?}]", "[{".repeat(1000)), 128));
        assert!(!nests_deeper(&format!("{}{}", "[".repeat(128), "]".repeat(128)), 128));
        assert!(nests_deeper(&format!("{}{}", "[".repeat(129), "]".repeat(129)), 128));
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_string() {
        assert_eq!(deepest(br#"["\"[[[","\\",[1]]"#), 2);
    }

    #[test]
    fn half_a_surrogate_pair_has_no_text() {
        assert_eq!(string_text(r#""\ud83d\ude00""#, "payload").unwrap(), "😀");
        assert!(string_text(r#""\ud83d""#, "payload").is_err());
        assert!(string_text(r#""\ude00 x""#, "payload").is_err());
    }
}
