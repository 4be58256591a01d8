//! What a line becomes.

use std::io::Cursor;

use super::*;
use crate::message::Header;

fn source(input: impl Into<Vec<u8>>, format: InputFormat) -> NdjsonSource {
    NdjsonSource::from_reader("orders.ndjson", Cursor::new(input.into()), format, DEFAULT_LINE_LIMIT)
}

fn all(input: impl Into<Vec<u8>>, format: InputFormat) -> Vec<Delivery> {
    let mut source = source(input, format);
    let mut all = Vec::new();
    loop {
        let batch = source.receive(3).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch);
    }
}

fn message(line: &str, format: InputFormat) -> Message {
    match all(line, format).as_slice() {
        [Delivery::Message(message)] => message.clone(),
        other => panic!("{line}: not one message: {other:?}"),
    }
}

fn reason(line: impl Into<Vec<u8>>, format: InputFormat) -> String {
    match all(line, format).as_slice() {
        [Delivery::Malformed(malformed)] => malformed.reason.clone(),
        other => panic!("not one malformed line: {other:?}"),
    }
}

fn payload(line: &str, format: InputFormat) -> String {
    String::from_utf8(message(line, format).payload).unwrap()
}

fn header(name: &str, value: &[u8]) -> Header {
    Header { name: name.to_owned(), value: value.to_vec() }
}

use InputFormat::{Auto, Envelope, Raw};

#[test]
fn an_envelope_gives_all_fields() {
    let line = r#"{"id":"m1","topic":"pay","key":"k","headers":{"b":"1","a":["2","3"],"b":{"base64":"/w=="}},
        "payload":{"n": 12345678901234567890123.0, "n":1}}"#
        .replace('\n', "");
    for format in [Auto, Envelope] {
        let message = message(&line, format);
        assert_eq!(message.id, "m1");
        assert_eq!(message.topic, "pay");
        assert_eq!(message.key.as_deref(), Some("k"));
        assert_eq!(
            message.headers,
            [header("b", b"1"), header("a", b"2"), header("a", b"3"), header("b", b"\xff")]
        );
        assert_eq!(message.payload, br#"{"n": 12345678901234567890123.0, "n":1}"#);
        assert_eq!(message.published_ms, None);
    }
}

#[test]
fn what_an_envelope_leaves_out_is_filled_in() {
    for line in [
        r#"{"payload":1}"#,
        r#"{"id":null,"topic":null,"key":null,"headers":null,"payload":1}"#,
        r#"{"\u0070ayload":1}"#,
        r#"{"payload_base64":"MQ=="}"#,
    ] {
        let message = message(line, Envelope);
        assert_eq!((message.id.as_str(), message.topic.as_str()), ("orders.ndjson:0", "orders"));
        assert_eq!((message.key, message.headers), (None, vec![]));
        assert_eq!(message.payload, b"1");
    }
}

