//! `oncegate build`: a component from a project.

use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use oncegate_author::Error;

use crate::exit::{Exit, Failure};

pub fn command() -> Command {
    Command::new("build")
        .about("Makes a component of a project, with the project's own tools")
        .arg(Arg::new("source").value_name("PROJECT").default_value(".").help(
            "The project's folder; or component text (.wat); or a core module (.wasm) that another toolchain made",
        ))
        .arg(Arg::new("output").long("output").short('o').value_name("FILE").help(
            "What the component is written to [default: build/NAME.wasm in the project]",
        ))
        .after_help(crate::exit::HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let path = |name: &str| matches.get_one::<String>(name).map(Path::new);
    let built = oncegate_author::build(path("source").unwrap_or(Path::new(".")), path("output"));
    let built = built.map_err(failure)?;
    let component = relative(&built.component);
    super::print(&format!("{} ({} bytes)\n", component.display(), built.bytes))
}

/// An error with the exit code of its kind.
pub(crate) fn failure(error: Error) -> Failure {
    let exit = match &error {
        error if error.is_of_toolchain() => Exit::Toolchain,
        Error::File { .. } => Exit::File,
        _ => Exit::Usage,
    };
    Failure { exit, error: error.into() }
}

/// As one would type it here.
fn relative(path: &Path) -> &Path {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path)
}
