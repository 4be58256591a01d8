//! The server that the tests start, on ports and in folders of their own.

use super::report::Outcome::{self, Passed};
use crate::apt;
use crate::command::{on_path, output};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::process::Command;

const SERVER: &str = "redis-server";

/// Finds the server or installs it.
pub fn find(_: &Workspace) -> Result<Outcome> {
    if on_path(SERVER).is_none() && apt::available() {
        apt::install(&[SERVER])?;
    }
    let Some(server) = on_path(SERVER) else {
        bail!("there is no {SERVER} on the PATH, and too many tests need one: install it (7.0 or later)");
    };
    println!("{}", output(Command::new(server).arg("--version"))?);
    Ok(Passed)
}
