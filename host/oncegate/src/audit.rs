//! What operators changed: a line before each change and one after it.
//!
//! The first line is written before anything is changed, so that no change is without a trace, even if this process is
//! killed in the middle; the second one says what came of it. A first line without a second one is a change of which
//! nobody knows whether it was made.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Arg, ArgMatches};
use oncegate_dedup::text::{Escaped, json_line};
use oncegate_dedup::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::{fail, rfc3339};

/// Where the lines go, and what all of them say.
#[derive(Debug)]
pub struct Audit {
    sink: Sink,
    by: String,
    command: &'static str,
    store: String,
    namespace: Option<String>,
}

#[derive(Debug)]
enum Sink {
    StandardError,
    File(PathBuf, File),
}

/// A change that was announced.
#[derive(Debug)]
pub struct Change {
    id: String,
    subject: Vec<(&'static str, Value)>,
}

/// `--audit` and `--by`.
pub fn args() -> [Arg; 2] {
    let audit = Arg::new("audit").long("audit").value_name("FILE");
    let by = Arg::new("by").long("by").value_name("NAME");
    [
        audit.help(
            "Where a line is appended before and after each change. Nothing is changed if that is not possible \
             [default: standard error]",
        ),
        by.help("Who makes the change, for these lines [default: the user's name and the machine's]"),
    ]
}

impl Audit {
    /// Opens the file that `--audit` names. `store` must not hold a password.
    pub fn open(
        matches: &ArgMatches,
        command: &'static str,
        store: String,
        namespace: Option<String>,
    ) -> Result<Self, Failure> {
        let sink = match matches.get_one::<String>("audit") {
            None => Sink::StandardError,
            Some(path) => {
                let path = PathBuf::from(path);
                let file = OpenOptions::new().create(true).append(true).open(&path);
                let file = file.map_err(|error| {
                    fail!(
                        Exit::File,
                        "the audit file {} cannot be opened, so nothing is changed: {error}",
                        path.display()
                    )
                })?;
                Sink::File(path, file)
            }
        };
        let by = matches.get_one::<String>("by").cloned().unwrap_or_else(whoever);
        Ok(Self { sink, by, command, store, namespace })
    }

    /// Says what is about to be changed. If that cannot be written, the change must not be made.
    pub fn intend(&mut self, subject: Vec<(&'static str, Value)>) -> Result<Change, Failure> {
        let change = Change { id: SystemClock.attempt_id().to_string(), subject };
        self.write("intent", &change, None).map_err(|error| {
            fail!(Exit::File, "the audit line cannot be written, so nothing is changed: {error}")
        })?;
        Ok(change)
    }

    /// Says what came of a change.
    pub fn came_of(&mut self, change: &Change, outcome: &str) -> Result<(), Failure> {
        self.write("outcome", change, Some(outcome)).map_err(|error| {
            fail!(
                Exit::File,
                "{outcome}; but the audit line that says so cannot be written, only the one before the change is \
                 there: {error}"
            )
        })
    }

    fn write(&mut self, event: &str, change: &Change, outcome: Option<&str>) -> std::io::Result<()> {
        let mut line = json!({
            "time": rfc3339::utc(SystemClock.wall_ms()),
            "event": event,
            "change": change.id,
            "by": self.by,
            "command": self.command,
            "store": self.store,
            "namespace": self.namespace,
        });
        let rest = change.subject.iter().cloned().chain(outcome.map(|text| ("outcome", text.into())));
        if let Some(line) = line.as_object_mut() {
            line.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        }
        let line = json_line(&line.to_string());
        match &mut self.sink {
            Sink::StandardError => writeln!(std::io::stderr().lock(), "oncegate: audit: {line}"),
            // One write, so that the lines of two operators do not mix; on disk before the change is made.
            Sink::File(path, file) => file
                .write_all(format!("{line}\n").as_bytes())
                .and_then(|()| match file.metadata()?.is_file() {
                    true => file.sync_data(),
                    false => Ok(()),
                })
                .map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        }
    }
}

/// The user's name, as the login knows it, and the machine's.
fn whoever() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("LOGNAME")
        .or_else(|| variable("USER"))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    format!("{}@{}", Escaped(user.as_bytes()), host_name())
}

/// The machine's name.
pub fn host_name() -> String {
    let name = std::fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    Escaped(name.trim_ascii()).to_string()
}
