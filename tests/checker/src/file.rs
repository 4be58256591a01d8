//! Reading files of which each line is one JSON object.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use serde::de::DeserializeOwned;

/// Reads every line. A line that is torn, blank, or lacks a field makes the whole file unreadable: what is missing could
/// be what would convict.
pub fn lines<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Vec<T>> {
    let path = folder.join(name);
    let file = File::open(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let mut found = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let at = || format!("{}, line {}", path.display(), index + 1);
        let line = line.with_context(at)?;
        found.push(serde_json::from_str(&line).map_err(|why| anyhow!("{}: {why}", at()))?);
    }
    Ok(found)
}

/// Reads a file that holds one object.
pub fn object<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T> {
    let path = folder.join(name);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).map_err(|why| anyhow!("{}: {why}", path.display()))
}
