//! Entries as bytes: what the encoder writes down and what sinks and settles read.
//!
//! An entry is the length of its stream's name and the name, the number of its fields, and for each field twice a
//! length and as many bytes: its name and its value. All lengths are 32 bits, the least byte first.

use oncegate_redis::text::shown;

/// How many fields an entry may have: Lua hands on fewer than 8,000 values at once, and a field is two.
pub const MOST_FIELDS: usize = 3_900;

/// How much of a topic is shown, in bytes.
const SHOWN_BYTES: usize = 80;

/// Stands for the length of a stream's name where a topic has no stream; the topic follows.
const NO_STREAM: u32 = u32::MAX;

/// Writes one entry behind `bytes`.
#[derive(Debug)]
pub struct Packer<'a> {
    bytes: &'a mut Vec<u8>,
    count_at: usize,
    count: u32,
}

impl<'a> Packer<'a> {
    /// An entry of this stream, without fields yet.
    pub fn new(stream: &str, bytes: &'a mut Vec<u8>) -> Self {
        push(stream.as_bytes(), bytes);
        let count_at = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        Self { bytes, count_at, count: 0 }
    }

    /// In place of an entry: what reads it refuses it by name.
    pub fn no_stream(topic: &str, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&NO_STREAM.to_le_bytes());
        push(topic.as_bytes(), bytes);
    }

    /// Adds a field.
    pub fn field(&mut self, name: &str, value: &[u8]) {
        self.prefixed("", name, value);
    }

    /// Adds a field whose name has two parts.
    pub fn prefixed(&mut self, prefix: &str, name: &str, value: &[u8]) {
        self.bytes.extend_from_slice(&length(prefix.len() + name.len()).to_le_bytes());
        self.bytes.extend_from_slice(prefix.as_bytes());
        self.bytes.extend_from_slice(name.as_bytes());
        push(value, self.bytes);
        self.count += 1;
        if let Some(count) = self.bytes.get_mut(self.count_at..self.count_at + 4) {
            count.copy_from_slice(&self.count.to_le_bytes());
        }
    }
}

fn push(part: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&length(part.len()).to_le_bytes());
    bytes.extend_from_slice(part);
}

/// No part of a message comes near 4 GiB: sources and the sandbox limit all of them to a small part of it.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Why bytes are no entry that could be appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpackable {
    /// The configuration has no stream for this topic, which is shown escaped.
    #[error("the topic \"{0}\" has no stream; name one in the configuration")]
    NoStream(String),
    /// It has too many fields for a script.
    #[error("an entry has {0} fields, and no more than {MOST_FIELDS} can be appended")]
    TooManyFields(usize),
    /// The bytes are not what the encoder for streams writes.
    #[error("the bytes to append are no entries; this is a fault of the host")]
    Broken,
}

/// The entries in what [`StreamEncoder`](super::StreamEncoder) has written, in their order.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    /// The entries in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes stand behind the entries that were read.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    fn entry(&mut self) -> Result<Entry<'a>, Unpackable> {
        let mut rest = self.rest;
        if rest.starts_with(&NO_STREAM.to_le_bytes()) {
            rest = rest.get(4..).unwrap_or_default();
            let topic = part(&mut rest).ok_or(Unpackable::Broken)?;
            self.rest = rest;
            return Err(Unpackable::NoStream(shown(topic, SHOWN_BYTES)));
        }
        let stream = part(&mut rest).ok_or(Unpackable::Broken)?;
        let count = number(&mut rest).ok_or(Unpackable::Broken)?;
        let whole = rest;
        for _ in 0..count {
            part(&mut rest).and_then(|_| part(&mut rest)).ok_or(Unpackable::Broken)?;
        }
        self.rest = rest;
        if count > MOST_FIELDS {
            return Err(Unpackable::TooManyFields(count));
        }
        let length = whole.len() - rest.len();
        Ok(Entry { stream, count, fields: whole.get(..length).unwrap_or_default() })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Unpackable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.entry();
        if entry == Err(Unpackable::Broken) {
            // Nothing behind it can be told apart any more.
            self.rest = &[];
        }
        Some(entry)
    }
}

/// One entry, to be appended to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The stream's name.
    pub stream: &'a [u8],
    count: usize,
    fields: &'a [u8],
}

impl<'a> Entry<'a> {
    /// How many fields it has.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Its fields' names and values, in their order.
    pub fn fields(&self) -> Fields<'a> {
        Fields { rest: self.fields }
    }

    /// How many bytes it has, lengths included.
    pub fn bytes(&self) -> usize {
        self.fields.len()
    }
}

/// The fields of an [`Entry`], in their order.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((part(&mut self.rest)?, part(&mut self.rest)?))
    }
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(rest)?;
    let (part, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(fields: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut packer = Packer::new("s", &mut bytes);
        (0..fields).for_each(|_| packer.field("n", b"v"));
        bytes
    }

    #[test]
    fn entries_come_out_as_they_went_in() {
        let mut bytes = Vec::new();
        let mut packer = Packer::new("one", &mut bytes);
        packer.field("payload", b"\xff\0");
        packer.prefixed("header:", "n", b"");
        let _ = Packer::new("", &mut bytes);
        Packer::no_stream("t", &mut bytes);
        bytes.extend(packed(1));
        let found: Vec<_> = Entries::new(&bytes).collect();
        let first = found[0].clone().unwrap();
        assert_eq!((first.stream, first.count()), (b"one".as_slice(), 2));
        let fields: Vec<_> = first.fields().collect();
        assert_eq!(fields, [(b"payload".as_slice(), b"\xff\0".as_slice()), (b"header:n", b"")]);
        assert_eq!(found[1].clone().unwrap().count(), 0);
        assert_eq!(found[2], Err(Unpackable::NoStream("t".to_owned())));
        assert_eq!(found[3].clone().unwrap().stream, b"s");
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn what_is_no_entry_is_refused_and_ends_the_list() {
        let whole = packed(2);
        for end in 1..whole.len() {
            let found: Vec<_> = Entries::new(&whole[..end]).collect();
            assert_eq!(found, [Err(Unpackable::Broken)], "{end}");
        }
        let mut many = packed(MOST_FIELDS + 1);
        many.extend(packed(MOST_FIELDS));
        let found: Vec<_> = Entries::new(&many).map(|entry| entry.map(|entry| entry.count())).collect();
        assert_eq!(found, [Err(Unpackable::TooManyFields(MOST_FIELDS + 1)), Ok(MOST_FIELDS)]);
    }
}
