//! What is shown of anybody's bytes.

use oncegate_dedup::text::{Escaped, Line, Page, json_line, line, shown};

use crate::bytes::Bytes;
use crate::clean;

pub const WORDS: &[&[u8]] = &[
    b"\x1b[2J",
    b"\\u{1b}",
    b"\\xff",
    b"\xe2\x80\xae",
    b"\xe2\x80\xa8",
    b"\xc2\x9b",
    b"\xf3\xa0\x80\x81",
    b"\xff\xfe",
    b"\xf0\x9f",
    b"\r\n",
    b"\xef\xbb\xbf",
];

pub fn seeds() -> Vec<Vec<u8>> {
    vec![b"\x10plain text, and more of it".to_vec(), "\x40Größe \u{202e}\u{e0041}\n\\".as_bytes().to_vec()]
}

pub fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    let limit = usize::from(bytes.byte()) * 4;
    let text = bytes.0;
    let cut = shown(text, limit);
    clean::line(&cut, 6 * limit + "…".len());
    let whole = Escaped(text).to_string();
    clean::line(&whole, 6 * text.len());
    assert_eq!(unescaped(&whole), text, "two texts look the same: {whole:?}");
    if let Some(beginning) = cut.strip_suffix('…').filter(|_| text.len() > limit) {
        assert!(text.starts_with(&unescaped(beginning)), "{beginning:?} is not how it begins");
    }

    let text = String::from_utf8_lossy(text);
    let once = Line(&text).to_string();
    clean::line(&once, 6 * text.len());
    assert_eq!(Line(&once).to_string(), once, "what is safe is changed");
    assert_eq!(Line(&whole).to_string(), whole, "what was escaped is escaped again");
    clean::line(&line(&text, limit), 6 * limit + "…".len());
    let page = Page(&text).to_string();
    clean::page(&page, 6 * text.len());
    assert_eq!(page.matches('\n').count(), text.matches('\n').count());

    let json = json_line(&serde_json::Value::from(text.as_ref()).to_string());
    clean::line(&json, 12 * text.len() + 2);
    let read: String = serde_json::from_str(&json).expect("it is JSON still");
    assert_eq!(read, text);
}

/// The bytes that are shown so, read independently of the host.
fn unescaped(shown: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = shown;
    while let Some((before, behind)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (kind, behind) = behind.split_at(1);
        rest = behind;
        match kind {
            "\\" => bytes.push(b'\\'),
            "n" => bytes.push(b'\n'),
            "r" => bytes.push(b'\r'),
            "t" => bytes.push(b'\t'),
            "x" => {
                bytes.push(u8::from_str_radix(&behind[..2], 16).expect("two digits"));
                rest = &behind[2..];
            }
            "u" => {
                let (digits, behind) = behind[1..].split_once('}').expect("braces");
                let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).expect("a character");
                bytes.extend_from_slice(c.to_string().as_bytes());
                rest = behind;
            }
            other => panic!("an escape \\{other}"),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
