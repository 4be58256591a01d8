//! JavaScript and TypeScript: npm brings the tools, and the SDK's own program makes one module of all sources and puts
//! an engine beside it.

use std::path::PathBuf;
use std::process::Command;

use super::Build;
use crate::error::Error;
use crate::tool;

/// The SDK's program.
const PROGRAM: &str = "oncegate-js";

pub(super) fn component(build: Build<'_>) -> Result<Vec<u8>, Error> {
    let folder = &build.project.folder;
    let language = build.project.language;
    tool::find(&["node"], language, "install Node.js 20 or later, see https://nodejs.org")?;
    let made = build.scratch(&format!("{}.engine.wasm", build.project.name))?;
    let mut command = Command::new(program(build)?);
    command.current_dir(folder).args(["build", "--out"]).arg(&made);
    tool::run(&mut command)?;
    build.made(&made)
}

/// The SDK's program, after installing what the project's manifest names if that was not done yet.
fn program(build: Build<'_>) -> Result<PathBuf, Error> {
    let folder = &build.project.folder;
    let program = folder.join("node_modules/.bin").join(PROGRAM);
    if !program.is_file() {
        let npm =
            tool::find(&["npm"], build.project.language, "it comes with Node.js, see https://nodejs.org")?;
        tool::run(Command::new(npm).current_dir(folder).args(["install", "--no-audit", "--no-fund"]))?;
    }
    match program.is_file() {
        true => Ok(program),
        false => Err(Error::Missing {
            program: PROGRAM.to_owned(),
            language: build.project.language.name(),
            how: "name the SDK in package.json's \"dependencies\"".to_owned(),
        }),
    }
}
