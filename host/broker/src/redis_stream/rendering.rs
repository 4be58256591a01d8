//! An entry that is no message, as text that can be kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::entry::Fields;

/// How much of a malformed entry is kept, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

/// The fields as a JSON list of pairs, a name and a value each. What is not UTF-8 is `{"base64": "…"}`. At most
/// 64 KiB are kept, cut between two characters.
pub fn json(fields: &Fields) -> Vec<u8> {
    let mut text = String::from("[");
    for (at, (name, value)) in fields.iter().enumerate() {
        if text.len() > KEPT_BYTES {
            break;
        }
        let comma = if at == 0 { "" } else { "," };
        text.push_str(&format!("{comma}{}", json!([part(name), part(value)])));
    }
    text.push(']');
    text.truncate(text.floor_char_boundary(KEPT_BYTES));
    text.into_bytes()
}

/// Nothing behind what is kept is looked at: the entry may be large.
fn part(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text.get(..text.floor_char_boundary(KEPT_BYTES)).unwrap_or_default()),
        Err(_) => json!({ "base64": STANDARD.encode(bytes.get(..KEPT_BYTES).unwrap_or(bytes)) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_in_order_with_what_is_no_text() {
        let fields = vec![
            (b"a".to_vec(), b"1\"".to_vec()),
            (b"a".to_vec(), b"\xff".to_vec()),
            (b"\xfe".to_vec(), vec![]),
        ];
        let text = String::from_utf8(json(&fields)).unwrap();
        assert_eq!(text, r#"[["a","1\""],["a",{"base64":"/w=="}],[{"base64":"/g=="},""]]"#);
        assert_eq!(json(&vec![]), b"[]");
    }

    #[test]
    fn no_more_than_64_kib_are_kept() {
        for value in ["é".repeat(100_000).into_bytes(), vec![0xff; 200_000]] {
            let kept = json(&vec![(b"a".to_vec(), value)]);
            assert!(kept.len() <= KEPT_BYTES && kept.len() > KEPT_BYTES - 4, "{}", kept.len());
            assert!(String::from_utf8(kept).is_ok());
        }
        let many = vec![(b"name".to_vec(), vec![b'x'; 100]); 10_000];
        assert_eq!(json(&many).len(), KEPT_BYTES);
    }
}
