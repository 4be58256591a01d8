//! From a project, component text or a core module to a component.

mod c;
mod go;
mod javascript;
mod python;
mod rust;

use std::path::{Path, PathBuf};

use crate::component;
use crate::error::Error;
use crate::kit;
use crate::language::Language;
use crate::project::Project;

/// Where what is built goes, below the project.
const FOLDER: &str = "build";

/// A component that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The file.
    pub component: PathBuf,
    /// How long it is, in bytes.
    pub bytes: usize,
}

/// Makes a component of a project's folder, of component text (`.wat`), or of a core module (`.wasm`) that any other
/// toolchain made. It is written to `output`, or else to `build/NAME.wasm` in the project and beside the file.
///
/// A project's own tools are run, with the author's rights; what they say goes to standard error.
pub fn build(source: &Path, output: Option<&Path>) -> Result<Built, Error> {
    if source.is_dir() {
        let project = Project::find(source)?;
        let usual = project.folder.join(FOLDER).join(&project.name).with_extension("wasm");
        let component = Build { project: &project }.component()?;
        return write(output.unwrap_or(&usual), &component);
    }
    let component = match source.extension().and_then(|ending| ending.to_str()) {
        Some("wat") => component::text(source)?,
        Some("wasm") if output.is_some() => {
            let module = std::fs::read(source).map_err(Error::file(source))?;
            component::encode_with(source, &module, None)?
        }
        Some("wasm") => {
            return Err(Error::project(
                source,
                "a core module's component needs another name: --output FILE",
            ));
        }
        _ if !source.exists() => return Err(Error::project(source, "there is no such folder or file")),
        _ => return Err(Error::project(source, "it is neither a project's folder nor a .wat or .wasm file")),
    };
    write(output.unwrap_or(&source.with_extension("wasm")), &component)
}

/// Writes the file as a whole or not at all, and leaves one with the same content alone.
fn write(path: &Path, component: &[u8]) -> Result<Built, Error> {
    let built = Built { component: path.to_owned(), bytes: component.len() };
    if std::fs::read(path).is_ok_and(|present| present == component) {
        return Ok(built);
    }
    let new = path.with_extension("wasm.new");
    kit::write(&new, component)?;
    std::fs::rename(&new, path).map_err(Error::file(path))?;
    Ok(built)
}

/// One project's build.
#[derive(Debug, Clone, Copy)]
struct Build<'a> {
    project: &'a Project,
}

impl Build<'_> {
    fn component(self) -> Result<Vec<u8>, Error> {
        match self.project.language {
            Language::Rust => rust::component(self),
            Language::Go => go::component(self),
            Language::JavaScript | Language::TypeScript => javascript::component(self),
            Language::Python => python::component(self),
            Language::C => c::component(self),
        }
    }

    /// A file that the build makes on its way, in a folder that there is.
    fn scratch(self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.project.folder.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        Ok(folder.join(name))
    }

    /// The contract's folder, for tools that read it: the project's, or one that is written from what this library
    /// carries.
    fn wit(self) -> Result<PathBuf, Error> {
        let own = self.project.folder.join("wit");
        if own.is_dir() {
            return Ok(own);
        }
        let folder = self.scratch("wit")?;
        for file in kit::wit() {
            kit::write(&folder.join(file.path), file.bytes)?;
        }
        Ok(folder)
    }

    /// What the project's tools made.
    fn made(self, path: &Path) -> Result<Vec<u8>, Error> {
        std::fs::read(path).map_err(Error::file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &Path) -> String {
        build(source, None).unwrap_err().to_string()
    }

    #[test]
    fn what_is_neither_project_nor_text_nor_module_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("handler.txt");
        assert!(refused(&file).ends_with("there is no such folder or file"));
        std::fs::write(&file, "").unwrap();
        assert!(refused(&file).ends_with("it is neither a project's folder nor a .wat or .wasm file"));
        assert!(refused(&folder.path().join("core.wasm")).ends_with("--output FILE"));
        assert!(refused(folder.path()).contains("`oncegate new` writes one"));
    }

    #[test]
    fn component_text_is_built_beside_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("handler.wat");
        std::fs::write(&text, "(component)").unwrap();
        let built = build(&text, None).unwrap();
        assert_eq!(built.component, folder.path().join("handler.wasm"));
        assert_eq!(std::fs::read(&built.component).unwrap(), b"\0asm\x0d\0\x01\0");
    }
}
