//! What is tested, one function a step.
//!
//! Everything native is built in cargo's dev profile, in which the workspace optimises its dependencies: a
//! second profile would compile them all a second time.

use super::report::Outcome::{self, Passed, Skipped};
use super::{deny, redis};
use crate::command::{cargo, run};
use crate::plugins;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::Command;

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Its name on the command line and in the table.
    pub name: &'static str,
    /// What it shows.
    pub what: &'static str,
    /// Runs it.
    pub run: fn(&Workspace) -> Result<Outcome>,
}

/// All steps, in order.
pub const STEPS: [Step; 10] = [
    Step { name: "format", what: "the sources are formatted", run: format },
    Step { name: "deny", what: "licences and origins of the dependencies", run: deny::check },
    Step { name: "clippy", what: "no warnings in native code", run: clippy },
    Step { name: "clippy-guests", what: "no warnings in the guests, for their target", run: clippy_guests },
    Step { name: "docs", what: "the documentation builds and its links lead somewhere", run: docs },
    Step { name: "plugins", what: "the guests build to components", run: build_plugins },
    Step { name: "redis", what: "there is a redis-server for the tests to start", run: redis::find },
    Step { name: "unit", what: "unit, integration and documentation tests", run: unit },
    Step { name: "host", what: "the host that the system tests run", run: build_host },
    Step { name: "system", what: "whole-system tests on real processes", run: system },
];

fn format(workspace: &Workspace) -> Result<Outcome> {
    passed(in_workspace(workspace, "fmt").args(["--all", "--check"]))
}

fn clippy(workspace: &Workspace) -> Result<Outcome> {
    passed(in_workspace(workspace, "clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn clippy_guests(workspace: &Workspace) -> Result<Outcome> {
    let toolchain = Toolchain::find()?;
    if toolchain == Toolchain::Debian {
        return Ok(Skipped("Debian's compiler for the guests' target brings no clippy".to_owned()));
    }
    let mut cargo = toolchain.cargo("clippy")?;
    cargo.current_dir(&workspace.root);
    cargo.args(workspace.plugins.iter().flat_map(|plugin| ["--package", &plugin.name]));
    passed(cargo.args(["--package", "oncegate-sdk", "--", "-D", "warnings"]))
}

fn docs(workspace: &Workspace) -> Result<Outcome> {
    passed(
        in_workspace(workspace, "doc").args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn build_plugins(workspace: &Workspace) -> Result<Outcome> {
    plugins::build(workspace)?;
    Ok(Passed)
}

/// Without a redis-server the tests that need one are told to pass over themselves; with one they must find
/// it.
fn unit(workspace: &Workspace) -> Result<Outcome> {
    passed(tests(workspace).args(["--workspace", "--exclude", "oncegate-tests"]))
}

fn build_host(workspace: &Workspace) -> Result<Outcome> {
    passed(in_workspace(workspace, "build").args(["--package", "oncegate"]))
}

fn system(workspace: &Workspace) -> Result<Outcome> {
    passed(tests(workspace).args(["--package", "oncegate-tests"]))
}

/// `cargo test`, with everything in its environment that tests ask for.
fn tests(workspace: &Workspace) -> Command {
    let mut cargo = in_workspace(workspace, "test");
    cargo.env("ONCEGATE_BIN", workspace.built("debug/oncegate"));
    cargo.env("ONCEGATE_PLUGINS", workspace.built("plugins"));
    if redis::server().is_none() {
        cargo.env("ONCEGATE_WITHOUT_REDIS", "1");
    }
    cargo
}

fn in_workspace(workspace: &Workspace, subcommand: &str) -> Command {
    let mut cargo = cargo();
    cargo.current_dir(&workspace.root).arg(subcommand);
    cargo
}

fn passed(command: &mut Command) -> Result<Outcome> {
    run(command)?;
    Ok(Passed)
}
