//! What a run is asked to do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::shape::{Control, Shape};

/// One run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long faults strike at least.
    pub storm: Duration,
    /// What draws them.
    pub seed: u64,
    /// On which servers.
    pub shape: Shape,
    /// What is changed so that the run has to fail, if anything is.
    pub control: Option<Control>,
    /// Where the evidence goes.
    pub evidence: PathBuf,
    /// Whether the evidence of a run that went well is kept.
    pub keep: bool,
}

impl Options {
    /// A run with its evidence where it usually is.
    pub fn new(storm: Duration, seed: u64, shape: Shape, control: Option<Control>) -> Self {
        let mut name = shape.name().to_owned();
        if let Some(control) = control {
            name = format!("{name}-{}", control.name());
        }
        let evidence = usual_folder().join(format!("{name}-{seed}"));
        Self { storm, seed, shape, control, evidence, keep: false }
    }
}

/// `target/chaos` of the project.
fn usual_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")).join("chaos")
}
