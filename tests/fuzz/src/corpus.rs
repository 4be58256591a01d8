//! Inputs that are kept: where the fuzzer begins, and what it once found.

use std::io;
use std::path::{Path, PathBuf};

/// The kept inputs of one target, by name.
#[derive(Debug)]
pub struct Corpus {
    /// Names and bytes, in the order of the names.
    pub inputs: Vec<(String, Vec<u8>)>,
}

/// The folder of a target's kept inputs.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

impl Corpus {
    /// Reads a folder. One that is not there is empty.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut inputs = Vec::new();
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { inputs }),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            inputs.push((entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?));
        }
        inputs.sort();
        Ok(Self { inputs })
    }
}
