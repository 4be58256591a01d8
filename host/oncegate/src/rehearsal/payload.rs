//! Bytes that may be JSON: whether they mean the same, where they differ, what is expected of them.

use oncegate_dedup::text::shown;
use serde_json::Value;

/// How much of a value is shown, in bytes.
const SHOWN_BYTES: usize = 80;

/// Whether both are the same bytes, or JSON of the same value.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    one == other || json(one).is_some_and(|value| Some(value) == json(other))
}

/// Where two that are not the same differ, as what can be said of them: `at /a is 1, then 2`.
pub fn difference(one: &[u8], other: &[u8]) -> String {
    if let (Some(one), Some(other)) = (json(one), json(other)) {
        let mut place = String::new();
        let (one, other) = first_difference(&one, &other, &mut place);
        let place = if place.is_empty() { String::new() } else { format!("at {} ", text(&place)) };
        return format!("{place}is {}, then {}", found(one), found(other));
    }
    format!("is {}, then {}", excerpt(one), excerpt(other))
}

/// Whether the bytes are what a JSON value says: that value, or for a string its text.
pub fn is(expected: &Value, bytes: &[u8]) -> bool {
    match expected {
        Value::String(text) if text.as_bytes() == bytes => true,
        expected => json(bytes).as_ref() == Some(expected),
    }
}

/// For people.
pub fn excerpt(bytes: &[u8]) -> String {
    shown(bytes, SHOWN_BYTES)
}

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

fn text(text: &str) -> String {
    shown(text.as_bytes(), SHOWN_BYTES)
}

fn found(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| text(&value.to_string()))
}

/// The first values that differ, and adds to `place` where they are. Values nest no deeper than they could be read.
fn first_difference<'a>(
    one: &'a Value,
    other: &'a Value,
    place: &mut String,
) -> (Option<&'a Value>, Option<&'a Value>) {
    let below = match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let mut names = one.keys().chain(other.keys());
            names
                .find(|name| one.get(*name) != other.get(*name))
                .map(|name| (name.clone(), one.get(name), other.get(name)))
        }
        (Value::Array(one), Value::Array(other)) => (0..one.len().max(other.len()))
            .find(|&index| one.get(index) != other.get(index))
            .map(|index| (index.to_string(), one.get(index), other.get(index))),
        _ => None,
    };
    let Some((name, one_below, other_below)) = below else { return (Some(one), Some(other)) };
    place.push('/');
    place.push_str(&name);
    match (one_below, other_below) {
        (Some(one), Some(other)) => first_difference(one, other, place),
        pair => pair,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_compared_by_its_value_and_anything_else_by_its_bytes() {
        assert!(is_same(b"{\"a\":1,\"b\":[2]}", b"{ \"b\": [2], \"a\": 1 }"));
        assert!(!is_same(b"{\"a\":1}", b"{\"a\":2}"));
        assert!(is_same(b"\xff", b"\xff") && !is_same(b"\xff", b"\xfe"));
        assert!(!is_same(b"x", b"x "));
    }

    #[test]
    fn the_first_difference_is_named_with_its_place() {
        let cases: [(&[u8], &[u8], &str); 5] = [
            (br#"{"a":{"b":[1,2]}}"#, br#"{"a":{"b":[1,3]}}"#, "at /a/b/1 is 2, then 3"),
            (br#"{"a":1}"#, br#"{}"#, "at /a is 1, then nothing"),
            (br#"[1]"#, br#"[1,"x"]"#, "at /1 is nothing, then \"x\""),
            (br#"1"#, br#"2"#, "is 1, then 2"),
            (b"a\n", b"b", "is a\\n, then b"),
        ];
        for (one, other, expected) in cases {
            assert_eq!(difference(one, other), expected);
        }
    }

    #[test]
    fn a_string_stands_for_its_text_and_for_itself_as_json() {
        assert!(is(&json!("ch_1"), b"ch_1") && is(&json!("ch_1"), b"\"ch_1\""));
        assert!(is(&json!({"a": 1}), b"{ \"a\":1 }") && !is(&json!({"a": 1}), b"{\"a\":1,\"b\":2}"));
        assert!(!is(&json!(1), b"x") && is(&json!("7"), b"7") && is(&json!(7), b"7"));
    }
}
