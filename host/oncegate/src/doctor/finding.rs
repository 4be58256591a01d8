//! What a check found.

use oncegate_dedup::text::{json_line, line};
use serde_json::json;

/// The longest part of a finding, in bytes.
const LINE_BYTES: usize = 4 << 10;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Nothing to do, but good to know; or not checked, and why.
    Info,
    /// Works until something else goes wrong.
    Warn,
    /// Does not work, or will lose or double something.
    Fail,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Ok => "OK",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Fail => "FAIL",
        }
    }
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The store.
    Store,
    /// What a pipeline reads and writes, and its policy.
    Pipeline,
}

#[derive(Debug)]
struct Finding {
    level: Level,
    part: Part,
    place: String,
    what: String,
    to_do: Option<String>,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
    part: Option<Part>,
    place: String,
}

impl Report {
    /// What follows was found there.
    pub fn at(&mut self, part: Part, place: impl Into<String>) {
        (self.part, self.place) = (Some(part), place.into());
    }

    fn add(&mut self, level: Level, what: impl Into<String>, to_do: Option<String>) {
        let part = self.part.unwrap_or(Part::Store);
        // Servers say part of it.
        let safe = |text: &str| line(text, LINE_BYTES);
        let (place, what) = (safe(&self.place), safe(&what.into()));
        self.findings.push(Finding { level, part, place, what, to_do: to_do.as_deref().map(safe) });
    }

    /// Something is as it should be.
    pub fn ok(&mut self, what: impl Into<String>) {
        self.add(Level::Ok, what, None);
    }

    /// Something is good to know.
    pub fn info(&mut self, what: impl Into<String>) {
        self.add(Level::Info, what, None);
    }

    /// Something could not be looked at.
    pub fn unchecked(&mut self, what: &str, why: &str) {
        self.add(Level::Info, format!("{what} not checked ({why})"), None);
    }

    /// Something may go wrong.
    pub fn warn(&mut self, what: impl Into<String>, to_do: impl Into<String>) {
        self.add(Level::Warn, what, Some(to_do.into()));
    }

    /// Something is wrong.
    pub fn fail(&mut self, what: impl Into<String>, to_do: impl Into<String>) {
        self.add(Level::Fail, what, Some(to_do.into()));
    }

    /// How many findings of a part are failures.
    pub fn failures(&self, part: Part) -> usize {
        self.findings.iter().filter(|finding| finding.part == part && finding.level == Level::Fail).count()
    }

    /// A line for each finding: where, what, and behind an arrow what to do.
    pub fn text(&self) -> String {
        let line = |finding: &Finding| {
            let Finding { level, place, what, to_do, .. } = finding;
            let to_do = to_do.as_ref().map(|to_do| format!(" -> {to_do}")).unwrap_or_default();
            format!("{:<4}  {place}: {what}{to_do}\n", level.word())
        };
        self.findings.iter().map(line).collect()
    }

    /// The same as JSON.
    pub fn json(&self) -> String {
        let line = |finding: &Finding| {
            let line = json!({
                "level": finding.level.word(),
                "part": match finding.part { Part::Store => "store", Part::Pipeline => "pipeline" },
                "where": finding.place,
                "what": finding.what,
                "to_do": finding.to_do,
            });
            format!("{}\n", json_line(&line.to_string()))
        };
        self.findings.iter().map(line).collect()
    }
}
