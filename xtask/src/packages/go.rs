//! Go packs a module when somebody asks a proxy for it; the same library packs it here.

use crate::command::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use oncegate_author::{Language, Versions};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program that packs and unpacks.
const PROGRAM: &str = include_str!("go/pack.go");

/// Packs the module as a proxy would hand it out.
pub fn pack(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let file = folder.join("module.zip");
    program(&workspace.target, "pack", &workspace.root.join("guest-sdk/go"), &file)?;
    Ok(file)
}

/// The line with which a module has the packed one.
pub fn replacement(workspace: &Workspace, packed: &Path) -> Result<String> {
    let folder = packed.parent().context("a package lies in a folder")?.join("unpacked");
    fs::create_dir_all(&folder)?;
    program(&workspace.target, "unpack", &folder, packed)?;
    Ok(format!("replace {} => {}", Versions::read()?.name(Language::Go), folder.display()))
}

/// Builds and runs the program, which has one dependency.
fn program(target: &Path, verb: &str, folder: &Path, file: &Path) -> Result<()> {
    let versions = Versions::read()?;
    let library = versions.tool("golang-mod");
    let program = target.join("tools").join(format!("go-pack-{library}"));
    fs::create_dir_all(&program)?;
    fs::write(program.join("main.go"), PROGRAM)?;
    let manifest =
        format!("module pack\n\ngo {}\n\nrequire golang.org/x/mod v{library}\n", versions.tool("go"));
    fs::write(program.join("go.mod"), manifest)?;
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    let mut go = Command::new("go");
    go.current_dir(&program).env("GOFLAGS", "-mod=mod").args([
        "run",
        ".",
        verb,
        versions.name(Language::Go),
        &version,
    ]);
    run(go.arg(folder).arg(file))
}
