//! What cargo knows of this workspace.

use crate::command::{cargo, output};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The workspace: where it is, where it builds, which plugins it has.
#[derive(Debug)]
pub struct Workspace {
    /// The folder of the workspace's manifest.
    pub root: PathBuf,
    /// The one folder for everything that is built.
    pub target: PathBuf,
    /// The packages below `plugins/`, by name.
    pub plugins: Vec<Plugin>,
}

/// One package that builds to a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// The package's name, and the component's file stem.
    pub name: String,
    /// The core module's file name, as cargo writes it.
    pub module: String,
}

impl Workspace {
    /// Asks cargo.
    pub fn find() -> Result<Workspace> {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let text = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]).args([
            "--offline",
            "--manifest-path",
            manifest,
        ]))?;
        Workspace::read(&serde_json::from_str(&text)?).context("unexpected output of `cargo metadata`")
    }

    /// A file or folder below the target folder.
    pub fn built(&self, path: impl AsRef<Path>) -> PathBuf {
        self.target.join(path)
    }

    fn read(metadata: &Value) -> Option<Workspace> {
        let root = PathBuf::from(metadata["workspace_root"].as_str()?);
        let below = root.join("plugins");
        let packages = metadata["packages"].as_array()?.iter();
        let mut plugins: Vec<_> = packages.filter_map(|package| Plugin::read(package, &below)).collect();
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Workspace { target: metadata["target_directory"].as_str()?.into(), root, plugins })
    }
}

impl Plugin {
    fn read(package: &Value, below: &Path) -> Option<Plugin> {
        let manifest = Path::new(package["manifest_path"].as_str()?);
        let is_cdylib = |target: &&Value| {
            target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
        };
        let library = package["targets"].as_array()?.iter().find(is_cdylib)?;
        let module = format!("{}.wasm", library["name"].as_str()?.replace('-', "_"));
        manifest.starts_with(below).then_some(Plugin { name: package["name"].as_str()?.to_owned(), module })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payment_plugin_is_found_and_the_sdk_is_none() {
        let workspace = Workspace::find().expect("cargo knows the workspace");
        let names: Vec<_> = workspace.plugins.iter().map(|plugin| plugin.name.as_str()).collect();
        assert!(names.contains(&"payment") && !names.contains(&"oncegate-sdk"), "{names:?}");
    }

    #[test]
    fn a_name_with_a_dash_is_a_module_with_an_underscore() {
        let package = serde_json::json!({
            "name": "two-words",
            "manifest_path": "/w/plugins/two/Cargo.toml",
            "targets": [{"name": "two-words", "crate_types": ["cdylib"]}],
        });
        let plugin = Plugin { name: "two-words".into(), module: "two_words.wasm".into() };
        assert_eq!(Plugin::read(&package, Path::new("/w/plugins")), Some(plugin));
        assert_eq!(Plugin::read(&package, Path::new("/w/host")), None);
    }
}
