//! The one place that makes text from guests and messages fit to be shown.

use std::fmt::{self, Write as _};

/// Bytes as text that cannot disturb a terminal or a log: control characters, line breaks, bidirectional
/// overrides, invisible characters and invalid UTF-8 appear as escapes (`\n`, `\u{202e}`, `\xff`).
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    c if is_plain(c) => f.write_char(c)?,
                    c => write!(f, "{}", c.escape_default())?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

fn is_plain(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !c.is_control() && !invisible
}

/// At most `limit` bytes of `text`, escaped, with `…` where something was cut. The limit is on what is read,
/// so that a hostile megabyte is never escaped first and cut then.
pub fn shown(text: &[u8], limit: usize) -> String {
    if text.len() <= limit {
        return Escaped(text).to_string();
    }
    // Not in the middle of a character: step back over at most three continuation bytes.
    let mut end = limit;
    while end > limit.saturating_sub(3) && text.get(end).is_some_and(|b| (b & 0xc0) == 0x80) {
        end -= 1;
    }
    format!("{}…", Escaped(text.get(..end).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_disturb_a_terminal_is_escaped() {
        let hostile = "ok\x1b[2J\n\u{202e}evil\u{200b}\u{7f}\\".as_bytes();
        assert_eq!(shown(hostile, 100), "ok\\u{1b}[2J\\n\\u{202e}evil\\u{200b}\\u{7f}\\\\");
        assert_eq!(shown(b"\xffa\xc3", 100), "\\xffa\\xc3");
        assert_eq!(shown("Größe".as_bytes(), 100), "Größe");
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shown("aöb".as_bytes(), 2), "a…");
        assert_eq!(shown("aöb".as_bytes(), 3), "aö…");
        assert_eq!(shown("aöb".as_bytes(), 4), "aöb");
    }
}
