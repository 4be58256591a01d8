//! The files that the library carries: the SDKs, their templates, the contract.

use std::path::Path;

use crate::error::Error;
use crate::language::Language;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The contract's version that projects are written for.
pub(crate) const CONTRACT: &str = "0.1.0";

/// One file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File {
    /// Its path below the folder that was asked for.
    pub(crate) path: &'static str,
    pub(crate) bytes: &'static [u8],
}

/// The files below a folder of the repository.
pub(crate) fn below(folder: &str) -> impl Iterator<Item = File> + use<> {
    let prefix = format!("{folder}/");
    FILES.iter().filter_map(move |(path, bytes)| Some(File { path: path.strip_prefix(&prefix)?, bytes }))
}

/// One file of the repository.
pub(crate) fn file(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(name, _)| *name == path).map(|(_, bytes)| *bytes)
}

/// A language's SDK, without its templates.
pub(crate) fn sdk(language: Language) -> impl Iterator<Item = File> {
    below(&format!("guest-sdk/{}", language.sdk())).filter(|file| !file.path.starts_with("template"))
}

/// What a new project begins with.
pub(crate) fn template(language: Language) -> impl Iterator<Item = File> {
    below(&format!("guest-sdk/{}/{}", language.sdk(), language.template()))
}

/// The contract's files.
pub(crate) fn wit() -> impl Iterator<Item = File> {
    below(&format!("wit/plugin/{CONTRACT}"))
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    std::fs::write(path, bytes).map_err(Error::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_an_sdk_and_a_template_and_nothing_that_a_build_left_behind() {
        assert!(wit().any(|file| file.path == "world.wit"));
        for language in Language::ALL {
            assert!(sdk(language).any(|file| file.path == "README.md"), "{language}");
            assert!(template(language).any(|file| file.path.starts_with("README.md")), "{language}");
        }
        let built = |path: &&str| {
            path.split('/').any(|name| ["node_modules", "__pycache__", ".venv", "target"].contains(&name))
        };
        assert_eq!(FILES.iter().map(|(path, _)| *path).find(built), None);
    }
}
