//! The table at the end.

use std::fmt;
use std::time::Duration;

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran, and all was well.
    Passed,
    /// It ran, and all was well but for a part that cannot be had everywhere, and is no failure where it cannot.
    Without(String),
    /// It could not run here, for this reason.
    Skipped(String),
    /// It found something, or broke.
    Failed(String),
}

/// Every step that was begun, with its outcome and how long it took.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<(&'static str, Outcome, Duration)>,
}

impl Report {
    /// Adds a step that has ended.
    pub fn add(&mut self, name: &'static str, outcome: Outcome, took: Duration) {
        self.rows.push((name, outcome, took));
    }

    /// Whether no step failed.
    pub fn passed(&self) -> bool {
        self.rows.iter().all(|(_, outcome, _)| !matches!(outcome, Outcome::Failed(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14}{:<10}{:>8}", "step", "result", "seconds")?;
        for (name, outcome, took) in &self.rows {
            let (result, reason) = match outcome {
                Outcome::Passed => ("ok", ""),
                Outcome::Without(what) => ("ok", what.as_str()),
                Outcome::Skipped(reason) => ("SKIPPED", reason.as_str()),
                Outcome::Failed(reason) => ("FAILED", reason.as_str()),
            };
            let row = format!("{name:<14}{result:<10}{:>8.1}  {reason}", took.as_secs_f64());
            writeln!(f, "{}", row.trim_end())?;
        }
        let total: Duration = self.rows.iter().map(|(_, _, took)| *took).sum();
        writeln!(f, "{:<24}{:>8.1}", "total", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_step_stands_out_and_a_failed_one_fails_the_whole() {
        let mut report = Report::default();
        report.add("format", Outcome::Passed, Duration::from_millis(1_240));
        report.add("deny", Outcome::Skipped("no python3".into()), Duration::ZERO);
        let without = "advisories: not checked, their database cannot be reached";
        report.add("deny", Outcome::Without(without.into()), Duration::from_millis(2_000));
        assert!(report.passed());
        report.add("unit", Outcome::Failed("`cargo test` failed".into()), Duration::from_secs(70));
        assert!(!report.passed());
        let expected = "\
step          result     seconds
format        ok             1.2
deny          SKIPPED        0.0  no python3
deny          ok             2.0  advisories: not checked, their database cannot be reached
unit          FAILED        70.0  `cargo test` failed
total                       73.2
";
        assert_eq!(report.to_string(), expected);
    }
}
