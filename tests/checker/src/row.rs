//! One row of the table: one thing that was decided for one pipeline.

use serde::Serialize;

use crate::entry_id::EntryId;
use crate::history::History;
use crate::trail;

/// How many violations are shown with their trail.
const SHOWN: usize = 5;

/// What was decided, and what it rests on.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What is decided.
    pub name: &'static str,
    /// For which pipeline.
    pub pipeline: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was counted.
    pub found: String,
    /// How often it is violated.
    pub violations: usize,
    /// The first violations.
    pub examples: Vec<Example>,
}

/// A violation, and all that is known of what it is about, in time.
#[derive(Debug, Serialize)]
pub struct Example {
    /// What is wrong.
    pub what: String,
    /// A line for everything that happened to it.
    pub trail: Vec<String>,
}

/// What a violation is about.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    /// An effect, by its id.
    Effect(&'a str),
    /// An entry of the source.
    Entry(EntryId),
    /// The pipeline as a whole.
    Pipeline,
}

/// A violation as it is found.
#[derive(Debug)]
pub struct Violation<'a> {
    /// What is wrong.
    pub what: String,
    /// What it is about.
    pub about: About<'a>,
}

impl<'a> Violation<'a> {
    /// Something is wrong with an effect.
    pub fn of_effect(id: &'a str, what: String) -> Self {
        Self { what, about: About::Effect(id) }
    }

    /// Something is wrong with an entry.
    pub fn of_entry(entry: EntryId, what: String) -> Self {
        Self { what, about: About::Entry(entry) }
    }

    /// Something is wrong with a count.
    pub fn of_pipeline(what: String) -> Self {
        Self { what, about: About::Pipeline }
    }
}

impl Row {
    /// Holds if there is no violation.
    pub fn of(
        name: &'static str,
        history: &History<'_>,
        found: String,
        violations: &[Violation<'_>],
    ) -> Self {
        let shown = violations.iter().take(SHOWN);
        let example = |violation: &Violation<'_>| Example {
            what: violation.what.clone(),
            trail: trail::of(history, violation.about),
        };
        Self {
            name,
            pipeline: history.pipeline.name.clone(),
            ok: violations.is_empty(),
            found,
            violations: violations.len(),
            examples: shown.map(example).collect(),
        }
    }
}
