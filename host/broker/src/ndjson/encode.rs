//! A message to one line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oncegate_redis::text::is_plain;

use crate::message::Header;

use super::headers::REPEATED_BYTES;
use super::json::{self, MAX_NESTING};

/// One output, as it is written to a sink.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// The id; every repetition of one output carries the same.
    pub id: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The ordering or partitioning key.
    pub key: Option<&'a str>,
    /// The headers in their order.
    pub headers: &'a [Header],
    /// The payload: any bytes.
    pub payload: &'a [u8],
}

/// Appends `output` to `lines` as one line with its line break, in the shape that
/// [`NdjsonSource`](super::NdjsonSource) reads: what is read back is the same to the byte.
///
/// - A payload that is a JSON value other than a string stands as it is, unless reading would change it:
///   white space around it, a line break within, nesting beyond [`MAX_NESTING`]. Other UTF-8 becomes a JSON
///   string, any other bytes `payload_base64`.
/// - A header's value is a string, or `{"base64": "..."}` where it is not UTF-8. Neighbours of one name
///   share a member and stand in an array; a name that comes again later is written again, so that order
///   survives. Readers other than ours may keep only the last member of a name.
/// - A missing key and an empty list of headers are left out.
pub fn encode(output: &Output<'_>, lines: &mut Vec<u8>) {
    begin(output, lines);
    let mut headers = HeaderList::new(lines);
    headers.extend(output.headers);
    headers.close();
    end(output, lines);
}

