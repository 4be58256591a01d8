//! What is of the whole process, whichever pipelines it runs.

use std::path::PathBuf;

use anyhow::{Result, bail};
use oncegate_sandbox::CompileLimits;

use super::policy::positive;
use crate::settings::Settings;

/// What is of the whole process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOptions {
    /// What becomes of rights that the run does not need.
    pub drop_rights: DropRights,
    /// What compiling one plugin may cost.
    pub compile: CompileLimits,
    /// Where compiled plugins are kept; none for the usual place.
    pub cache: Option<PathBuf>,
    /// How many bytes of them; 0 for none.
    pub cache_bytes: u64,
}

/// What becomes of rights that the run does not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropRights {
    /// They are dropped, or nothing runs.
    Required,
    /// They are dropped as far as the kernel can do it.
    BestEffort,
    /// They are kept.
    Off,
}

impl HostOptions {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let drop_rights = match settings.text("host.drop_rights") {
            Some("required") => DropRights::Required,
            Some("off") => DropRights::Off,
            _ => DropRights::BestEffort,
        };
        let cpu_ms = positive(settings, "compile.cpu")?;
        if !cpu_ms.is_multiple_of(1000) {
            bail!("compile.cpu is {cpu_ms}ms: set whole seconds, which is what the kernel counts");
        }
        let compile = CompileLimits {
            memory_bytes: positive(settings, "compile.memory")?,
            cpu_s: cpu_ms / 1000,
            wall_ms: positive(settings, "compile.time")?,
        };
        Ok(Self {
            drop_rights,
            compile,
            cache: settings.text("compile.cache").map(PathBuf::from),
            cache_bytes: settings.number("compile.cache_bytes"),
        })
    }

    /// The first setting in which two pipelines differ that are to run in one process.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        let differs = [
            ("host.drop_rights", self.drop_rights != other.drop_rights),
            ("compile.memory", self.compile.memory_bytes != other.compile.memory_bytes),
            ("compile.cpu", self.compile.cpu_s != other.compile.cpu_s),
            ("compile.time", self.compile.wall_ms != other.compile.wall_ms),
            ("compile.cache", self.cache != other.cache),
            ("compile.cache_bytes", self.cache_bytes != other.cache_bytes),
        ];
        differs.into_iter().find(|(_, differs)| *differs).map(|(setting, _)| setting)
    }
}
