//! The messages of a test, and what is expected of each.
//!
//! A line is what `run` takes it for. Beside the members of an envelope it may have one more, `expect`; a line that has it
//! has to be an envelope without it.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use oncegate_broker::{Delivery, InputFormat, Message, NdjsonSource};
use serde_json::value::RawValue;

use super::expectation::Expectation;

/// How many bytes of input a test reads.
const MOST_BYTES: u64 = 64 << 20;
/// How many deliveries are decoded at once.
const BATCH: usize = 256;
const BOM: &[u8] = b"\xef\xbb\xbf";
const EXPECT: &str = "expect";

/// All of them.
#[derive(Debug)]
pub struct Cases {
    /// What the input is called.
    pub source: String,
    /// The topic of messages that name none.
    pub topic: String,
    /// In the order of the lines; never empty.
    pub cases: Vec<Case>,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Case {
    /// The number of its line, from 1.
    pub line: u64,
    /// What is delivered.
    pub message: Message,
    /// What is expected.
    pub expect: Option<Expectation>,
}

impl Cases {
    /// Reads a file, or standard input if it is `-`.
    pub fn read(path: &Path, format: InputFormat, line_limit: usize) -> Result<Self> {
        let (name, shown) = match path.as_os_str() == "-" {
            true => ("stdin".to_owned(), "standard input".to_owned()),
            false => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                (name, path.display().to_string())
            }
        };
        let bytes = match path.as_os_str() == "-" {
            true => bounded(std::io::stdin().lock()),
            false => File::open(path).map_err(anyhow::Error::from).and_then(bounded),
        };
        let cases = bytes.and_then(|bytes| Self::of(&name, &bytes, format, line_limit));
        cases.with_context(|| format!("the input {shown}"))
    }

    /// From the bytes of an input of this name.
    fn of(name: &str, bytes: &[u8], format: InputFormat, line_limit: usize) -> Result<Self> {
        if let Some(line) = lines(bytes).find(|line| line.content().len() > line_limit) {
            bail!(
                "line {}: longer than the line limit of {line_limit} bytes (input.line_limit)",
                line.number
            );
        }
        let Split { plain, envelopes, expectations } = Split::new(bytes, format)?;
        let mut plain = decoded(name, plain, format, line_limit);
        let mut envelopes = decoded(name, envelopes, InputFormat::Envelope, line_limit);
        let (source, topic) = (name.to_owned(), plain.topic.clone());
        let mut expectations = expectations.into_iter().peekable();
        let mut cases = Vec::new();
        for line in
            lines(bytes).filter(|line| !line.content().trim_ascii().is_empty()).map(|line| line.number)
        {
            let expect = expectations.next_if(|(of, _)| *of == line).map(|(_, expect)| expect);
            let decoded = if expect.is_some() { envelopes.next() } else { plain.next() };
            match decoded {
                Some(Delivery::Message(message)) => cases.push(Case { line, message, expect }),
                Some(Delivery::Malformed(malformed)) if expect.is_some() => bail!(
                    "line {line}: {}; a line with \"expect\" is an envelope: put the message under \"payload\" (if \
                     \"expect\" is the message's own, --input-format raw)",
                    malformed.reason
                ),
                Some(Delivery::Malformed(malformed)) => bail!("line {line}: {}", malformed.reason),
                None => bail!("line {line} is lost; this is a defect of oncegate"),
            }
        }
        if cases.is_empty() {
            bail!("there is no message in it: write one on a line");
        }
        Ok(Self { source, topic, cases })
    }
}

fn bounded(input: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(anyhow!(
            "it is longer than the {} MiB that a test reads: take a part of it",
            MOST_BYTES >> 20
        )),
        false => Ok(bytes),
    }
}

/// The deliveries of some bytes, as a run over them would have them.
struct Decoded {
    source: NdjsonSource,
    topic: String,
    batch: std::vec::IntoIter<Delivery>,
}

fn decoded(name: &str, bytes: Vec<u8>, format: InputFormat, line_limit: usize) -> Decoded {
    let source = NdjsonSource::from_reader(name, Cursor::new(bytes), format, line_limit);
    let topic = source.default_topic().to_owned();
    Decoded { source, topic, batch: Vec::new().into_iter() }
}

impl Iterator for Decoded {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        if self.batch.as_slice().is_empty() {
            // Reading from memory does not fail.
            self.batch = self.source.receive(BATCH).unwrap_or_default().into_iter();
        }
        self.batch.next()
    }
}

/// The input twice, each time with some of its lines blank, so that every line stands where it stood.
struct Split {
    /// Lines without an expectation.
    plain: Vec<u8>,
    /// Lines with one, which is taken out.
    envelopes: Vec<u8>,
    /// By line, in order.
    expectations: Vec<(u64, Expectation)>,
}

impl Split {
    fn new(bytes: &[u8], format: InputFormat) -> Result<Self> {
        let mut split = Self { plain: bytes.to_vec(), envelopes: blank(bytes), expectations: Vec::new() };
        if format == InputFormat::Raw {
            return Ok(split);
        }
        for line in lines(bytes) {
            let Some((rest, expect)) = line.expectation() else { continue };
            let place = || format!("line {}", line.number);
            let expect = serde_json::from_str(expect).map_err(anyhow::Error::from);
            let expect = expect.and_then(Expectation::new).with_context(place)?;
            let range = line.offset..line.offset + line.bytes.len();
            if let (Some(plain), Some(envelope)) =
                (split.plain.get_mut(range.clone()), split.envelopes.get_mut(range))
            {
                plain.fill(b' ');
                envelope.copy_from_slice(rest.as_bytes());
            }
            split.expectations.push((line.number, expect));
        }
        Ok(split)
    }
}

