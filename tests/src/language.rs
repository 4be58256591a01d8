//! The languages that handlers are written in, as far as this machine has their tools.

use std::path::PathBuf;

use crate::run::built;

/// Whether everything has to be there.
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// A component that `cargo xtask languages` builds; none if it was not built, which CI forbids.
pub fn component(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ONCEGATE_PLUGINS").map(PathBuf::from).unwrap_or_else(|| built("plugins"));
    let path = folder.join(name).with_extension("wasm");
    if !path.is_file() {
        assert!(!is_ci(), "{} is not there", path.display());
        eprintln!("skipped: {} is not there, `cargo xtask languages` builds it", path.display());
        return None;
    }
    Some(path)
}

/// Whether these programs are there; CI forbids that they are not.
pub fn are_there(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    if !missing.is_empty() {
        assert!(!is_ci(), "{missing:?} are not there");
        eprintln!("skipped: {missing:?} are not there");
    }
    missing.is_empty()
}
