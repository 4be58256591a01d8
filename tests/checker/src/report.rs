//! All that was decided about a run.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::evidence::Evidence;
use crate::history::History;
use crate::row::Row;
use crate::table;
use crate::verdict::{conservation, dead_letters, doubled, last_five, lost, unexpected, vacuous};

/// What it all comes to. The number is the program's exit code; 2 is kept for evidence that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every row holds, and what was to be tried was tried.
    Proven = 0,
    /// Some row does not hold.
    Violated = 1,
    /// Every row holds, but something that was to be tried did not happen.
    Vacuous = 3,
}

/// All rows, and what they come to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What it comes to.
    #[serde(rename = "verdict")]
    pub outcome: Outcome,
    /// Which servers there were.
    pub shape: String,
    /// What drew the faults.
    pub seed: u64,
    /// If the run was made to fail: what was left out.
    pub control: Option<String>,
    /// What was decided.
    pub rows: Vec<Row>,
    /// What must have happened, by name.
    pub requires: Vec<String>,
    /// How often everything happened, by name.
    pub counts: BTreeMap<String, u64>,
    /// What must have happened and did not.
    pub missing: Vec<String>,
}

impl Report {
    /// Judges the run that left this folder.
    ///
    /// # Errors
    ///
    /// The evidence is missing or unreadable.
    pub fn of(folder: &Path) -> Result<Self> {
        Ok(Self::on(Evidence::read(folder)?))
    }

    fn on(evidence: Evidence) -> Self {
        let histories: Vec<History<'_>> =
            evidence.run.pipelines.iter().map(|pipeline| History::of(&evidence, pipeline)).collect();
        let checks =
            [lost::row, unexpected::row, doubled::row, dead_letters::row, conservation::row, last_five::row];
        let rows: Vec<Row> = checks.iter().flat_map(|check| histories.iter().map(check)).collect();
        let counts = vacuous::counts(&evidence);
        let missing = vacuous::missing(&evidence, &histories, &counts);
        let outcome = match (rows.iter().all(|row| row.ok), missing.is_empty()) {
            (false, _) => Outcome::Violated,
            (true, false) => Outcome::Vacuous,
            (true, true) => Outcome::Proven,
        };
        let run = evidence.run;
        let (shape, seed, control, requires) = (run.shape, run.seed, run.control, run.requires);
        Self { outcome, shape, seed, control, rows, requires, counts, missing }
    }

    /// For people.
    pub fn text(&self) -> String {
        table::of(self)
    }
}
