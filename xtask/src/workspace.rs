//! What cargo knows of this workspace.

use crate::command::{cargo, output};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The driver of the conformance cases in Rust.
const DRIVER: &str = "guest-sdk/rust/conformance";

/// The workspace: where it is, where it builds, which plugins it has.
#[derive(Debug)]
pub struct Workspace {
    /// The folder of the workspace's manifest.
    pub root: PathBuf,
    /// The one folder for everything that is built.
    pub target: PathBuf,
    /// The packages that build to components, by name: handlers, and the driver of the conformance cases.
    pub plugins: Vec<Plugin>,
}

/// One package that builds to a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// The package's name.
    pub name: String,
    /// Where its component goes, below the target folder.
    pub component: PathBuf,
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
        let packages = metadata["packages"].as_array()?.iter();
        let mut plugins: Vec<_> = packages.filter_map(|package| Plugin::read(package, &root)).collect();
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Workspace { target: metadata["target_directory"].as_str()?.into(), root, plugins })
    }
}

impl Plugin {
    fn read(package: &Value, root: &Path) -> Option<Plugin> {
        let manifest = Path::new(package["manifest_path"].as_str()?);
        let is_cdylib = |target: &&Value| {
            target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
        };
        let library = package["targets"].as_array()?.iter().find(is_cdylib)?;
        let module = format!("{}.wasm", library["name"].as_str()?.replace('-', "_"));
        let name = package["name"].as_str()?.to_owned();
        let component = match manifest.strip_prefix(root).ok()? {
            handler if handler.starts_with("plugins") => {
                Path::new("plugins").join(&name).with_extension("wasm")
            }
            driver if driver.starts_with(DRIVER) => PathBuf::from("conformance/rust.wasm"),
            _ => return None,
        };
        Some(Plugin { name, module, component })
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
        let component = PathBuf::from("plugins/two-words.wasm");
        let plugin = Plugin { name: "two-words".into(), module: "two_words.wasm".into(), component };
        assert_eq!(Plugin::read(&package, Path::new("/w")), Some(plugin));
        assert_eq!(Plugin::read(&package, Path::new("/w/plugins/two")), None);
    }
}
