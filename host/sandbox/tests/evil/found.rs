//! What became of a case, and how that differs from what is expected.

use oncegate_dedup::{HandlerEnd, Verdict};
use oncegate_evil::{End, Expected, Verdict as Became, matches};
use oncegate_sandbox::Invocation;

/// What became of a case.
pub struct Found {
    end: Result<End, String>,
    text: String,
    staged_outputs: usize,
    logs: Vec<String>,
    dropped: u32,
    became: Option<Became>,
    applied: bool,
    commits: Vec<String>,
}

impl Found {
    pub fn of(invocation: &Invocation) -> Self {
        let (end, text) = match &invocation.end {
            HandlerEnd::Ok => (Ok(End::Ok), ""),
            HandlerEnd::Failed(text) => (Ok(End::Failed), &**text),
            HandlerEnd::OutOfTime(text) => (Ok(End::OutOfTime), &**text),
            HandlerEnd::Rejected(text) => (Ok(End::Rejected), &**text),
            HandlerEnd::Aborted => (Err("aborted".to_owned()), ""),
        };
        let logs = &invocation.logs;
        let line = |line: &oncegate_sandbox::LogLine| format!("{}: {}", line.level.as_str(), line.text);
        Self {
            end,
            text: text.to_owned(),
            staged_outputs: invocation.outputs.len(),
            logs: logs.lines.iter().map(line).collect(),
            dropped: logs.dropped,
            became: None,
            applied: false,
            commits: Vec::new(),
        }
    }

    /// It was settled by this verdict.
    pub fn settled(&mut self, verdict: &Verdict, applied: bool, commits: Vec<String>) {
        self.became = match verdict {
            Verdict::Apply => Some(Became::Apply),
            Verdict::Fail(_) => Some(Became::Fail),
            Verdict::Defer(_) => Some(Became::Defer),
            Verdict::Die(_) => Some(Became::Die),
            Verdict::DiedBefore(_) | Verdict::Stop(_) => None,
        };
        self.applied = applied && self.became == Some(Became::Apply);
        self.commits = commits;
    }

    /// Each difference in a line.
    pub fn differences(&self, expected: &Expected) -> impl Iterator<Item = String> {
        let differs = |what: &str, expected: &dyn std::fmt::Debug, found: &dyn std::fmt::Debug| {
            Some(format!("{what}: expected {expected:?}, found {found:?}"))
        };
        // Unless it returned `ok`, there is nothing to be given out, whatever becomes of it.
        let counts = self.applied || self.end != Ok(End::Ok);
        let outputs = if counts { self.staged_outputs } else { 0 };
        let all_match = |expected: &[String], found: &[String]| {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(one, other)| matches(one, other))
        };
        let end = expected.end.ok_or_else(String::new);
        let texts = (&expected.text, &self.text);
        [
            (end != self.end).then(|| differs("the end", &end, &self.end)),
            (!matches(texts.0, texts.1)).then(|| differs("the text", texts.0, texts.1)),
            (self.became != Some(expected.verdict()))
                .then(|| differs("the verdict", &expected.verdict(), &self.became)),
            (outputs != expected.outputs).then(|| differs("outputs", &expected.outputs, &outputs)),
            (!all_match(&expected.commits, &self.commits))
                .then(|| differs("commits", &expected.commits, &self.commits)),
            // Most cases have nothing to say about the log of one that floods it.
            (expected.dropped != self.dropped).then(|| differs("dropped", &expected.dropped, &self.dropped)),
            (expected.dropped == 0 && !all_match(&expected.logs, &self.logs))
                .then(|| differs("logs", &expected.logs, &self.logs)),
        ]
        .into_iter()
        .flatten()
        .flatten()
        .collect::<Vec<_>>()
        .into_iter()
    }
}
