//! What has to become of a case.

use serde::Deserialize;

/// What has to become of a case: it is refused when it is loaded, or runs and ends.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expected {
    /// What is said when it is refused. Then nothing else is expected.
    pub refused: Option<String>,
    /// How it ends.
    pub end: Option<End>,
    /// The end's text; see [`matches()`].
    #[serde(default)]
    pub text: String,
    /// What becomes of its delivery. If it is not named, what follows from the end.
    pub verdict: Option<Verdict>,
    /// How many outputs are applied.
    #[serde(default)]
    pub outputs: usize,
    /// The keys that are committed once it is settled, as the host shows them, in order. A receipt follows behind
    /// ` -> `.
    #[serde(default)]
    pub commits: Vec<String>,
    /// The log lines that the host keeps.
    #[serde(default)]
    pub logs: Vec<String>,
    /// How many further log lines were dropped and counted.
    #[serde(default)]
    pub dropped: u32,
    /// What the pipeline makes of it, if its end does not say so: the reason in the dead letter.
    pub dead_letter: Option<String>,
}

/// How a handler may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It returned `ok`.
    Ok,
    /// It asked for a retry, or was ended.
    Failed,
    /// It took too long.
    OutOfTime,
    /// It rejected the message.
    Rejected,
}

/// What may become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What it staged is applied.
    Apply,
    /// Nothing is applied, and an attempt is used up.
    Fail,
    /// Nothing is applied, and no attempt is used up.
    Defer,
    /// It becomes a dead letter.
    Die,
}

impl Expected {
    /// What becomes of its delivery.
    pub fn verdict(&self) -> Verdict {
        self.verdict.unwrap_or(match self.end {
            Some(End::Ok) | None => Verdict::Apply,
            Some(End::Failed | End::OutOfTime) => Verdict::Fail,
            Some(End::Rejected) => Verdict::Die,
        })
    }
}

/// A measured number.
const NUMBER: &str = "<n>";
/// Words of the runtime, which are its own affair.
const RUNTIME: &str = "<runtime>";
/// The most that the host shows of an error of the runtime, cut, escapes and all.
const MOST_OF_RUNTIME: usize = 400;

/// Whether a text is the expected one: the same, but for `<n>`, which stands for a number that was measured, and
/// `<runtime>`, which stands for words of the runtime in one line.
pub fn matches(expected: &str, found: &str) -> bool {
    let next = [NUMBER, RUNTIME].into_iter().filter_map(|mark| Some((expected.find(mark)?, mark))).min();
    let Some((at, mark)) = next else { return expected == found };
    let (before, after) = (&expected[..at], &expected[at + mark.len()..]);
    let Some(rest) = found.strip_prefix(before) else { return false };
    let most = match mark {
        NUMBER => rest.bytes().take_while(u8::is_ascii_digit).count(),
        _ => rest.find(char::is_control).unwrap_or(rest.len()).min(MOST_OF_RUNTIME),
    };
    (1..=most).rev().any(|taken| rest.get(taken..).is_some_and(|rest| matches(after, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_matches_itself_and_nothing_else() {
        assert!(matches("stack overflow", "stack overflow"));
        assert!(!matches("stack overflow", "stack overflow."));
        assert!(!matches("", "x"));
    }

    #[test]
    fn numbers_are_any_and_at_least_one_digit() {
        assert!(matches("used <n> ms of <n>", "used 40 ms of 7"));
        assert!(!matches("used <n> ms", "used  ms"));
        assert!(!matches("used <n> ms", "used x ms"));
    }

    #[test]
    fn the_runtime_says_what_it_likes_in_one_line_of_bounded_length() {
        assert!(matches("trapped: <runtime>; last", "trapped: a; b; last"));
        assert!(!matches("trapped: <runtime>", "trapped: "));
        assert!(!matches("trapped: <runtime>", "trapped: a\nb"));
        assert!(!matches("<runtime>", &"x".repeat(401)));
    }
}
