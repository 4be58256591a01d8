//! What a pipeline may add to places that it shares.

use anyhow::{Result, bail};

use super::{Target, policy};
use crate::pipeline::{Budget, Sized};
use crate::settings::Settings;

/// The budget; what bounds a file needs a target that is one.
pub(super) fn budget(settings: &Settings, output: &Target, dead_letters: &Target) -> Result<Budget> {
    let bound = |path: &str| settings.get(path).map(|_| policy::positive(settings, path)).transpose();
    let sized = |path: &str, target: &Target| match (bound(path)?, target.file()) {
        (Some(most), Some(file)) => Ok(Some(Sized { path: file.to_owned(), most })),
        (Some(_), None) => bail!("{path} bounds a file, and {target} is none"),
        (None, _) => Ok(None),
    };
    Ok(Budget {
        keys: bound("budget.keys")?,
        store_bytes: bound("budget.store_bytes")?,
        store_rate: bound("budget.store_rate")?,
        output_rate: bound("budget.output_rate")?,
        output_size: sized("budget.output_size", output)?,
        dead_letter_rate: bound("budget.dead_letter_rate")?,
        dead_letter_size: sized("budget.dead_letter_size", dead_letters)?,
        patience_ms: settings.number("budget.patience"),
    })
}
