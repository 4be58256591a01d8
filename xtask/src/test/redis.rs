//! The server that the tests start, on ports and in folders of their own.

use super::report::Outcome::{self, Passed};
use crate::apt;
use crate::command::{on_path, output};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;

const SERVER: &str = "redis-server";

/// Where the server is, installed now if that can be.
pub fn server() -> Result<Option<PathBuf>> {
    if on_path(SERVER).is_none() && apt::available() {
        apt::install(&[SERVER])?;
    }
    Ok(on_path(SERVER))
}

/// Finds the server or installs it.
pub fn find(_: &Workspace) -> Result<Outcome> {
    let Some(server) = server()? else {
        bail!("there is no {SERVER} on the PATH, and too many tests need one: install it (7.0 or later)");
    };
    println!("{}", output(Command::new(server).arg("--version"))?);
    Ok(Passed)
}
