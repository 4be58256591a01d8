//! C: the project's makefile makes a core module that imports the contract and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Build, FOLDER};
use crate::component;
use crate::error::Error;
use crate::language::Language;
use crate::tool;
use crate::versions::Versions;

/// What a core module's name ends with.
const ENDING: &str = ".core.wasm";

pub(super) fn component(build: Build<'_>) -> Result<Vec<u8>, Error> {
    let clang = format!("clang-{}", Versions::read()?.tool("clang"));
    let make = tool::find(&["make"], Language::C, "install make (Debian: apt-get install make)")?;
    if std::env::var_os("CC").is_none() {
        let how = format!(
            "on Debian apt-get install {clang} lld-{0} wasi-libc libclang-rt-{0}-dev-wasm32; or set CC to another \
             compiler for wasm32-wasi",
            Versions::read()?.tool("clang")
        );
        tool::find(&[&clang], Language::C, &how)?;
    }
    let folder = &build.project.folder;
    tool::run(Command::new(make).current_dir(folder).arg("--no-print-directory"))?;
    let module = module(&folder.join(FOLDER))?;
    component::encode_with(&module, &build.made(&module)?, None)
}

/// The one core module in the folder.
fn module(folder: &Path) -> Result<PathBuf, Error> {
    let entries = std::fs::read_dir(folder).map_err(Error::file(folder))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_module = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with(ENDING));
    let mut modules: Vec<PathBuf> = files.filter(is_module).collect();
    match (modules.pop(), modules.pop()) {
        (Some(module), None) => Ok(module),
        (None, _) => Err(Error::project(folder, format!("make wrote no NAME{ENDING} there"))),
        (Some(_), Some(_)) => {
            Err(Error::project(folder, format!("there are several files NAME{ENDING}: remove all but one")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_has_to_be_one_core_module() {
        let folder = tempfile::tempdir().unwrap();
        let refused = || module(folder.path()).unwrap_err().to_string();
        assert!(refused().ends_with("make wrote no NAME.core.wasm there"));
        let write = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        ["one.core.wasm", "one.wasm", "one.o"].into_iter().for_each(write);
        assert_eq!(module(folder.path()).unwrap(), folder.path().join("one.core.wasm"));
        write("two.core.wasm");
        assert!(refused().ends_with("remove all but one"));
    }
}
