//! `oncegate test` of a project, or of component text: it is built here, and tested by another process, since whoever
//! tests gives up the rights that building needs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use clap::ArgMatches;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::build;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::warning::notice;

/// How often sources are looked at. What has changed is built at the next look that finds it the same.
const LOOK: Duration = Duration::from_millis(200);

/// What tools make and bring; nobody's source.
const MADE: [&str; 9] = [
    "build",
    "dist",
    "target",
    "node_modules",
    ".venv",
    ".git",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
];

/// Whether it has to be built before it can be tested.
pub fn is_one(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|ending| ending == "wat")
}

/// Builds the project and has it tested; with `--watch` again, whenever a source or the input has changed. Ends the
/// process with the exit code of the last test.
pub fn run(matches: &ArgMatches, project: &Path) -> Result<(), Failure> {
    if !matches.get_flag("watch") {
        let code = once(project)?;
        std::process::exit(code);
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&stop)).or_exit(Exit::Failed)?;
    }
    let others = ["input", "config"].map(|name| matches.get_one::<String>(name).map(PathBuf::from));
    let look = || Sources::of(project, others.iter().flatten());
    let mut code = Exit::Stopped as i32;
    while !stop.load(Ordering::Relaxed) {
        let before = look();
        code = once(project).unwrap_or_else(|failure| {
            notice!("{failure}");
            failure.exit as i32
        });
        if !stop.load(Ordering::Relaxed) {
            notice!("waiting for a change of {} (Ctrl-C ends)", project.display());
        }
        let (mut last, mut changed) = (before.clone(), false);
        while !stop.load(Ordering::Relaxed) && !changed {
            std::thread::sleep(LOOK);
            let now = look();
            changed = now != before && now == last;
            last = now;
        }
    }
    std::process::exit(code)
}

/// Builds and tests once. Gives the test's exit code.
fn once(project: &Path) -> Result<i32, Failure> {
    let built = oncegate_author::build(project, None).map_err(build::failure)?;
    let program = std::env::current_exe().or_exit(Exit::Failed)?;
    let status = Command::new(program).args(arguments(project, &built.component)).status();
    let status = status.or_exit(Exit::Failed)?;
    status.code().ok_or_else(|| fail!(Exit::Failed, "the test was ended: {status}"))
}

/// This process's own arguments, with the component for the project, and without what is done here.
fn arguments(project: &Path, component: &Path) -> Vec<OsString> {
    let own = std::env::args_os().skip(1).filter(|argument| argument != "--watch");
    own.map(|argument| if Path::new(&argument) == project { component.into() } else { argument }).collect()
}

/// A project's sources, as one look finds them: how long each is, and when it was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sources(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Sources {
    fn of<'a>(project: &Path, others: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let mut sources = Self::default();
        match project.is_dir() {
            true => sources.add_folder(project),
            false => sources.add(project),
        }
        others.into_iter().for_each(|other| sources.add(other));
        sources
    }

    fn add_folder(&mut self, folder: &Path) {
        // What is gone or cannot be read is as if it were not there: the build says so.
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let is_made = MADE.iter().any(|made| entry.file_name() == *made);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_made => self.add_folder(&entry.path()),
                Ok(kind) if kind.is_file() => self.add(&entry.path()),
                _ => {}
            }
        }
    }

    fn add(&mut self, file: &Path) {
        if let Ok(metadata) = file.metadata()
            && !is_written_here((metadata.dev(), metadata.ino()))
        {
            self.0.insert(file.to_owned(), (metadata.len(), metadata.modified().ok()));
        }
    }
}

/// Whether the file is where this process's own output goes: what is said of a test would begin the next one.
fn is_written_here(file: (u64, u64)) -> bool {
    let output = |name| std::fs::metadata(name).map(|output| (output.dev(), output.ino()));
    ["/proc/self/fd/1", "/proc/self/fd/2"]
        .into_iter()
        .any(|name| output(name).is_ok_and(|output| output == file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_change_when_one_is_written_made_or_removed_and_not_when_tools_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let look = || Sources::of(folder.path(), []);
        std::fs::create_dir_all(path("src")).unwrap();
        std::fs::write(path("src/handler.js"), "1").unwrap();
        let first = look();
        std::fs::create_dir_all(path("node_modules/x")).unwrap();
        std::fs::write(path("node_modules/x/index.js"), "").unwrap();
        assert_eq!(look(), first);
        std::fs::write(path("src/handler.js"), "22").unwrap();
        let second = look();
        assert_ne!(second, first);
        std::fs::write(path("package.json"), "{}").unwrap();
        assert_ne!(look(), second);
        std::fs::remove_file(path("package.json")).unwrap();
        assert_eq!(look(), second);
    }
}
