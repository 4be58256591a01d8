//! How the process ends: one line for people, one number for scripts.

use std::fmt;

use oncegate_dedup::text;
use oncegate_redis::unsaid;

/// The longest line that an error or a warning is, in bytes before it is escaped.
const LINE_BYTES: usize = 16 << 10;

/// Why a command failed, as its exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something that none of the others names.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The plugin cannot be used.
    Plugin = 3,
    /// The store cannot be used.
    Store = 4,
    /// Input, output or dead letters cannot be read or written.
    File = 5,
    /// The run ended well, but there are dead letters, and `--fail-on-dead-letter` was given.
    DeadLetters = 6,
    /// A signal ended the run before the input's end. Everything is consistent; run again to go on.
    Stopped = 7,
    /// A pipeline's handler failed too often, and on its probes, too. Nothing is lost; mend it and run again.
    Quarantined = 8,
    /// A pipeline found no room in its budget for too long. Everything is consistent; run again to go on.
    Budget = 9,
    /// What a project is built with is missing, or failed.
    Toolchain = 10,
}

impl Exit {
    /// Whether this end of one pipeline leaves the others of its process running.
    pub fn is_of_one_pipeline(self) -> bool {
        matches!(self, Self::Quarantined | Self::Budget)
    }
}

/// The exit codes, for `--help`.
pub const HELP: &str = "Exit codes:
  0  done; dead letters alone are no failure
  1  failed in a way that the others do not name
  2  wrong command line or configuration
  3  the plugin cannot be used
  4  the store cannot be used
  5  input, output or dead letters cannot be read or written
  6  done, with dead letters, under --fail-on-dead-letter
  7  stopped by a signal before the input's end; run again to go on
  8  a pipeline's handler failed too often (quarantined); nothing is lost: mend it and run again
  9  a pipeline was at its budget for longer than budget.patience; run again to go on
  10 what a project is built with is missing, or failed";

/// An error with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The line.
    pub error: anyhow::Error,
}

impl fmt::Display for Failure {
    /// The whole chain in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&format!("{:#}", self.error).replace('\n', " ")))
    }
}

/// A line as it may be shown: nothing in it disturbs a terminal, and a URL in it has no password.
pub(crate) fn one_line(line: &str) -> String {
    text::line(&unsaid(line), LINE_BYTES)
}

/// Gives an error its exit code.
pub trait OrExit<T> {
    /// Fails with this code.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}

/// A failure from a message.
#[macro_export]
macro_rules! fail {
    ($exit:expr, $($arg:tt)*) => {
        $crate::exit::Failure { exit: $exit, error: anyhow::anyhow!($($arg)*) }
    };
}
