//! What a pipeline's settle promises.

use std::fmt;

use oncegate_broker::StreamUrl;

use super::stream::hash_tag;
use super::{Config, Target};
use crate::stores::StoreUrl;

/// What a crash can do to outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// Nothing: commits and outputs are one step of the embedded store and regular files.
    Exact,
    /// Nothing: commits, outputs and acknowledgement are one step of one Redis.
    Atomic {
        /// All names bear the same hash tag, so that this holds in a cluster, too.
        one_slot: bool,
    },
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
            Promise::Atomic { .. } => "atomic",
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
            Promise::Atomic { one_slot } => {
                f.write_str(
                    "atomic: commits, outputs and acknowledgement are one step; no crash repeats or loses an output",
                )?;
                match one_slot {
                    true => Ok(()),
                    false => f.write_str(
                        " (in a cluster only where all names of a delivery are in one slot: give the streams and \
                         store.hash_tag the same hash tag)",
                    ),
                }
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
        let (kind, others) = match self.input.stream() {
            Some(url) => ("input, output, dead letters and store on one Redis", self.not_on(url)),
            None => ("a file: store and regular files", self.not_in_files()),
        };
        if !others.is_empty() {
            return Promise::Ordered { why: format!("one step needs {kind}, and {}", others.join(", ")) };
        }
        match self.input.stream() {
            Some(_) if self.policy.shadow => {
                Promise::Ordered { why: "a trial run's keys are settled apart from its outputs".to_owned() }
            }
            Some(url) => Promise::Atomic { one_slot: self.is_in_one_slot(url) },
            None => Promise::Exact,
        }
    }

    fn not_in_files(&self) -> Vec<String> {
        let mut others = Vec::new();
        if !matches!(self.store.url, StoreUrl::File(_)) {
            others.push(format!("the store is {}", self.store.url));
        }
        for (name, target) in self.targets() {
            match target {
                Target::Stdout => others.push(format!("the {name} go to standard output")),
                Target::File(path) if !target.is_regular() => {
                    others.push(format!("{} is no regular file", path.display()));
                }
                Target::File(_) => {}
                Target::Stream(streams) => others.push(format!("the {name} go to {}", streams.url)),
            }
        }
        others
    }

    fn not_on(&self, url: &StreamUrl) -> Vec<String> {
        let mut others = Vec::new();
        if !self.store.url.is_on(&url.redis) {
            others.push(format!("the store is {}", self.store.url));
        }
        for (name, target) in self.targets() {
            match target {
                Target::Stdout => others.push(format!("the {name} go to standard output")),
                Target::File(path) => others.push(format!("the {name} go to {}", path.display())),
                Target::Stream(streams) if !super::same_server(&streams.url.redis, &url.redis) => {
                    others.push(format!("the {name} go to {}", streams.url));
                }
                Target::Stream(_) => {}
            }
        }
        others
    }

    fn is_in_one_slot(&self, url: &StreamUrl) -> bool {
        let of_targets = self.targets().into_iter().filter_map(|(_, target)| target.stream());
        let mut names = of_targets.flat_map(|target| target.streams()).chain(url.stream.as_deref());
        let tag = self.store.hash_tag.as_deref();
        tag.is_some() && names.all(|name| hash_tag(name) == tag)
    }
}
