//! Python: a virtual environment of the project's own, and componentize-py, which puts an interpreter into the
//! component.

use std::path::PathBuf;
use std::process::Command;

use super::Build;
use crate::error::Error;
use crate::language::Language;
use crate::producers;
use crate::tool;
use crate::versions::Versions;

const TOOL: &str = "componentize-py";
/// The module that has the handler.
const MODULE: &str = "handler";

pub(super) fn component(build: Build<'_>) -> Result<Vec<u8>, Error> {
    let folder = &build.project.folder;
    if !folder.join(MODULE).with_extension("py").is_file() {
        return Err(Error::project(
            folder,
            format!("the handler's module is {MODULE}.py, and there is none"),
        ));
    }
    let environment = environment(build)?;
    let made = build.scratch(&format!("{}.interpreter.wasm", build.project.name))?;
    let mut command = Command::new(environment.join("bin").join(TOOL));
    command.current_dir(folder).env("VIRTUAL_ENV", &environment);
    command.arg("--wit-path").arg(build.wit()?).args(["--world", "handler", "componentize"]);
    command.args(["--python-path", "."]).arg("--output").arg(&made);
    tool::run(command.arg(MODULE))?;
    // The tool names itself nowhere.
    let version = Versions::read()?.tool(TOOL).to_owned();
    Ok(producers::named(build.made(&made)?, Language::Python.name(), (TOOL, &version)))
}

/// The project's virtual environment, with the tool and what the project depends on.
fn environment(build: Build<'_>) -> Result<PathBuf, Error> {
    let folder = &build.project.folder;
    let environment = folder.join(".venv");
    if environment.join("bin").join(TOOL).is_file() {
        return Ok(environment);
    }
    let how = "install Python 3.11 or later with venv (Debian: apt-get install python3-venv)";
    let python = tool::find(&["python3"], Language::Python, how)?;
    tool::run(Command::new(python).current_dir(folder).args(["-m", "venv", ".venv"]))?;
    let mut pip = Command::new(environment.join("bin/python"));
    pip.current_dir(folder).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.arg(format!("{TOOL}=={}", Versions::read()?.tool(TOOL)));
    tool::run(pip.args(["--editable", "."]))?;
    Ok(environment)
}
