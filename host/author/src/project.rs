//! A folder with a handler's source.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::language::Language;

/// A handler's project: its folder, language and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// The language, by the file that its own tools know the project by.
    pub language: Language,
    /// The name, as the project's manifest says it, or the folder's.
    pub name: String,
}

impl Project {
    /// Looks at a folder.
    pub fn find(folder: &Path) -> Result<Self, Error> {
        let folder = folder.canonicalize().map_err(Error::file(folder))?;
        let language = Language::of(&folder).ok_or_else(|| {
            let why = "no project of a handler: there is no Cargo.toml, go.mod, package.json, pyproject.toml or \
                       Makefile in it; `oncegate new` writes one";
            Error::project(&folder, why)
        })?;
        let name = match language {
            Language::Rust => toml_name(&folder.join("Cargo.toml"), "package")?,
            Language::Python => toml_name(&folder.join("pyproject.toml"), "project")?,
            Language::JavaScript | Language::TypeScript => json_name(&folder.join("package.json"))?,
            Language::Go => go_name(&folder.join("go.mod"))?,
            Language::C => make_name(&folder.join("Makefile"))?,
        };
        let of_folder = || folder.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.or_else(of_folder).unwrap_or_else(|| "handler".to_owned());
        // A scope or a module's path is no part of a file's name.
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Self { language, name, folder })
    }
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(Error::file(path))
}

fn toml_name(path: &Path, section: &str) -> Result<Option<String>, Error> {
    let table: toml::Table =
        read(path)?.parse().map_err(|error: toml::de::Error| Error::project(path, error.message()))?;
    Ok(table
        .get(section)
        .and_then(|section| section.get("name"))
        .and_then(|name| name.as_str())
        .map(str::to_owned))
}

fn json_name(path: &Path) -> Result<Option<String>, Error> {
    let manifest: serde_json::Value =
        serde_json::from_str(&read(path)?).map_err(|error| Error::project(path, error.to_string()))?;
    Ok(manifest["name"].as_str().map(str::to_owned))
}

fn go_name(path: &Path) -> Result<Option<String>, Error> {
    let text = read(path)?;
    let module = text.lines().find_map(|line| line.trim().strip_prefix("module "));
    Ok(module.map(|module| module.trim().trim_matches('"').to_owned()))
}

fn make_name(path: &Path) -> Result<Option<String>, Error> {
    let text = read(path)?;
    let name = text.lines().find_map(|line| line.strip_prefix("NAME")?.trim_start().strip_prefix('='));
    Ok(name.map(|name| name.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> Result<(Language, String), String> {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("in-this-folder");
        std::fs::create_dir(&below).unwrap();
        for (name, content) in files {
            std::fs::write(below.join(name), content).unwrap();
        }
        let project = Project::find(&below).map_err(|error| error.to_string())?;
        Ok((project.language, project.name))
    }

    #[test]
    fn a_project_is_known_by_its_manifest() {
        let cases = [
            (vec![("Cargo.toml", "[package]\nname = \"one\"")], Language::Rust, "one"),
            (vec![("go.mod", "// why\nmodule example.org/two\n\ngo 1.25\n")], Language::Go, "two"),
            (vec![("package.json", r#"{"name": "@a/three"}"#)], Language::JavaScript, "three"),
            (vec![("package.json", "{}"), ("tsconfig.json", "{}")], Language::TypeScript, "in-this-folder"),
            (vec![("pyproject.toml", "[project]\nname = \"four\"")], Language::Python, "four"),
            (vec![("Makefile", "all:")], Language::C, "in-this-folder"),
            (vec![("Makefile", "NAME = five\nSOURCES = five.c\n")], Language::C, "five"),
        ];
        for (files, language, name) in cases {
            assert_eq!(project(&files), Ok((language, name.to_owned())));
        }
    }

    #[test]
    fn what_is_no_project_is_told_what_would_be() {
        assert!(project(&[]).unwrap_err().contains("`oncegate new` writes one"));
        assert!(project(&[("package.json", "{")]).unwrap_err().contains("package.json: EOF"));
        assert!(Project::find(Path::new("/no/such/folder")).is_err());
    }
}
