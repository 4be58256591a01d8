//! Puts the SDKs and the contract into the library, so that a project can be written where there is no checkout.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folders that builds and editors leave behind, and those that only this repository has a use for.
const LEFT_OUT: [&str; 14] = [
    ".git",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
    "build",
    "conformance",
    "dist",
    "node_modules",
    "target",
    "test",
    "tests",
    "benches",
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut table = String::from("pub(super) static FILES: &[(&str, &[u8])] = &[\n");
    for folder in ["guest-sdk", "wit"] {
        for file in files(&root.join(folder))? {
            let name = file.strip_prefix(&root).map_err(io::Error::other)?.to_string_lossy().into_owned();
            // Each file by itself: the languages' tools come and go in the folders, and nothing has to be built for that. A
            // new file is noticed with the next change of an old one.
            println!("cargo::rerun-if-changed={}", file.display());
            // Writing to a string cannot fail.
            let _ = writeln!(table, "    ({name:?}, include_bytes!({:?})),", file.display().to_string());
        }
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("files.rs");
    fs::write(out, table)
}

/// All files below a folder, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What JavaScript's SDK builds with is part of it.
        if entry.ends_with("guest-sdk/js/build") {
            found.extend(all(&entry)?);
            continue;
        }
        let is_left_out = LEFT_OUT.contains(&name.as_str()) || name.ends_with(".egg-info");
        match entry.is_dir() {
            // A template has what a user's project has, tests among it.
            true if name.starts_with("template") => found.extend(all(&entry)?),
            true if is_left_out => {}
            true => found.extend(files(&entry)?),
            false => found.push(entry),
        }
    }
    Ok(found)
}

/// A template's files: all but what building it leaves behind.
fn all(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match entry.is_dir() {
            true if ["node_modules", "target", ".venv", "__pycache__", "build", "sdk"]
                .contains(&name.as_str()) => {}
            true => found.extend(all(&entry)?),
            false => found.push(entry),
        }
    }
    found.sort();
    Ok(found)
}