/// Everything that stands before the headers.
pub(super) fn begin(output: &Output<'_>, lines: &mut Vec<u8>) {
    lines.extend_from_slice(br#"{"id":"#);
    string(output.id, lines);
    lines.extend_from_slice(br#","topic":"#);
    string(output.topic, lines);
    if let Some(key) = output.key {
        lines.extend_from_slice(br#","key":"#);
        string(key, lines);
    }
}

/// Everything that stands after the headers.
pub(super) fn end(output: &Output<'_>, lines: &mut Vec<u8>) {
    match std::str::from_utf8(output.payload) {
        Ok(text) => {
            lines.extend_from_slice(br#","payload":"#);
            if reads_back_raw(text) {
                lines.extend_from_slice(output.payload);
            } else {
                string(text, lines);
            }
        }
        Err(_) => {
            lines.extend_from_slice(br#","payload_base64":"#);
            base64(output.payload, lines);
        }
    }
    lines.extend_from_slice(b"}\n");
}

/// Whether `text`, written as it stands, is read back as the same bytes.
fn reads_back_raw(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'))
        && !matches!(bytes.last(), Some(b' ' | b'\t'))
        && memchr::memchr2(b'\n', b'\r', bytes).is_none()
        && json::validate(text).is_ok()
        // The envelope around it is one level more.
        && !json::nests_deeper(text, MAX_NESTING - 1)
}

/// Writes the `headers` member as its headers come.
pub(super) struct HeaderList<'a> {
    lines: &'a mut Vec<u8>,
    open: bool,
    /// How many bytes of names arrays have repeated.
    repeated_bytes: usize,
}

impl<'a> HeaderList<'a> {
    pub(super) fn new(lines: &'a mut Vec<u8>) -> Self {
        Self { lines, open: false, repeated_bytes: 0 }
    }

    pub(super) fn extend(&mut self, headers: &[Header]) {
        for same_name in headers.chunk_by(|a, b| a.name == b.name) {
            match same_name {
                [first, _, ..] if self.may_repeat(&first.name, same_name.len() - 1) => {
                    self.array(&first.name, same_name);
                }
                _ => same_name.iter().for_each(|header| {
                    self.member(&header.name);
                    value(&header.value, self.lines);
                }),
            }
        }
    }

    /// Whether the reader will still take this name `times` more from an array.
    fn may_repeat(&mut self, name: &str, times: usize) -> bool {
        let bytes = self.repeated_bytes.saturating_add(name.len().saturating_mul(times));
        let may = bytes <= REPEATED_BYTES;
        if may {
            self.repeated_bytes = bytes;
        }
        may
    }

    fn array(&mut self, name: &str, headers: &[Header]) {
        self.member(name);
        for (at, header) in headers.iter().enumerate() {
            self.lines.push(if at == 0 { b'[' } else { b',' });
            value(&header.value, self.lines);
        }
        self.lines.push(b']');
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.member(name);
        string(text, self.lines);
    }

    pub(super) fn close(self) {
        if self.open {
            self.lines.push(b'}');
        }
    }

    fn member(&mut self, name: &str) {
        self.lines.extend_from_slice(if self.open { b"," } else { br#","headers":{"# });
        self.open = true;
        string(name, self.lines);
        self.lines.push(b':');
    }
}

fn value(bytes: &[u8], lines: &mut Vec<u8>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => string(text, lines),
        Err(_) => {
            lines.extend_from_slice(br#"{"base64":"#);
            base64(bytes, lines);
            lines.push(b'}');
        }
    }
}

fn base64(bytes: &[u8], lines: &mut Vec<u8>) {
    lines.push(b'"');
    lines.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    lines.push(b'"');
}

/// Writes a JSON string. What must be escaped is, and what would disturb a terminal that shows the file; everything else
/// stays readable.
fn string(text: &str, lines: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    lines.push(b'"');
    let mut plain_from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        // In the middle of a character nothing begins.
        if matches!(byte, 0x20..=0x7e | 0x80..=0xbf) && byte != b'"' && byte != b'\\' {
            continue;
        }
        if byte >= 0x7f {
            if let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()).filter(|&c| !is_plain(c)) {
                lines.extend_from_slice(&bytes[plain_from..at]);
                plain_from = at + c.len_utf8();
                for unit in c.encode_utf16(&mut [0; 2]) {
                    lines.extend_from_slice(b"\\u");
                    lines.extend([12, 8, 4, 0].map(|shift| HEX[usize::from((*unit >> shift) & 15)]));
                }
            }
            continue;
        }
        lines.extend_from_slice(&bytes[plain_from..at]);
        plain_from = at + 1;
        match byte {
            b'"' | b'\\' => lines.extend_from_slice(&[b'\\', byte]),
            b'\n' => lines.extend_from_slice(b"\\n"),
            b'\r' => lines.extend_from_slice(b"\\r"),
            b'\t' => lines.extend_from_slice(b"\\t"),
            _ => {
                lines.extend_from_slice(b"\\u00");
                lines.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    lines.extend_from_slice(&bytes[plain_from..]);
    lines.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(payload: &[u8], headers: &[Header], key: Option<&str>) -> String {
        let mut lines = Vec::new();
        encode(&Output { id: "p:0", topic: "t", key, headers, payload }, &mut lines);
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn long_names_are_repeated_only_as_far_as_they_are_read() {
        let name = "n".repeat(REPEATED_BYTES / 2);
        let arrays = |count| line(b"0", &vec![header(&name, b""); count], None).matches('[').count();
        assert_eq!((arrays(3), arrays(4)), (1, 0));
    }

    fn header(name: &str, value: &[u8]) -> Header {
        Header { name: name.to_owned(), value: value.to_vec() }
    }

    #[test]
    fn names_that_a_guest_chose_are_escaped_and_read_back_the_same() {
        let hostile = "a\n\"},{\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{200b}\\\u{0}Größe😀\u{e0041}";
        let mut lines = Vec::new();
        let headers = [header(hostile, b"1"), header(hostile, b"2")];
        let output =
            Output { id: hostile, topic: hostile, key: Some(hostile), headers: &headers, payload: b"1" };
        encode(&output, &mut lines);
        let text = String::from_utf8(lines).unwrap();
        let line = text.strip_suffix('\n').unwrap();
        assert!(line.chars().all(is_plain), "{line:?}");
        assert!(line.contains("Größe😀"), "what is readable stays so");
        let read: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!([&read["id"], &read["topic"], &read["key"]], [hostile; 3]);
        assert_eq!(read["headers"], serde_json::json!({ hostile: ["1", "2"] }));
    }

    #[test]
    fn a_json_payload_stands_as_it_is() {
        assert_eq!(
            line(br#"{"n": 1.000000000000000000001, "n":2}"#, &[], Some("k")),
            "{\"id\":\"p:0\",\"topic\":\"t\",\"key\":\"k\",\"payload\":{\"n\": 1.000000000000000000001, \"n\":2}}\n"
        );
    }

    #[test]
    fn what_would_not_read_back_is_written_as_a_string() {
        let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
        for payload in ["", "abc", "\"quoted\"", " 1", "1\t", "[1,\n2]", "[1,\r2]", "{", "1 2", &deep] {
            let line = line(payload.as_bytes(), &[], None);
            let written = line.strip_prefix(r#"{"id":"p:0","topic":"t","payload":"#).unwrap();
            let written = written.strip_suffix("}\n").unwrap();
            assert_eq!(serde_json::from_str::<String>(written).unwrap(), payload);
        }
    }

    #[test]
    fn what_would_disturb_a_terminal_is_escaped_and_letters_are_not() {
        let line = line(b"0", &[header("\u{202e}n", "ö\u{e0041}\u{9b}".as_bytes())], Some("\u{7f}k"));
        assert_eq!(
            line,
            "{\"id\":\"p:0\",\"topic\":\"t\",\"key\":\"\\u007fk\",\"headers\":{\"\\u202en\":\
             \"ö\\udb40\\udc41\\u009b\"},\"payload\":0}\n"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_written_as_base64() {
        assert!(line(b"\xff\x00", &[], None).ends_with(",\"payload_base64\":\"/wA=\"}\n"));
    }

    #[test]
    fn headers_keep_their_order_and_repetition() {
        let headers = [header("a", b"1"), header("a", b"\xff"), header("b", b""), header("a", b"\x01\"")];
        assert_eq!(
            line(b"0", &headers, None),
            "{\"id\":\"p:0\",\"topic\":\"t\",\"headers\":{\"a\":[\"1\",{\"base64\":\"/w==\"}],\"b\":\"\",\
             \"a\":\"\\u0001\\\"\"},\"payload\":0}\n"
        );
    }
}
