//! Known faults of the dependencies: a database that is fetched anew with each run, where it can be reached.

use crate::command::{on_path, output_within};
use crate::test::report::Outcome::{self, Passed, Without};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The database, which the tool fetches by git.
const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// How long it may take to answer at all, and then to be fetched and looked through.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
const CHECK_WITHIN: Duration = Duration::from_secs(300);

/// How the tool begins to say that it is the database, and no dependency, that something is wrong with.
const NO_DATABASE: [&str; 3] = [
    "failed to fetch advisory database",
    "failed to load advisory database",
    "error loading advisory database",
];

/// Checks the advisories, or says why that cannot be.
pub fn check(workspace: &Workspace, tool: &Path) -> Result<Outcome> {
    let unchecked = |why: &str| Ok(Without(format!("advisories: not checked, {why}")));
    if on_path("git").is_none() {
        return unchecked("there is no git to fetch their database with");
    }
    let mut ask = Command::new("git");
    // Somebody else's settings may ask for a password, and wait.
    ask.args(["ls-remote", "--quiet", DATABASE, "HEAD"]).env("GIT_TERMINAL_PROMPT", "0");
    if !matches!(output_within(&mut ask, ANSWER_WITHIN)?, Some((true, _))) {
        return unchecked("their database cannot be reached");
    }
    let mut deny = super::command(workspace, tool)?;
    let Some((passed, said)) = output_within(deny.arg("advisories"), CHECK_WITHIN)? else {
        return unchecked("fetching their database took too long");
    };
    print!("{said}");
    match passed {
        true => Ok(Passed),
        false if is_about_the_database(&said) => unchecked("this cargo-deny cannot use their database"),
        false => bail!("a dependency has a known fault, see above; update it, or argue for it in deny.toml"),
    }
}

fn is_about_the_database(said: &str) -> bool {
    NO_DATABASE.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_no_trouble_with_the_database() {
        let trouble = "2026-01-01 [ERROR] failed to load advisory database: unsupported CVSS version";
        assert!(is_about_the_database(trouble));
        assert!(!is_about_the_database("error[vulnerability]: a heap overflow\nadvisories FAILED"));
    }
}
