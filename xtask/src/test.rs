//! `cargo xtask test`: everything that has to hold, in the order in which failures are cheapest to find.

pub mod deny;
mod deployment;
pub mod redis;
pub mod report;
mod steps;

use crate::workspace::Workspace;
use anyhow::{Result, bail, ensure};
use report::{Outcome, Report};
use std::time::Instant;
use steps::STEPS;

/// Runs the steps, or those that are named, and stops at the first that fails: what comes after it would
/// mostly repeat its errors.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (flags, names): (Vec<_>, Vec<_>) = arguments.iter().partition(|word| word.starts_with("--"));
    if let Some(flag) = flags.iter().find(|flag| **flag != "--ci") {
        bail!("`cargo xtask test` knows no flag `{flag}`, only --ci");
    }
    if let Some(name) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        bail!("there is no step `{name}`; steps are {}", STEPS.map(|step| step.name).join(", "));
    }
    let ci = !flags.is_empty() || std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");

    let mut report = Report::default();
    for step in STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| **name == step.name)) {
        println!("\n== {}: {}\n", step.name, step.what);
        let start = Instant::now();
        let outcome = match (step.run)(workspace) {
            Ok(Outcome::Skipped(why)) if ci => Outcome::Failed(format!("skipped, which CI forbids: {why}")),
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        let failed = matches!(outcome, Outcome::Failed(_));
        report.add(step.name, outcome, start.elapsed());
        if failed {
            break;
        }
    }
    print!("\n{report}");
    ensure!(report.passed(), "the tests failed");
    Ok(())
}
