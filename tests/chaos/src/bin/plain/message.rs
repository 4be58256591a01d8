//! What a message of the probe plugin asks for, as far as a plain consumer understands it.

use serde_json::Value;

/// A key, and the effect that is to happen once for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The first key that it names.
    pub key: String,
    /// The topic of its first output.
    pub topic: String,
    /// The text of its first output.
    pub payload: String,
}

impl Message {
    /// None if there is no key or no output: then there is nothing to do.
    pub fn of(payload: &str) -> Option<Self> {
        let script: Value = serde_json::from_str(payload).ok()?;
        let steps = script["steps"].as_array()?;
        let key = steps.iter().find_map(|step| step["seen"].as_str())?.to_owned();
        let emit = steps.iter().find_map(|step| step["emit"].as_array())?;
        let [topic, text] = emit.as_slice() else { return None };
        Some(Self { key, topic: topic.as_str()?.to_owned(), payload: text.as_str()?.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_and_the_first_output_are_what_counts() {
        let two = r#"{"steps":[{"retry_until":2},{"seen":"a"},{"emit":["t","x"]},{"commit":"a"},
            {"seen":"b"},{"emit":["u","y"]}]}"#;
        let wanted = Message { key: "a".to_owned(), topic: "t".to_owned(), payload: "x".to_owned() };
        assert_eq!(Message::of(two), Some(wanted));
    }

    #[test]
    fn without_a_key_or_an_output_there_is_nothing_to_do() {
        for payload in [r#"{"steps":[{"seen":"a"}]}"#, r#"{"steps":[{"emit":["t","x"]}]}"#, "{}", "no"] {
            assert_eq!(Message::of(payload), None, "{payload}");
        }
    }
}
