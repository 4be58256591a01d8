//! Where messages come from and go to, and which of these places are one and the same.

use std::fmt;
use std::path::{Path, PathBuf};

use oncegate_broker::{InputFormat, SourceOptions, StreamUrl};

use super::stream::{self, StreamTarget};

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
    /// Entries of a Redis stream, as one host of a group.
    Stream {
        /// The stream; its group is the one of this scope.
        url: Box<StreamUrl>,
        /// How it is read.
        options: SourceOptions,
        /// Whether no other host reads the group.
        exclusive: bool,
    },
}

impl Input {
    /// After how long another host takes over what this one has; none where there is no other.
    pub fn redelivery_ms(&self) -> Option<u64> {
        match self {
            Input::Ndjson { .. } => None,
            Input::Stream { options, .. } => {
                Some(u64::try_from(options.takeover_idle.as_millis()).unwrap_or(u64::MAX))
            }
        }
    }

    /// Whether one host alone reads it, so that it can keep an order.
    pub fn is_exclusive(&self) -> bool {
        match self {
            Input::Ndjson { .. } => true,
            Input::Stream { exclusive, .. } => *exclusive,
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Input::Ndjson { path, .. } if path.as_os_str() != "-" => Some(path),
            _ => None,
        }
    }

    /// The stream, if it is one.
    pub fn stream(&self) -> Option<&StreamUrl> {
        match self {
            Input::Stream { url, .. } => Some(url),
            Input::Ndjson { .. } => None,
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Ndjson { path, .. } if path.as_os_str() == "-" => f.write_str("standard input"),
            Input::Ndjson { path, .. } => write!(f, "{}", path.display()),
            Input::Stream { url, .. } => write!(f, "{url}"),
        }
    }
}

/// Where outputs or dead letters go to.
#[derive(Debug, Clone)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// Streams of a Redis.
    Stream(Box<StreamTarget>),
}

impl Target {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Target::File(path) => Some(path),
            _ => None,
        }
    }

    /// The streams, if it is some.
    pub fn stream(&self) -> Option<&StreamTarget> {
        match self {
            Target::Stream(target) => Some(target),
            _ => None,
        }
    }

    /// Whether it is standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self, Target::Stdout)
    }

    /// Whether it is a file whose length can be recorded. What is not there yet will be one.
    pub fn is_regular(&self) -> bool {
        self.file().is_some_and(|path| path.metadata().map_or(true, |found| found.is_file()))
    }

    /// Whether it writes to this stream.
    pub fn has_stream(&self, server: &StreamUrl, stream: &str) -> bool {
        let has = |target: &StreamTarget| {
            stream::same_server(&target.url.redis, &server.redis) && target.streams().contains(&stream)
        };
        self.stream().is_some_and(has)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Stdout => f.write_str("-"),
            Target::File(path) => write!(f, "{}", path.display()),
            Target::Stream(target) => write!(f, "{}", target.url),
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
