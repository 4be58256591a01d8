//! What is tested, one function a step.
//!
//! Everything native is built in cargo's dev profile, in which the workspace optimises its dependencies: a
//! second profile would compile them all a second time.

use super::report::Outcome::{self, Passed, Skipped};
use super::{deny, deployment, redis};
use crate::command::{cargo, run};
use crate::fixtures;
use crate::languages;
use crate::packages;
use crate::plugins;
use crate::proof::Part;
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

/// How many tests of one program run at once.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// How long fresh seeds are simulated.
const SIMULATED_SECONDS: &str = "60";

/// How long each target is fuzzed.
const FUZZED_SECONDS: &str = "4";

/// All steps, in order.
pub const STEPS: [Step; 16] = [
    Step { name: "format", what: "the sources are formatted", run: format },
    Step { name: "deny", what: "licences, origins and known faults of the dependencies", run: deny::check },
    Step {
        name: "deployment",
        what: "systemd accepts the service and what it takes away",
        run: deployment::check,
    },
    Step { name: "clippy", what: "no warnings in native code", run: clippy },
    Step { name: "clippy-guests", what: "no warnings in the guests, for their target", run: clippy_guests },
    Step { name: "docs", what: "the documentation builds and its links lead somewhere", run: docs },
    Step { name: "plugins", what: "the guests build to components", run: build_plugins },
    Step {
        name: "fixtures",
        what: "components of Go, Python and JavaScript that import WASI",
        run: fixtures::build,
    },
    Step {
        name: "languages",
        what: "each SDK by its language's own runner, and its components",
        run: languages::check,
    },
    Step {
        name: "packages",
        what: "each SDK packs the same twice, and an example builds from that",
        run: packages::check,
    },
    Step { name: "redis", what: "there is a redis-server for the tests to start", run: redis::find },
    Step { name: "tests", what: "unit, conformance, documentation and whole-system tests", run: tests },
    Step { name: "fuzz", what: "whatever comes from outside, kept and made up", run: fuzz },
    Step {
        name: "model",
        what: "the protocol's model holds, and does not without any one of its rules",
        run: model,
    },
    Step {
        name: "sim",
        what: "the pipeline on virtual time, with faults from known and fresh seeds",
        run: sim,
    },
    Step { name: "chaos", what: "real hosts and servers under real faults, from a fresh seed", run: chaos },
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

/// All of them in one call: cargo chooses the features of shared dependencies by what it is asked to build, and a
/// second call would compile the engine a second time. The host's binary, which the system tests run, is built
/// with its package's tests. Most tests wait for servers and leases rather than compute: more of them at once than there
/// are processors take less time.
fn tests(workspace: &Workspace) -> Result<Outcome> {
    let mut cargo = in_workspace(workspace, "test");
    cargo.arg("--workspace");
    if std::env::var_os(TEST_THREADS).is_none() {
        cargo.env(TEST_THREADS, "4");
    }
    cargo.env("ONCEGATE_BIN", workspace.built("debug/oncegate"));
    cargo.env("ONCEGATE_PLUGINS", workspace.built("plugins"));
    cargo.env("ONCEGATE_FIXTURES", workspace.built(fixtures::FOLDER));
    cargo.env("ONCEGATE_DRIVERS", workspace.built(languages::DRIVERS));
    passed(&mut cargo)
}

/// Built as the tests are; see [`prove`].
fn fuzz(workspace: &Workspace) -> Result<Outcome> {
    run(in_workspace(workspace, "build").args(["--workspace", "--bins", "--tests"]))?;
    passed(crate::fuzz::program(workspace).args(["--seconds", FUZZED_SECONDS]))
}

fn model(workspace: &Workspace) -> Result<Outcome> {
    prove(workspace, Part::Model, &[])
}

fn sim(workspace: &Workspace) -> Result<Outcome> {
    prove(workspace, Part::Sim, &["--regressions", "--fresh", SIMULATED_SECONDS])
}

fn chaos(workspace: &Workspace) -> Result<Outcome> {
    prove(workspace, Part::Chaos, &["--suite"])
}

/// Runs a part of the proof, built as the tests are: the same packages, so that cargo chooses the same features.
fn prove(workspace: &Workspace, part: Part, arguments: &[&str]) -> Result<Outcome> {
    run(in_workspace(workspace, "build").args(["--workspace", "--bins", "--tests"]))?;
    passed(part.program(workspace, "debug").args(arguments))
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
