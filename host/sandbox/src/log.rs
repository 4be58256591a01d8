//! What a handler wrote for the operator.

use std::collections::VecDeque;
use std::fmt;

use oncegate_dedup::text::shown;

use crate::limits::Limits;
use crate::trap::SHOWN_LINES;
use crate::unit::Size;

/// How much of a line is shown with a cause, in bytes.
const SHOWN_LINE_BYTES: usize = 200;

/// How much a line matters, by the handler's own judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The least.
    Trace,
    /// For whoever looks for a mistake.
    Debug,
    /// The usual.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// One line, fit to be shown: escaped, and cut at [`Limits::text_bytes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The text.
    pub text: String,
}

/// The lines of one invocation. Nothing is allocated while there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    /// The first lines, up to the limits.
    pub lines: Vec<LogLine>,
    /// How many more lines there were. Note it once.
    pub dropped: u32,
    bytes: usize,
    /// The last lines that were dropped: what a handler wrote just before it died is never among the first.
    last: VecDeque<LogLine>,
    /// The last lines of standard error, dropped or not.
    stderr: VecDeque<String>,
    /// The first one, once it is not among the last any more.
    first_stderr: Option<String>,
}

impl Logs {
    pub(crate) fn add(&mut self, level: Level, text: &[u8], limits: &Limits) {
        let kept = text.len().min(limits.text_bytes);
        let fits = self.lines.len() < limits.log_lines && self.bytes + kept <= limits.log_bytes;
        // After the first that was dropped all are, so that what is kept has no gaps.
        if fits && self.dropped == 0 {
            self.bytes += kept;
            self.lines.push(LogLine { level, text: shown(text, limits.text_bytes) });
            return;
        }
        self.dropped = self.dropped.saturating_add(1);
        push(&mut self.last, LogLine { level, text: shown(text, SHOWN_LINE_BYTES) });
    }

    /// So many lines more that are not kept.
    pub(crate) fn drop_lines(&mut self, lines: usize) {
        self.dropped = self.dropped.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
    }

    /// A line of standard error, which is in the log already.
    pub(crate) fn note_stderr(&mut self, text: &[u8]) {
        if let Some(older) = push(&mut self.stderr, shown(text, SHOWN_LINE_BYTES)) {
            self.first_stderr.get_or_insert(older);
        }
    }

    /// The first line of standard error, if it is not among the last: a program that dies often says first why, and
    /// then where.
    pub(crate) fn first_stderr(&self) -> Option<&str> {
        self.first_stderr.as_deref()
    }

    /// The last few lines of standard error.
    pub(crate) fn last_stderr(&self) -> impl Iterator<Item = &str> {
        self.stderr.iter().map(String::as_str)
    }

    /// The last few, dropped or not, the very last one last.
    pub(crate) fn last_lines(&self) -> impl Iterator<Item = LogLine> {
        let kept = self.lines.len().saturating_sub(SHOWN_LINES - self.last.len());
        let kept = self.lines.get(kept..).unwrap_or_default();
        kept.iter().chain(&self.last).map(|line| {
            // Escaped already, so that cutting is all that is left to do. An escape may be cut in two.
            let cut = line.text.char_indices().nth(SHOWN_LINE_BYTES);
            let text = match cut {
                Some((end, _)) => format!("{}…", line.text.get(..end).unwrap_or_default()),
                None => line.text.clone(),
            };
            LogLine { level: line.level, text }
        })
    }

    /// The note that lines were dropped, if some were.
    pub fn note<'a>(&'a self, limits: &'a Limits) -> Option<impl fmt::Display + use<'a>> {
        (self.dropped > 0).then_some(Note { dropped: self.dropped, limits })
    }
}

/// One more of the last few. Gives back which is none of them any more.
fn push<T>(last: &mut VecDeque<T>, line: T) -> Option<T> {
    let older = if last.len() == SHOWN_LINES { last.pop_front() } else { None };
    last.push_back(line);
    older
}

struct Note<'a> {
    dropped: u32,
    limits: &'a Limits,
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Limits { log_lines, log_bytes, .. }, dropped) = (self.limits, self.dropped);
        write!(f, "{dropped} log lines dropped (limits: {log_lines} lines, {})", Size(*log_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_are_counted_and_the_last_ones_are_known() {
        let limits = Limits { log_lines: 2, text_bytes: 4, ..Limits::default() };
        let mut logs = Logs::default();
        assert!(logs.note(&limits).is_none());
        for text in ["one\n", "two two", "three"] {
            logs.add(Level::Info, text.as_bytes(), &limits);
        }
        let kept: Vec<_> = logs.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(kept, ["one\\n", "two …"]);
        let last: Vec<_> = logs.last_lines().map(|line| line.text).collect();
        assert_eq!(last, ["one\\n", "two …", "three"]);
        for text in ["four", "five", "six"] {
            logs.add(Level::Warn, text.as_bytes(), &limits);
        }
        let last: Vec<_> = logs.last_lines().map(|line| line.text).collect();
        assert_eq!(last, ["four", "five", "six"]);
        let note = logs.note(&limits).unwrap().to_string();
        assert_eq!(note, "4 log lines dropped (limits: 2 lines, 16 KiB)");
    }

    #[test]
    fn a_long_line_does_not_end_what_is_kept_unless_it_is_over_the_limit() {
        let limits = Limits { log_bytes: 10, ..Limits::default() };
        let mut logs = Logs::default();
        logs.add(Level::Info, b"0123456789", &limits);
        logs.add(Level::Info, b"x", &limits);
        logs.add(Level::Info, b"", &limits);
        assert_eq!((logs.lines.len(), logs.dropped), (1, 2));
    }
}
