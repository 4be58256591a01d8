//! The one place that makes text from guests, messages and servers fit to be shown.
//!
//! Plain is what a terminal shows as one visible character, or as the blank that everybody knows. Everything else
//! appears as an escape: controls of either range and line breaks, the separators U+2028 and U+2029, whatever orders
//! text (bidirectional controls) or shapes it unseen (format characters, variation selectors, fillers, soft hyphens,
//! tags), blanks other than the space, since a key with one would pass for another key, what no standard gives a
//! meaning (private use, noncharacters, everything from U+40000 on), and bytes that are not UTF-8. What is visible
//! stays as it is: letters that look alike and combining marks, too.

use std::fmt::{self, Write as _};

/// Bytes as text that cannot disturb a terminal or a log: what is not plain appears as an escape (`\n`, `\u{202e}`,
/// `\xff`), and a backslash as `\\`, so that no two inputs look the same.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    c => plainly(c, f)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// A line that the host composed, made safe as a whole: the last net at each outlet, below pieces that somebody forgot
/// to escape. What is [`Escaped`] already passes unchanged.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a>(pub &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| plainly(c, f))
    }
}

/// The same for a page of lines: line breaks stay.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a>(pub &'a str);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| if c == '\n' { f.write_char(c) } else { plainly(c, f) })
    }
}

fn plainly(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_plain(c) { f.write_char(c) } else { write!(f, "{}", c.escape_default()) }
}

/// Whether a character is shown as it is; see the top of this file.
pub fn is_plain(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let blank = matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{3000}'
    );
    // Of the Unicode property Default_Ignorable_Code_Point, and the format characters that are not in it.
    let unseen = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}');
    let meaningless = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{40000}'..)
        || (c as u32) & 0xfffe == 0xfffe;
    !(c.is_control() || blank || unseen || meaningless)
}

/// JSON text in which nothing disturbs a terminal: what is not plain stands as `\uXXXX` in it, so that it reads back
/// the same. Takes JSON text on one line, in which control characters are escaped already.
pub fn json_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        if is_plain(c) {
            line.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(line, "\\u{unit:04x}");
        }
    }
    line
}

/// At most `limit` bytes of `text`, escaped, with `…` where something was cut. The limit is on what is read,
/// so that a hostile megabyte is never escaped first and cut then; what is shown has at most 6 times as many bytes,
/// and the three of `…`.
pub fn shown(text: &[u8], limit: usize) -> String {
    let end = cut(text, limit);
    let escaped = Escaped(text.get(..end).unwrap_or_default());
    if end == text.len() { escaped.to_string() } else { format!("{escaped}…") }
}

/// At most `limit` bytes of a line that the host composed, [safe](Line) as a whole, with `…` where something was cut.
pub fn line(text: &str, limit: usize) -> String {
    let end = cut(text.as_bytes(), limit);
    let line = Line(text.get(..end).unwrap_or_default());
    if end == text.len() { line.to_string() } else { format!("{line}…") }
}

/// Where to cut so that at most `limit` bytes are left and no character is halved.
fn cut(text: &[u8], limit: usize) -> usize {
    if text.len() <= limit {
        return text.len();
    }
    // Step back over at most three continuation bytes.
    let mut end = limit;
    while end > limit.saturating_sub(3) && text.get(end).is_some_and(|b| (b & 0xc0) == 0x80) {
        end -= 1;
    }
    end
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
    fn whatever_orders_shapes_or_hides_text_is_escaped_and_letters_of_all_scripts_are_not() {
        for hidden in "\u{0}\u{1f}\u{7f}\u{85}\u{9b}\u{a0}\u{ad}\u{34f}\u{61c}\u{180e}\u{2003}\u{200b}\u{200d}\u{200e}\
                       \u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{206f}\u{2800}\u{3000}\u{3164}\
                       \u{e000}\u{fdd0}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffe}\u{1d173}\u{1ffff}\u{e0001}\u{e0041}\
                       \u{e0100}\u{f0000}\u{10ffff}"
            .chars()
        {
            assert!(!is_plain(hidden), "{hidden:?}");
            let text = shown(hidden.to_string().as_bytes(), 10);
            assert!(text.starts_with('\\') && text.is_ascii(), "{text}");
        }
        for plain in " aZ~äßñØğžЖאعहকกあ漢한💶€…“„\u{301}\u{fffd}".chars() {
            assert!(is_plain(plain), "{plain:?}");
        }
    }

    #[test]
    fn no_byte_takes_more_than_six() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = c.to_string();
            assert!(shown(text.as_bytes(), 4).len() <= 6 * text.len(), "{c:?}");
        }
        assert!((0..=255u8).all(|byte| shown(&[byte], 1).len() <= 6));
    }

    #[test]
    fn a_line_keeps_what_was_escaped_before_and_a_page_its_line_breaks() {
        let piece = shown("a\n\\\u{202e}".as_bytes(), 100);
        assert_eq!(Line(&piece).to_string(), piece);
        assert_eq!(Line("a\nb\u{1b}").to_string(), "a\\nb\\u{1b}");
        assert_eq!(Page("a\nb\r\u{9b}").to_string(), "a\nb\\r\\u{9b}");
        assert_eq!(line("aö\u{1b}b", 4), "aö\\u{1b}…");
        assert_eq!(line("aö", 2), "a…");
    }

    #[test]
    fn a_line_of_json_reads_back_the_same() {
        let json = "{\"a\":\"ö\u{202e}\u{e0041}\u{9b}\\u001b\\\\\"}";
        assert_eq!(json_line(json), "{\"a\":\"ö\\u202e\\udb40\\udc41\\u009b\\u001b\\\\\"}");
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shown("aöb".as_bytes(), 2), "a…");
        assert_eq!(shown("aöb".as_bytes(), 3), "aö…");
        assert_eq!(shown("aöb".as_bytes(), 4), "aöb");
    }
}
