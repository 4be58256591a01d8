//! A stream of bytes to lines, without ever holding more than one line and one read.

use std::io::{self, ErrorKind, Read};

use memchr::memchr;

/// How much is read at once, in bytes.
const CHUNK: usize = 256 * 1024;
/// What a line may hold beside what its limit counts: a byte order mark and a carriage return.
const UNCOUNTED: usize = BOM.len() + 1;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A line without its line ending, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// The offset of its first byte in the input; everything counts, a byte order mark too.
    pub(crate) offset: u64,
    /// Counted from 1.
    pub(crate) number: u64,
    /// The line, or its beginning if it is too long.
    pub(crate) bytes: &'a [u8],
    /// It is longer than the limit. Its rest is passed over.
    pub(crate) too_long: bool,
}

/// Splits what it reads into lines. A line ends with `\n` or `\r\n`, the last one also with the input.
pub(crate) struct Lines<R> {
    input: R,
    limit: usize,
    buffer: Vec<u8>,
    /// Where the line that has not been handed out yet begins in `buffer`.
    start: usize,
    /// No line break lies between `start` and here.
    searched: usize,
    /// Where the bytes read so far end in `buffer`.
    end: usize,
    /// The offset of `start` in the input.
    offset: u64,
    /// How many lines have begun before `start`.
    number: u64,
    /// The line at `start` was too long and was handed out: what is left of it is not looked at.
    skipping: bool,
    ended: bool,
}

impl<R: Read> Lines<R> {
    /// `limit` is in bytes, without the line ending.
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self {
            input,
            limit,
            buffer: vec![0; CHUNK],
            start: 0,
            searched: 0,
            end: 0,
            offset: 0,
            number: 0,
            skipping: false,
            ended: false,
        }
    }

    /// How many bytes of the input have been read.
    pub(crate) fn read_to(&self) -> u64 {
        self.offset + (self.end - self.start) as u64
    }

    /// Waits for more input. `false` is its end, after which it is not read again.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.make_room();
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(read) => {
                    self.end += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves what is left to the front, and grows the buffer only if one line fills it.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.searched -= self.start;
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            let most = self.limit.saturating_add(UNCOUNTED).saturating_add(CHUNK);
            let grown = self.buffer.len().saturating_mul(2).min(most).max(self.end + CHUNK);
            self.buffer.resize(grown, 0);
        }
    }

    /// The next line that has been read already, if there is one.
    pub(crate) fn next(&mut self) -> Option<Line<'_>> {
        if self.skipping && !self.skip() {
            return None;
        }
        let found = memchr(b'\n', &self.buffer[self.searched..self.end]);
        let (bytes_end, next_start) = match found {
            Some(at) => (self.searched + at, self.searched + at + 1),
            None if self.end - self.start > self.limit.saturating_add(UNCOUNTED) => {
                self.skipping = true;
                (self.end, self.end)
            }
            None if self.ended && self.end > self.start => (self.end, self.end),
            None => {
                self.searched = self.end;
                return None;
            }
        };
        let (from, offset) = (self.start, self.offset);
        self.advance(next_start);
        self.number += 1;
        let bytes = content(&self.buffer[from..bytes_end], self.number == 1);
        let too_long = self.skipping || bytes.len() > self.limit;
        Some(Line { offset, number: self.number, bytes, too_long })
    }

    /// Passes over the rest of a line that was too long. Whether its end was found.
    fn skip(&mut self) -> bool {
        let found = memchr(b'\n', &self.buffer[self.start..self.end]);
        self.skipping = found.is_none();
        self.advance(found.map_or(self.end, |at| self.start + at + 1));
        !self.skipping
    }

    fn advance(&mut self, to: usize) {
        self.offset += (to - self.start) as u64;
        self.start = to;
        self.searched = to;
    }
}

fn content(line: &[u8], first: bool) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if first { line.strip_prefix(BOM).unwrap_or(line) } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, and reports an interruption before each.
    struct Trickle<'a>(&'a [u8], bool);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..1]) }
        }
    }

    fn read_all(input: impl Read, limit: usize) -> Vec<(u64, u64, Vec<u8>, bool)> {
        let mut lines = Lines::new(input, limit);
        let mut all = Vec::new();
        loop {
            while let Some(line) = lines.next() {
                all.push((line.number, line.offset, line.bytes.to_vec(), line.too_long));
            }
            if !lines.fill().unwrap() {
                all.extend(lines.next().map(|l| (l.number, l.offset, l.bytes.to_vec(), l.too_long)));
                return all;
            }
        }
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_arrive() {
        let input = b"\xef\xbb\xbfone\r\n\ntwo\nlonger than that\nlast";
        let expected = vec![
            (1, 0, b"one".to_vec(), false),
            (2, 8, b"".to_vec(), false),
            (3, 9, b"two".to_vec(), false),
            (5, 30, b"last".to_vec(), false),
        ];
        for mut lines in [read_all(&input[..], 5), read_all(Trickle(input, false), 5)] {
            let too_long = lines.remove(3);
            assert_eq!((too_long.0, too_long.1, too_long.3), (4, 13, true));
            assert!(too_long.2.starts_with(b"longer tha"));
            assert_eq!(lines, expected);
        }
    }

    #[test]
    fn the_limit_counts_the_line_alone() {
        let fits = |input: &[u8]| read_all(input, 4).iter().all(|line| !line.3);
        assert!(fits(b"\xef\xbb\xbf1234\r\n1234\r\n1234\n1234"));
        assert!(!fits(b"12345\n"));
        assert!(!fits(b"12345\r\n"));
        assert!(!fits(b"12345"));
    }

    #[test]
    fn an_endless_line_is_reported_once_and_not_held() {
        let input = io::repeat(b'x').take(64 << 20).chain(&b"\nnext\n"[..]);
        let mut lines = Lines::new(input, 1 << 20);
        let (mut seen, mut last) = (0, Vec::new());
        loop {
            while let Some(line) = lines.next() {
                (seen, last) = (seen + 1, line.bytes.to_vec());
            }
            assert!(lines.buffer.len() <= (1 << 20) + CHUNK + UNCOUNTED);
            if !lines.fill().unwrap() {
                break;
            }
        }
        assert_eq!((seen, last), (2, b"next".to_vec()));
        assert_eq!(lines.read_to(), (64 << 20) + 6);
    }

    #[test]
    fn the_end_of_the_input_is_final() {
        let mut lines = Lines::new(&b"a"[..], 10);
        assert!(lines.fill().unwrap());
        assert!(lines.next().is_none());
        assert!(!lines.fill().unwrap());
        assert!(lines.next().is_some());
        assert!(lines.next().is_none());
        assert!(!lines.fill().unwrap());
    }
}
