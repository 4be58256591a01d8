//! All cases.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::case::Case;

/// Where they are in this repository.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance"))
}

/// Reads all cases of a folder, by name. Fails on the first that is not one.
pub fn read_all(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            cases.push(read(&path).with_context(|| path.display().to_string())?);
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

fn read(folder: &Path) -> Result<Case> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("has no name")?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.chars().all(is_plain) {
        bail!("its name is not in lower case with dashes");
    }
    let text = fs::read(folder.join("case.json"))?;
    let mut case: Case = serde_json::from_slice(&text)?;
    case.name = name.to_owned();
    let faults =
        case.deliveries.iter().enumerate().filter_map(|(index, delivery)| Some((index, delivery.fault()?)));
    match faults.into_iter().next() {
        Some((index, fault)) => bail!("delivery {} {fault}", index + 1),
        None => Ok(case),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_is_a_case_that_shows_something() {
        let cases = read_all(&folder()).unwrap();
        assert!(cases.len() >= 40, "{}", cases.len());
        for case in &cases {
            assert!(case.what.ends_with('.') && !case.deliveries.is_empty(), "{}", case.name);
            assert!(
                ["rust", "go", "js", "python", "c"].iter().any(|language| case.is_for(language)),
                "{}",
                case.name
            );
        }
    }
}
