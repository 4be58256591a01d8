//! What a pipeline's settle promises.

use std::fmt;

use super::{Config, Target};
use crate::stores::StoreUrl;

/// What a crash can do to outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// Nothing: commits and outputs are one step of the embedded store and regular files.
    Exact,
    /// It can repeat one with the same id, because outputs and commits are two steps.
    Ordered {
        /// Why they are not one.
        why: String,
    },
}

impl Promise {
    /// The word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Promise::Exact => "exact",
            Promise::Ordered { .. } => "ordered",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Promise::Exact => {
                f.write_str("exact: commits and outputs are one step; no crash repeats or loses an output")
            }
            Promise::Ordered { why } => write!(
                f,
                "ordered: outputs, then commits; a crash between them can repeat an output with the same id, and \
                 never loses one ({why})"
            ),
        }
    }
}

impl Config {
    /// What `check` and the summary say of a crash, as far as the configuration tells.
    pub fn promise(&self) -> Promise {
        let mut others = Vec::new();
        if !matches!(self.store.url, StoreUrl::File(_)) {
            others.push(format!("the store is {}", self.store.url));
        }
        for (name, target) in [("outputs", &self.output), ("dead letters", &self.dead_letters)] {
            match target {
                target if target.is_regular() => {}
                Target::Stdout => others.push(format!("{name} go to standard output")),
                Target::File(path) => others.push(format!("{} is no regular file", path.display())),
            }
        }
        if others.is_empty() {
            return Promise::Exact;
        }
        Promise::Ordered {
            why: format!("one step needs a file: store and regular files, and {}", others.join(", ")),
        }
    }
}
