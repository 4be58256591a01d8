//! Where messages come from and go to, and which of these places are one and the same.

use std::fmt;
use std::path::{Path, PathBuf};

use oncegate_broker::InputFormat;

/// Where messages come from.
#[derive(Debug, Clone)]
pub enum Input {
    /// Lines of a file, or of standard input (`-`).
    Ndjson {
        /// The file, or `-`.
        path: PathBuf,
        /// What a line is.
        format: InputFormat,
        /// The longest line, in bytes.
        line_limit: usize,
    },
}

impl Input {
    /// After how long another host takes over what this one has; none where there is no other.
    pub fn redelivery_ms(&self) -> Option<u64> {
        match self {
            Input::Ndjson { .. } => None,
        }
    }

    /// Whether one host alone reads it, so that it can keep an order.
    pub fn is_exclusive(&self) -> bool {
        match self {
            Input::Ndjson { .. } => true,
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Ndjson { path, .. } if path.as_os_str() == "-" => f.write_str("standard input"),
            Input::Ndjson { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

/// Where outputs or dead letters go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl Target {
    /// What a setting names.
    pub fn new(text: &str) -> Self {
        match text {
            "-" => Target::Stdout,
            path => Target::File(PathBuf::from(path)),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Target::Stdout => None,
            Target::File(path) => Some(path),
        }
    }

    /// Whether it is a file whose length can be recorded. What is not there yet will be one.
    pub fn is_regular(&self) -> bool {
        self.file().is_some_and(|path| path.metadata().map_or(true, |found| found.is_file()))
    }

    /// Whether both are one and the same.
    pub fn is_same(&self, other: &Target) -> bool {
        match (self, other) {
            (Target::Stdout, Target::Stdout) => true,
            (Target::File(path), Target::File(other)) => real(path) == real(other),
            _ => false,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Stdout => f.write_str("standard output"),
            Target::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Where a file is or will be, links resolved as far as they exist.
pub fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
