//! Standard output and error, line by line into the log.

use super::io::OutputStream;
use crate::limits::Limits;
use crate::log::{Level, Logs};
use crate::trap::SHOWN_LINES;

/// Lines that are not at their end yet.
#[derive(Debug, Default)]
pub(crate) struct Console {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Console {
    /// Empty lines are left out.
    pub(crate) fn write(&mut self, to: OutputStream, bytes: &[u8], logs: &mut Logs, limits: &Limits) {
        let begun = match to {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        let (first, mut rest) = match split(bytes) {
            Some(parts) => parts,
            None => return append(begun, bytes, limits),
        };
        append(begun, first, limits);
        log(to, begun, logs, limits);
        begun.clear();
        let mut passed_over = 0_usize;
        if logs.dropped > 0 {
            // Millions of lines may be in here, and all that is kept of them is their number and the last few.
            let (counted, last) = rest.split_at(last_lines(rest));
            passed_over = counted.iter().filter(|byte| **byte == b'\n').count();
            rest = last;
        }
        logs.drop_lines(passed_over);
        while let Some((line, more)) = split(rest) {
            log(to, line, logs, limits);
            rest = more;
        }
        append(begun, rest, limits);
    }

    /// Lines without an end.
    pub(crate) fn flush(&mut self, logs: &mut Logs, limits: &Limits) {
        log(OutputStream::Stdout, &self.stdout, logs, limits);
        log(OutputStream::Stderr, &self.stderr, logs, limits);
        self.stdout.clear();
        self.stderr.clear();
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at(end);
    Some((line, rest.get(1..).unwrap_or_default()))
}

/// Where the last few whole lines begin.
fn last_lines(bytes: &[u8]) -> usize {
    let ends = bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(end, _)| end + 1).nth(SHOWN_LINES).unwrap_or(0)
}

/// One byte more than is shown, so that it shows that there was more.
fn append(line: &mut Vec<u8>, bytes: &[u8], limits: &Limits) {
    let room = limits.text_bytes.saturating_add(1).saturating_sub(line.len());
    line.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

fn log(from: OutputStream, line: &[u8], logs: &mut Logs, limits: &Limits) {
    match from {
        _ if line.is_empty() => {}
        OutputStream::Stdout => logs.add(Level::Info, line, limits),
        OutputStream::Stderr => {
            logs.add(Level::Warn, line, limits);
            logs.note_stderr(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[&[u8]], limits: &Limits) -> Logs {
        let (mut console, mut logs) = (Console::default(), Logs::default());
        for piece in pieces {
            console.write(OutputStream::Stdout, piece, &mut logs, limits);
        }
        console.flush(&mut logs, limits);
        logs
    }

    fn lines(logs: &Logs) -> Vec<&str> {
        logs.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn lines_are_what_lies_between_line_ends_however_they_were_written() {
        let logs = written(&[b"on", b"e\ntwo\n\n\nthr", b"", b"ee\nfour"], &Limits::default());
        assert_eq!(lines(&logs), ["one", "two", "three", "four"]);
    }

    #[test]
    fn a_line_is_cut_and_escaped_and_its_length_costs_no_memory() {
        let limits = Limits { text_bytes: 4, ..Limits::default() };
        let (mut console, mut logs) = (Console::default(), Logs::default());
        for _ in 0..1000 {
            console.write(OutputStream::Stdout, b"\x1bab\xff", &mut logs, &limits);
        }
        assert_eq!(console.stdout.len(), 5);
        console.flush(&mut logs, &limits);
        assert_eq!(lines(&logs), ["\\u{1b}ab\\xff…"]);
    }

    #[test]
    fn standard_error_warns_and_the_two_do_not_mix() {
        let (mut console, mut logs) = (Console::default(), Logs::default());
        let limits = Limits::default();
        console.write(OutputStream::Stdout, b"o", &mut logs, &limits);
        console.write(OutputStream::Stderr, b"e", &mut logs, &limits);
        console.write(OutputStream::Stdout, b"ut\n", &mut logs, &limits);
        console.write(OutputStream::Stderr, b"rr\n", &mut logs, &limits);
        let lines: Vec<_> = logs.lines.iter().map(|line| (line.level, line.text.as_str())).collect();
        assert_eq!(lines, [(Level::Info, "out"), (Level::Warn, "err")]);
    }

    #[test]
    fn millions_of_lines_are_counted_and_the_last_are_known() {
        let limits = Limits { log_lines: 2, ..Limits::default() };
        let many = "x\n".repeat(1_000_000);
        let logs = written(&[b"1\n2\n3\n", many.as_bytes(), b"a\nb\nc\nd"], &limits);
        assert_eq!(lines(&logs), ["1", "2"]);
        assert_eq!(logs.dropped, 1_000_005);
        let last: Vec<_> = logs.last_lines().map(|line| line.text).collect();
        assert_eq!(last, ["b", "c", "d"]);
    }
}
