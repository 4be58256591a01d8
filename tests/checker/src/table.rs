//! A report for people: a row for each thing that was decided, then what is wrong, then what it comes to.

use std::fmt::Write as _;

use crate::report::{Outcome, Report};
use crate::row::Row;

/// The whole text.
pub fn of(report: &Report) -> String {
    let mut text = format!("shape {}, seed {}", report.shape, report.seed);
    // Writing to a String cannot fail, here and below.
    let _ = match &report.control {
        Some(control) => writeln!(text, ", control: {control}\n"),
        None => writeln!(text, "\n"),
    };
    table(&mut text, report);
    for row in report.rows.iter().filter(|row| !row.ok) {
        violations(&mut text, row);
    }
    let _ = match report.outcome {
        Outcome::Proven => {
            writeln!(text, "\nPROVEN: nothing lost, nothing unexpected, no double unexplained")
        }
        Outcome::Violated => {
            writeln!(text, "\nVIOLATED: {} rows", report.rows.iter().filter(|row| !row.ok).count())
        }
        Outcome::Vacuous => {
            writeln!(text, "\nVACUOUS: nothing is violated, but the run lacks {}", report.missing.join(", "))
        }
    };
    text
}

fn table(text: &mut String, report: &Report) {
    let names = report.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let pipelines = report.rows.iter().map(|row| row.pipeline.len()).max().unwrap_or_default();
    for row in &report.rows {
        let holds = if row.ok { "ok" } else { "VIOLATED" };
        let _ = writeln!(text, "{:names$}  {:pipelines$}  {holds:8}  {}", row.name, row.pipeline, row.found);
    }
    let happened = |name: &String| format!("{name} {}", report.counts.get(name).copied().unwrap_or_default());
    let holds = if report.missing.is_empty() { "ok" } else { "VACUOUS" };
    let required: Vec<String> = report.requires.iter().map(happened).collect();
    let _ = writeln!(text, "{:names$}  {:pipelines$}  {holds:8}  {}", "not vacuous", "", required.join(", "));
    if !report.missing.is_empty() {
        let _ =
            writeln!(text, "{:names$}  {:pipelines$}  {:8}  lacks {}", "", "", "", report.missing.join(", "));
    }
}

fn violations(text: &mut String, row: &Row) {
    let _ = writeln!(text, "\n{}, {}: {} violations", row.name, row.pipeline, row.violations);
    for example in &row.examples {
        let _ = writeln!(text, "  {}", example.what);
        for line in &example.trail {
            let _ = writeln!(text, "    {line}");
        }
    }
    let more = row.violations - row.examples.len();
    if more > 0 {
        let _ = writeln!(text, "  and {more} more");
    }
}
