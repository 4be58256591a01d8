//! Why a project was not written or not built.

use std::path::{Path, PathBuf};

/// Why a project was not written or not built. Each is one line; what a toolchain says stands above it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not there.
    #[error("{program} is missing, which {language} needs: {how}")]
    Missing {
        /// What was looked for.
        program: String,
        /// Whose it is.
        language: &'static str,
        /// How to get it.
        how: String,
    },
    /// A program failed, after it said why.
    #[error("`{command}` failed ({status})")]
    Failed {
        /// As one would type it.
        command: String,
        /// How it ended.
        status: String,
    },
    /// The folder is no project.
    #[error("{path}: {why}")]
    Project {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A name that cannot be a project's in every language.
    #[error(
        "{name:?} cannot be a project's name: it begins with a letter and has only a-z, 0-9 and single dashes between them"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// What the toolchain made cannot become a component.
    #[error("no component can be made of {path}: {why}")]
    Component {
        /// The core module or text.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl Error {
    pub(crate) fn project(path: &Path, why: impl Into<String>) -> Self {
        Self::Project { path: path.to_owned(), why: why.into() }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::File { path, error }
    }

    pub(crate) fn component<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        // The whole chain, in one line.
        move |error| Self::Component { path, why: format!("{error:#}").replace('\n', " ") }
    }

    /// Whether a program of the toolchain is missing or failed.
    pub fn is_of_toolchain(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Failed { .. } | Self::Component { .. })
    }
}
