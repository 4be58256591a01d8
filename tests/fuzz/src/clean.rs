//! What may be shown, said once more in other words than the host's.

/// Demands that a text is one line of at most so many bytes and that no terminal is moved by it.
#[track_caller]
pub fn line(text: &str, most_bytes: usize) {
    assert!(!text.contains('\n'), "a line break in {text:?}");
    page(text, most_bytes);
}

/// Demands the same of a text of several lines.
#[track_caller]
pub fn page(text: &str, most_bytes: usize) {
    assert!(text.len() <= most_bytes, "{} bytes, more than {most_bytes}: {text:.200?}", text.len());
    if let Some(c) = text.chars().find(|&c| disturbs(c)) {
        panic!("{c:?} in {text:?}");
    }
}

fn disturbs(c: char) -> bool {
    let code = c as u32;
    let control = code < 0x20 && c != '\n' || (0x7f..=0x9f).contains(&code);
    let separator = matches!(code, 0x2028 | 0x2029);
    let bidirectional = matches!(code, 0x061c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
    let unseen =
        matches!(code, 0xad | 0x200b..=0x200d | 0x2060..=0x2064 | 0x206a..=0x206f | 0xfeff | 0xfe00..=0xfe0f);
    let tag = (0xe_0000..=0xe_0fff).contains(&code);
    control || separator || bidirectional || unseen || tag
}
