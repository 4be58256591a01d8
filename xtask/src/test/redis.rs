//! The server that the tests start, on ports and in folders of their own.

use super::report::Outcome::{self, Passed, Skipped};
use crate::apt;
use crate::command::{on_path, output};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;

const SERVER: &str = "redis-server";

/// Where the server is, if it is installed.
pub fn server() -> Option<PathBuf> {
    on_path(SERVER)
}

/// Finds the server or installs it.
pub fn find(_: &Workspace) -> Result<Outcome> {
    if server().is_none() && apt::available() {
        apt::install(&[SERVER])?;
    }
    match server() {
        Some(server) => {
            println!("{}", output(Command::new(server).arg("--version"))?);
            Ok(Passed)
        }
        None if apt::available() => bail!("{SERVER} was installed and is not on the PATH"),
        None => Ok(Skipped(format!("no {SERVER} on the PATH: tests on Redis will not run"))),
    }
}
