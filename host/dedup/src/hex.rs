//! Bytes as lower-case hexadecimal digits, for people.

use std::fmt::Write as _;

/// `[0x0a, 0xff]` as `"0aff"`.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
