//! Other programs: finding them, and running them where the author sees what they say.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::language::Language;

/// Where the shell would find this program.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The first of these programs that there is, or how to get it.
pub(crate) fn find(programs: &[&str], language: Language, how: &str) -> Result<PathBuf, Error> {
    let found = programs.iter().find_map(|program| on_path(program));
    found.ok_or_else(|| Error::Missing {
        program: programs.first().copied().unwrap_or_default().to_owned(),
        language: language.name(),
        how: how.to_owned(),
    })
}

/// Shows the command and runs it. All that it prints goes to standard error: standard output is for results.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let line = line(command);
    eprintln!("$ {line}");
    // Nothing that builds a handler asks the author anything.
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let status = command
        .status()
        .map_err(|error| Error::Failed { command: line.clone(), status: error.to_string() })?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::Failed { command: line, status: status.to_string() }),
    }
}

/// What the command prints, without white space around it; what it says beside that goes to standard error.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let line = line(command);
    let failed = |status: String| Error::Failed { command: line.clone(), status };
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(failed(output.status.to_string())),
    }
}

/// The command as one would type it. For reading: it quotes nothing.
fn line(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args()).map(|word| word.to_string_lossy());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_way_to_get_it() {
        let error = find(&["no-such-program"], Language::Go, "install it").unwrap_err();
        assert_eq!(error.to_string(), "no-such-program is missing, which Go needs: install it");
        assert!(error.is_of_toolchain() && on_path("sh").is_some());
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
        assert_eq!(output(Command::new("sh").args(["-c", "echo one"])).unwrap(), "one");
    }
}
