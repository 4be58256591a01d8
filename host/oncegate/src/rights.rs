//! What this process can still do once it runs: what its configuration needs, and nothing else.

mod places;

use std::path::{Path, PathBuf};

use oncegate_rights::{Access, Dropped, Keep, drop_others};

use crate::compiling::Compiling;
use crate::config::{Config, DropRights};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;

/// What there is of this process, for the line that says so.
#[derive(Debug)]
pub enum Rights {
    /// What was dropped.
    Dropped(Dropped),
    /// Nothing was, because it was told so.
    Kept,
    /// Not all were, for this reason.
    Failed(String),
}

impl std::fmt::Display for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dropped(dropped) => write!(f, "{dropped}"),
            Self::Kept => f.write_str("rights kept: host.drop_rights is off"),
            Self::Failed(why) => write!(f, "rights not dropped, or not all of them: {why}"),
        }
    }
}

/// Drops everything that pipelines of these configurations do not need. Before the first thread. `file` is the
/// configuration file, which may be read again.
pub fn drop_for(configs: &[Config], file: Option<&Path>, compiling: &Compiling) -> Result<Rights, Failure> {
    let how = configs.first().map_or(DropRights::BestEffort, |config| config.host.drop_rights);
    if how == DropRights::Off {
        return Ok(Rights::Kept);
    }
    let mut keep = Keep::default();
    places::of_process(&mut keep, compiling);
    if let Some(file) = file {
        places::replaceable(&mut keep, file);
    }
    configs.iter().for_each(|config| places::of_pipeline(&mut keep, config));
    match (drop_others(&keep), how) {
        (Ok(dropped), DropRights::Required) if !dropped.is_complete() => {
            Err(fail!(Exit::Failed, "host.drop_rights is required, and {dropped}"))
        }
        (Ok(dropped), _) => Ok(Rights::Dropped(dropped)),
        (Err(error), DropRights::Required) => Err(error).or_exit(Exit::Failed),
        (Err(error), _) => Ok(Rights::Failed(error.to_string())),
    }
}

/// Drops everything that a test of a handler does not need. Before the first thread. `files` are read, and may be
/// replaced while the process runs.
pub fn drop_for_a_test(config: &Config, files: &[PathBuf], compiling: &Compiling) -> Result<(), Failure> {
    let how = config.host.drop_rights;
    if how == DropRights::Off {
        return Ok(());
    }
    let mut keep = Keep::default();
    places::of_process(&mut keep, compiling);
    places::of_pipeline(&mut keep, config);
    files.iter().for_each(|file| places::replaceable(&mut keep, file));
    match (drop_others(&keep), how) {
        (Ok(dropped), DropRights::Required) if !dropped.is_complete() => {
            Err(fail!(Exit::Failed, "host.drop_rights is required, and {dropped}"))
        }
        (Err(error), DropRights::Required) => Err(error).or_exit(Exit::Failed),
        // An author is not told each time.
        _ => Ok(()),
    }
}

/// Drops everything but the look at one file.
pub fn drop_for_a_look(file: &Path, compiling: &Compiling) {
    let mut keep = Keep::default();
    places::of_process(&mut keep, compiling);
    keep.place(file, Access::Read);
    // Nothing of the file is read in this process but its first bytes: the child drops its rights by itself.
    let _ = drop_others(&keep);
}
