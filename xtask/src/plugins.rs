//! `cargo xtask plugins`: the one place that builds guests.

use crate::command::run;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use oncegate_author::imports;
use std::fs;
use std::path::{Path, PathBuf};

/// Builds every plugin of the workspace, and returns the folder that holds the components.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut cargo = Toolchain::find()?.cargo("build")?;
    cargo.current_dir(&workspace.root).args(["--profile", "guest"]);
    cargo.args(workspace.plugins.iter().flat_map(|plugin| ["--package", &plugin.name]));
    run(&mut cargo)?;

    for plugin in &workspace.plugins {
        let module = workspace.built(TARGET).join("guest").join(&plugin.module);
        let module = fs::read(&module).with_context(|| format!("failed to read {}", module.display()))?;
        let component = encode(&module).with_context(|| format!("plugin `{}`", plugin.name))?;
        let file = workspace.built(&plugin.component);
        replace(&file, &component)?;
        println!("{} ({} bytes)", file.display(), component.len());
    }
    Ok(workspace.built("plugins"))
}

/// The package whose interfaces a guest in Rust may import.
const CONTRACT: &str = "oncegate:plugin/";

/// Makes a component of a core module that carries its world, as the SDK's `handler!` writes it, and makes sure that it
/// imports nothing but the contract.
fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let component = oncegate_author::encode(module, None)?;
    match imports(&component)?.iter().find(|name| !name.starts_with(CONTRACT)) {
        Some(foreign) => bail!("imports `{foreign}`, and a guest may import only `{CONTRACT}…`"),
        None => Ok(component),
    }
}

/// Writes the file as a whole or not at all, and leaves one with the same content alone.
fn replace(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let new = file.with_extension("new");
    let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(&new, content))
        .and_then(|()| fs::rename(&new, file))
        .with_context(|| format!("failed to write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payment_component_imports_the_contract_and_nothing_else() {
        let workspace = Workspace::find().expect("cargo knows the workspace");
        let folder = build(&workspace).expect("the plugins build");
        let component = fs::read(folder.join("payment.wasm")).expect("a file");
        let mut imports = imports(&component).expect("a component");
        imports.sort();
        // Interfaces that a handler does not use are not imported: payment reads no configuration.
        assert_eq!(
            imports,
            ["dedup", "log", "output", "types"].map(|name| format!("oncegate:plugin/{name}@0.1.0"))
        );
        assert!(component.len() < 100_000, "{} bytes: what made it grow?", component.len());
    }
}
