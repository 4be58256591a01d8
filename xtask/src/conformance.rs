//! `cargo xtask conformance`: the cases that every language's handlers pass, against one driver.

use crate::command::{cargo, run as run_command};
use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// Runs all cases, or those that are named, in the real sandbox. Without a component it is the one that was built here.
pub fn run(workspace: &Workspace, words: &[String]) -> Result<()> {
    let [language, rest @ ..] = words else {
        bail!(
            "say the driver's language: cargo xtask conformance rust|go|js|python|c [COMPONENT.wasm [CASE…]]"
        )
    };
    let mut command = cargo();
    command.current_dir(&workspace.root).args([
        "run",
        "--quiet",
        "--package",
        "oncegate-conform",
        "--",
        "--lang",
    ]);
    command.arg(language);
    if rest.is_empty() {
        command.arg(workspace.built(crate::languages::DRIVERS).join(language).with_extension("wasm"));
    }
    run_command(command.args(rest))
}
