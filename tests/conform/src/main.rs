//! `oncegate-conform`: runs the cases against one component.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Arg, ArgMatches, Command, value_parser};
use oncegate_conform::{Case, Instances, Real, folder, read_all};

const HELP: &str = "\
Each case runs twice, on fresh instances and on a reused one. A line is printed for each difference.

Exit codes:
  0  all cases passed
  1  some did not
  2  the component or a case cannot be read, or the command line is wrong";

fn main() -> ExitCode {
    match run(&command().get_matches()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::from(2)
        }
    }
}

fn command() -> Command {
    Command::new("oncegate-conform")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs the conformance cases of handlers against a driver, in the real sandbox")
        .after_help(HELP)
        .arg(
            Arg::new("lang")
                .long("lang")
                .value_name("LANG")
                .required(true)
                .help("The driver's language, as cases name it: rust, go, js, python, c"),
        )
        .arg(
            Arg::new("cases")
                .long("cases")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .help("The cases; by default those of the repository that this was built from"),
        )
        .arg(
            Arg::new("component")
                .value_name("COMPONENT")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The driver, as a component"),
        )
        .arg(Arg::new("names").value_name("CASE").num_args(0..).help("Run these cases only"))
}

/// Gives how many cases failed.
fn run(matches: &ArgMatches) -> Result<usize> {
    let text = |name| matches.get_one::<String>(name).map_or("", String::as_str);
    let path = |name| matches.get_one::<PathBuf>(name).cloned();
    let names: Vec<&String> = matches.get_many("names").into_iter().flatten().collect();
    let cases = read_all(&path("cases").unwrap_or_else(folder))?;
    if let Some(unknown) = names.iter().find(|name| cases.iter().all(|case| case.name != ***name)) {
        bail!("there is no case {unknown}");
    }
    let chosen = |case: &&Case| names.is_empty() || names.iter().any(|name| **name == case.name);
    let driver = Real::read(&path("component").unwrap_or_default())?;
    let (mut run, mut failed) = (0, 0);
    let mut out = std::io::stdout().lock();
    for case in cases.iter().filter(chosen).filter(|case| case.is_for(text("lang"))) {
        let mut differences = 0;
        for (instances, what) in [(Instances::Fresh, "fresh"), (Instances::Reused, "reused")] {
            for difference in driver.check(case, text("lang"), instances)? {
                writeln!(out, "{difference} ({what})")?;
                differences += 1;
            }
        }
        run += 1;
        failed += usize::from(differences > 0);
    }
    writeln!(out, "{run} cases, {failed} failed")?;
    Ok(failed)
}
