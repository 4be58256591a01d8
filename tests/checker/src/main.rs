//! `oncegate-checker`: decides whether a run lost or doubled anything.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, ArgAction, Command, value_parser};
use oncegate_checker::{Outcome, Report};

const HELP: &str = "\
Exit codes:
  0  proven: every row of the table holds
  1  violated: some row does not hold; up to five examples of each are shown with all that is known of them
  2  the evidence is missing or unreadable, or the command line is wrong
  3  vacuous: nothing is violated, but something that had to be tried did not happen";

fn main() -> ExitCode {
    let command = Command::new("oncegate-checker")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Reads what a run left and decides whether every effect happened once")
        .after_help(HELP)
        .arg(
            Arg::new("folder")
                .value_name("FOLDER")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The folder with the run's evidence"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the verdicts as one JSON object"),
        );
    // A mistake in the arguments ends the program with 2, and clap's text says which.
    let matches = command.get_matches();
    let folder = matches.get_one::<PathBuf>("folder").map_or(Path::new(""), PathBuf::as_path);
    match judge(folder, matches.get_flag("json")) {
        Ok(outcome) => ExitCode::from(outcome as u8),
        Err(error) => {
            eprintln!("oncegate-checker: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn judge(folder: &Path, json: bool) -> Result<Outcome> {
    let report = Report::of(folder)?;
    let text = if json { serde_json::to_string(&report)? + "\n" } else { report.text() };
    // Whoever stops reading the table half-way (`| head`) still gets the right exit code.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(report.outcome)
}
