//! Other programs: finding them, and running them with their failure in one line.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The cargo that runs this tool, so that one version does everything.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Shows the command, runs it on this terminal, and fails if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", line(command));
    let status = command.status().with_context(|| format!("failed to start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// What the command prints, without surrounding white space; fails if it fails, with what it said.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("failed to start `{}`", line(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", line(command), output.status, said.trim());
    }
    Ok(String::from_utf8(output.stdout).with_context(|| line(command))?.trim().to_owned())
}

/// Whether the command succeeded, and all that it said; none if it had to be ended because it took too long.
pub fn output_within(command: &mut Command, limit: Duration) -> Result<Option<(bool, String)>> {
    println!("$ {}", line(command));
    let mut said = tempfile()?;
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("failed to start `{}`", line(command)))?;
    let begun = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if begun.elapsed() >= limit => {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    said.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    said.read_to_end(&mut bytes)?;
    Ok(Some((status.success(), String::from_utf8_lossy(&bytes).into_owned())))
}

/// A file that nobody else sees: output of any length fits into it, and a child's child that lives on holds nothing up.
fn tempfile() -> Result<File> {
    let path =
        std::env::temp_dir().join(format!("xtask-{}-{:?}", std::process::id(), thread::current().id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path);
    let file = file.with_context(|| format!("{} cannot be made", path.display()))?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Where the shell would find this program.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The command as one would type it. For reading: it quotes nothing.
pub fn line(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> = [name].into_iter().chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).expect_err("exit 3");
        assert_eq!(error.to_string(), "`sh -c echo why >&2; exit 3` failed (exit status: 3): why");
        let error = run(&mut Command::new("no-such-program")).expect_err("absent");
        assert!(error.to_string().starts_with("failed to start `no-such-program`"), "{error}");
    }

    #[test]
    fn what_takes_too_long_is_ended_and_what_was_said_is_whole() {
        let within = |script: &str, limit: Duration| {
            output_within(Command::new("sh").args(["-c", script]), limit).expect("there is a shell")
        };
        assert_eq!(within("sleep 600", Duration::from_millis(50)), None);
        let (passed, said) =
            within("echo out; echo err >&2; exit 3", Duration::from_secs(60)).expect("it ends");
        assert_eq!((passed, said.as_str()), (false, "out\nerr\n"));
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program").is_none());
    }
}