/// As long, with the same line breaks, and nothing else.
fn blank(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }).collect()
}

struct Line<'a> {
    number: u64,
    offset: usize,
    bytes: &'a [u8],
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut offset = 0;
    bytes.split(|byte| *byte == b'\n').zip(1..).map(move |(bytes, number)| {
        let line = Line { number, offset, bytes };
        offset += bytes.len() + 1;
        line
    })
}

impl<'a> Line<'a> {
    /// What is counted of it.
    fn content(&self) -> &'a [u8] {
        let bytes = self.bytes.strip_suffix(b"\r").unwrap_or(self.bytes);
        let without_mark = if self.number == 1 { bytes.strip_prefix(BOM) } else { None };
        without_mark.unwrap_or(bytes)
    }

    /// The text of the member `expect`, and the line without it, as long as before. None if there is no such member, or
    /// the line is no object.
    fn expectation(&self) -> Option<(String, &'a str)> {
        let text = std::str::from_utf8(self.bytes).ok()?;
        let object = text.strip_prefix('\u{feff}').unwrap_or(text);
        if !object.contains(EXPECT) || !object.trim_start().starts_with('{') {
            return None;
        }
        let members: std::collections::BTreeMap<String, &'a RawValue> = serde_json::from_str(object).ok()?;
        let value = members.get(EXPECT)?.get();
        // The value is a part of the line.
        let start = (value.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let (before, behind) = (text.get(..start)?, text.get(start + value.len()..)?);
        let before = before.trim_end().strip_suffix(':')?.trim_end().strip_suffix("\"expect\"")?.trim_end();
        // One comma goes with it.
        let (before, behind) = match (before.strip_suffix(','), behind.trim_start().strip_prefix(',')) {
            (Some(before), _) => (before, behind),
            (None, behind_it) => (before, behind_it.unwrap_or(behind)),
        };
        let gap = text.len().checked_sub(before.len() + behind.len())?;
        Some((format!("{before}{}{behind}", " ".repeat(gap)), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: InputFormat) -> Result<Cases> {
        Cases::of("in.ndjson", text.as_bytes(), format, 1 << 20)
    }

    fn payloads(text: &str, format: InputFormat) -> Vec<(u64, String, String, bool)> {
        let cases = read(text, format).unwrap().cases.into_iter();
        let payload = |case: &Case| String::from_utf8(case.message.payload.clone()).unwrap();
        cases
            .map(|case| (case.line, case.message.id.clone(), payload(&case), case.expect.is_some()))
            .collect()
    }

    #[test]
    fn an_expectation_is_taken_out_wherever_it_stands_and_the_payload_stays_as_it_is() {
        let payload = "{ \"b\": 1.000000000000000000001,\"a\":[\"expect\"] }";
        let lines = [
            format!("{{\"payload\":{payload},\"expect\":{{\"end\":\"applied\"}}}}"),
            String::new(),
            format!("{{\"expect\" : {{}} , \"payload\":{payload}}}\r"),
            format!("{{\"id\":\"x\",\"expect\":{{}},\"payload\":{payload}}}"),
            payload.to_owned(),
        ];
        let text = format!("\u{feff}{}", lines.join("\n"));
        let offset = |line: usize| text.find(&lines[line]).unwrap();
        let found = payloads(&text, InputFormat::Auto);
        let expected = [
            // The byte order mark counts, as it does in a run.
            (1, "in.ndjson:0".to_owned(), payload.to_owned(), true),
            (3, format!("in.ndjson:{}", offset(2)), payload.to_owned(), true),
            (4, "x".to_owned(), payload.to_owned(), true),
            (5, format!("in.ndjson:{}", text.len() - payload.len()), payload.to_owned(), false),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_line_without_an_expectation_is_what_a_run_takes_it_for() {
        let text = "{\"payload\":1}\n{\"payload\":1,\"more\":2}\n7\n\"expect\"\n";
        let found: Vec<String> =
            payloads(text, InputFormat::Auto).into_iter().map(|(_, _, payload, _)| payload).collect();
        assert_eq!(found, ["1", "{\"payload\":1,\"more\":2}", "7", "expect"]);
        let raw = payloads("{\"payload\":1,\"expect\":{}}", InputFormat::Raw);
        assert_eq!(raw, [(1, "in.ndjson:0".to_owned(), "{\"payload\":1,\"expect\":{}}".to_owned(), false)]);
    }

    #[test]
    fn a_line_that_is_no_case_is_named_with_its_number() {
        let cases = [
            ("1\n{\"id\":\"a\",\"expect\":{}}", "line 2: not an envelope: neither \"payload\""),
            ("{\"pay\":1,\"expect\":{}}", "put the message under \"payload\""),
            ("{\"payload\":1,\"expect\":{},\"expect\":{}}", "unknown member \"expect\""),
            ("{\"payload\":1,\"expect\":7}", "line 1: \"expect\" is an object"),
            ("\n\n{\"payload\":", "line 3: not valid JSON"),
            ("", "there is no message in it"),
            (" \n\r\n", "there is no message in it"),
        ];
        for (text, expected) in cases {
            let error = format!("{:#}", read(text, InputFormat::Auto).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
        let error = format!("{:#}", Cases::of("in", b"\xff\n", InputFormat::Auto, 100).unwrap_err());
        assert!(error.contains("line 1: not UTF-8"), "{error}");
        let long = format!("{{\"payload\":\"{}\"}}", "x".repeat(200));
        let error = format!("{:#}", Cases::of("in", long.as_bytes(), InputFormat::Auto, 100).unwrap_err());
        assert!(error.contains("line 1: longer than the line limit"), "{error}");
    }
}