#[test]
fn a_number_as_id_is_its_text() {
    assert_eq!(message(r#"{"id":-1.50e3,"payload":0}"#, Auto).id, "-1.50e3");
}

#[test]
fn a_string_payload_is_its_text() {
    for format in [Auto, Envelope] {
        assert_eq!(payload(r#"{"payload":"a\n\u00e9\ud83d\ude00"}"#, format), "a\né😀");
    }
    for format in [Auto, Raw] {
        assert_eq!(payload(r#" "a\tb" "#, format), "a\tb");
    }
}

#[test]
fn auto_takes_what_is_no_envelope_for_the_payload() {
    for line in [
        r#"{"id":"a","payload":1,"extra":2}"#,
        r#"{"id":"a"}"#,
        "{}",
        r#"{"payload":1,"payload":2}"#,
        r#"{"id":1,"id":1,"payload":2}"#,
        r#"{"payload":1,"payload_base64":"MQ=="}"#,
        r#"{"\ud800":1}"#,
        r#"{"id":{},"payload":1,"x":0}"#,
        "[1, 2]",
        "null",
        "-0.0e0",
    ] {
        let message = message(line, Auto);
        assert_eq!(String::from_utf8(message.payload).unwrap(), line);
        assert_eq!((message.id.as_str(), message.topic.as_str()), ("orders.ndjson:0", "orders"));
    }
}

#[test]
fn raw_takes_an_envelope_for_the_payload() {
    let line = r#"{"id":"a","payload":1}"#;
    assert_eq!(payload(&format!("  {line}\t\r\n"), Raw), line);
}

#[test]
fn envelope_refuses_what_is_none_and_says_why() {
    for (line, expected) in [
        (r#"{"payload":1,"x\"":2}"#, r#"not an envelope: unknown member "x\"""#),
        (r#"{"id":1,"payload":1,"id":2}"#, r#"not an envelope: member "id" occurs twice"#),
        (r#"{"id":1}"#, r#"not an envelope: neither "payload" nor "payload_base64""#),
        (r#"{"payload":1,"payload_base64":""}"#, r#"not an envelope: both "payload" and "payload_base64""#),
        ("[1]", "not an envelope: the line is an array, not an object"),
        ("\"x\"", "not an envelope: the line is a string, not an object"),
    ] {
        assert_eq!(reason(line, Envelope), expected);
    }
}

#[test]
fn a_member_of_another_type_makes_an_envelope_malformed() {
    for (members, expected) in [
        (r#""id":true"#, r#"member "id" must be a string, a number or null"#),
        (r#""topic":1"#, r#"member "topic" must be a string"#),
        (r#""key":[]"#, r#"member "key" must be a string or null"#),
        (r#""headers":[]"#, r#"member "headers" must be an object of names and values"#),
        (r#""headers":{"a":1}"#, r#"header "a" must be a string, an array of strings, or {"base64": "..."}"#),
        (
            r#""headers":{"a":{"b":""}}"#,
            r#"header "a" must be a string, an array of strings, or {"base64": "..."}"#,
        ),
        (
            r#""headers":{"a":[1]}"#,
            r#"header "a" must be an array in which each value is a string or {"base64": "..."}"#,
        ),
    ] {
        for format in [Auto, Envelope] {
            assert_eq!(reason(format!("{{{members},\"payload\":1}}"), format), expected);
        }
    }
    assert_eq!(
        reason(r#"{"payload_base64":1}"#, Auto),
        r#"member "payload_base64" must be a string of base64"#
    );
}

#[test]
fn arrays_of_headers_cannot_blow_a_line_up() {
    let name = "n".repeat(400_000);
    let line = format!(r#"{{"headers":{{"{name}":[{}""]}},"payload":1}}"#, r#""","#.repeat(100_000));
    assert_eq!(reason(line, Auto), r#"member "headers" repeats more than 1048576 bytes of names in arrays"#);
}

#[test]
fn a_reason_repeats_only_the_beginning_of_a_long_name() {
    let long = "é".repeat(100_000);
    for line in [
        format!(r#"{{"{long}":1,"payload":1}}"#),
        format!(r#"{{"headers":{{"{long}":1}},"payload":1}}"#),
        format!(r#"{{"headers":{{"{long}":{{"base64":"-"}}}},"payload":1}}"#),
    ] {
        let reason = reason(line, Envelope);
        assert!(reason.contains("é…\"") && reason.len() < 300, "{reason}");
    }
}

#[test]
fn a_header_in_base64_has_that_member_only() {
    for value in [r#"{"base64":"","x":1}"#, r#"{"base64":"","base64":""}"#, r#"{"base64":1}"#, "{}"] {
        let reason = reason(format!(r#"{{"headers":{{"a":{value}}},"payload":1}}"#), Auto);
        assert!(reason.starts_with("header \"a\" must be a string"), "{reason}");
    }
}

#[test]
fn base64_is_the_standard_alphabet_with_padding() {
    assert_eq!(message(r#"{"payload_base64":"+\/8="}"#, Auto).payload, b"\xfb\xff");
    for wrong in ["-_8=", "+/8", "+/9=", "+/8=\\n"] {
        let reason = reason(format!(r#"{{"payload_base64":"{wrong}"}}"#), Auto);
        assert!(
            reason.starts_with(r#"member "payload_base64" is not standard base64 with padding: "#),
            "{reason}"
        );
    }
}

#[test]
fn a_lone_surrogate_is_malformed_where_text_is_needed() {
    for line in [
        r#"{"payload":"\ud800"}"#,
        r#"{"id":"\ud800","payload":1}"#,
        r#"{"headers":{"\udc00":""},"payload":1}"#,
        r#"{"headers":{"a":"\udc00"},"payload":1}"#,
        r#""\ud800""#,
    ] {
        assert!(reason(line, Auto).starts_with("a string with a lone surrogate has no text"), "{line}");
    }
    assert_eq!(payload(r#"{"payload":["\ud800"]}"#, Auto), r#"["\ud800"]"#);
}

#[test]
fn offsets_and_line_numbers_count_everything() {
    let input = b"\xef\xbb\xbf1\r\n\r\n  \t\n{]\n2";
    let deliveries = all(&input[..], Auto);
    let [Delivery::Message(one), Delivery::Malformed(bad), Delivery::Message(two)] = deliveries.as_slice()
    else {
        panic!("{deliveries:?}");
    };
    assert_eq!((one.id.as_str(), one.payload.as_slice()), ("orders.ndjson:0", &b"1"[..]));
    assert_eq!((bad.id.as_str(), bad.line, bad.bytes.as_slice()), ("orders.ndjson:12", Some(4), &b"{]"[..]));
    assert_eq!(bad.reason, "not valid JSON: key must be a string at byte 2 of the line");
    assert_eq!((two.id.as_str(), two.payload.as_slice()), ("orders.ndjson:15", &b"2"[..]));
}

#[test]
fn a_line_that_is_not_utf8_is_malformed_and_stops_nothing() {
    let deliveries = all(&b"{\"a\":\"\xff\"}\n1\n"[..], Auto);
    let [Delivery::Malformed(bad), Delivery::Message(_)] = deliveries.as_slice() else {
        panic!("{deliveries:?}");
    };
    assert_eq!(bad.reason, "not UTF-8 from byte 7 of the line on");
    assert_eq!(bad.bytes, b"{\"a\":\"\xff\"}");
}

#[test]
fn every_format_refuses_what_is_no_json() {
    for line in ["{", "nul", "01", "1 2", "{\"a\":1}}", "'a'", "{\"a\":\"\u{1}\"}", "NaN", "[1,]", "{\"a\"}"]
    {
        for format in [Auto, Envelope, Raw] {
            assert!(reason(line, format).starts_with("not valid JSON: "), "{line}");
        }
    }
}

#[test]
fn a_deeply_nested_line_is_malformed_and_no_crash() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for format in [Auto, Envelope, Raw] {
        assert_eq!(reason(nested(100_000), format), "nested deeper than 128 levels");
        assert!(reason("[".repeat(100_000), format).starts_with("not valid JSON"));
        assert!(reason("{\"payload\":".repeat(50_000), format).starts_with("not valid JSON"));
    }
    assert_eq!(payload(&format!("{{\"payload\":{}}}", nested(127)), Auto), nested(127));
    assert_eq!(reason(format!("{{\"payload\":{}}}", nested(128)), Auto), "nested deeper than 128 levels");
    assert_eq!(payload(&nested(128), Auto), nested(128));
}

#[test]
fn a_line_over_the_limit_is_malformed_with_its_beginning() {
    let long = format!("\"{}\"", "é".repeat(1 << 20));
    let deliveries = all(format!("1\n{long}\n2\n"), Auto);
    let [Delivery::Message(_), Delivery::Malformed(bad), Delivery::Message(two)] = deliveries.as_slice()
    else {
        panic!("{} deliveries", deliveries.len());
    };
    assert_eq!((bad.line, bad.id.as_str()), (Some(2), "orders.ndjson:2"));
    assert_eq!(bad.reason, "longer than the line limit of 1048576 bytes");
    assert_eq!(bad.bytes, long.as_bytes()[..KEPT_BYTES - 1]);
    assert_eq!(two.id, format!("orders.ndjson:{}", 2 + long.len() + 1));
}

#[test]
fn a_batch_ends_at_its_bounds() {
    let line = format!("\"{}\"\n", "x".repeat(100_000));
    let mut source = source(format!("{}{}", line.repeat(40), "1\n".repeat(10)), Auto);
    let mut sizes = Vec::new();
    loop {
        let batch = source.receive(4).unwrap();
        if batch.is_empty() {
            break;
        }
        sizes.push(batch.len());
    }
    assert!(sizes.iter().all(|size| *size <= 4));
    assert_eq!(sizes.iter().sum::<usize>(), 50);
}

#[test]
fn blank_lines_without_end_are_no_end_of_input() {
    // The long line makes room to hold more blank lines at once than a batch may have bytes.
    let long = format!("\"{}\"\n", "x".repeat(6 << 20));
    let input = Cursor::new(format!("{long}{}2", "   \n".repeat(4 << 20)).into_bytes());
    let mut source = NdjsonSource::from_reader("x", input, Auto, 8 << 20);
    let sizes = [(); 3].map(|()| source.receive(10).unwrap().len());
    assert_eq!(sizes, [1, 1, 0]);
}

#[test]
fn a_line_in_a_pipe_is_delivered_at_once() {
    use std::io::Write;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut source = NdjsonSource::from_reader("pipe", reader, Auto, DEFAULT_LINE_LIMIT);
    for _ in 0..3 {
        writer.write_all(b"1\n2").unwrap();
        // The writer stays open: this returns only because it does not wait for more.
        assert_eq!(source.receive(1000).unwrap().len(), 1);
        writer.write_all(b"\n").unwrap();
        assert_eq!(source.receive(1000).unwrap().len(), 1);
    }
    drop(writer);
    assert!(source.receive(1000).unwrap().is_empty());
    assert!(source.receive(1000).unwrap().is_empty());
}

#[test]
fn a_read_error_comes_after_what_was_read_before_it() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let input = Cursor::new(b"1\n2".to_vec()).chain(Fails);
    let mut source = NdjsonSource::from_reader("disk", input, Auto, DEFAULT_LINE_LIMIT);
    assert_eq!(source.receive(9).unwrap().len(), 1);
    let error = source.receive(9).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the input disk from byte 3 on");
}

#[test]
fn a_missing_file_and_a_directory_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| NdjsonSource::open(path, Auto, 10).unwrap_err();
    assert!(matches!(open(&folder.path().join("none")), SourceError::Open { .. }));
    assert!(matches!(open(folder.path()), SourceError::Directory { .. }));
}

#[test]
fn a_file_is_called_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.b.ndjson");
    std::fs::write(&path, "1\n").unwrap();
    let mut source = NdjsonSource::open(&path, Auto, 10).unwrap();
    assert_eq!((source.name(), source.default_topic()), ("a.b.ndjson", "a.b"));
    assert!(
        matches!(source.receive(1).unwrap().as_slice(), [Delivery::Message(m)] if m.id == "a.b.ndjson:0")
    );
}
