//! The languages that there is an SDK for.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A language that handlers are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// JavaScript.
    JavaScript,
    /// TypeScript, with JavaScript's SDK.
    TypeScript,
    /// Python.
    Python,
    /// C.
    C,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 6] =
        [Self::Rust, Self::Go, Self::JavaScript, Self::TypeScript, Self::Python, Self::C];

    /// What it is called on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::Python => "python",
            Self::C => "c",
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
            Self::C => "C",
        }
    }

    /// What runs a project's tests, in its folder.
    pub fn test_command(self) -> &'static str {
        match self {
            Self::Rust => "cargo test",
            Self::Go => "go test ./...",
            Self::JavaScript | Self::TypeScript => "npm install && npm test",
            Self::Python => "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
            Self::C => "make test",
        }
    }

    /// The folder of its SDK below `guest-sdk`.
    pub(crate) fn sdk(self) -> &'static str {
        match self {
            Self::TypeScript => "js",
            language => language.word(),
        }
    }

    /// The folder of its template below that of its SDK.
    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::JavaScript => "template-js",
            Self::TypeScript => "template-ts",
            _ => "template",
        }
    }

    /// The language of a project, by the file that its own tools know it by.
    pub(crate) fn of(folder: &Path) -> Option<Language> {
        let has = |name: &str| folder.join(name).is_file();
        match () {
            () if has("Cargo.toml") => Some(Self::Rust),
            () if has("go.mod") => Some(Self::Go),
            () if has("package.json") && has("tsconfig.json") => Some(Self::TypeScript),
            () if has("package.json") => Some(Self::JavaScript),
            () if has("pyproject.toml") => Some(Self::Python),
            () if has("Makefile") => Some(Self::C),
            () => None,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No language is called so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no language {0:?}; languages are rust, go, js, ts, python, c")]
pub struct UnknownLanguage(String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(word: &str) -> Result<Self, UnknownLanguage> {
        Self::ALL
            .into_iter()
            .find(|language| language.word() == word)
            .ok_or_else(|| UnknownLanguage(word.to_owned()))
    }
}
