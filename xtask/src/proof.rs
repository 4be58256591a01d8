//! `cargo xtask model`, `sim` and `chaos`: the project's claims, shown by programs that can be asked alone.

use crate::command::{cargo, line, run as run_command};
use crate::plugins;
use crate::test::redis;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::process::{Command, ExitCode};

/// A part of the proof that is a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The protocol's model, searched through.
    Model,
    /// The real pipeline on virtual time.
    Sim,
    /// Real processes.
    Chaos,
}

impl Part {
    /// The part that is called so on the command line.
    pub fn named(name: &str) -> Option<Part> {
        match name {
            "model" => Some(Part::Model),
            "sim" => Some(Part::Sim),
            "chaos" => Some(Part::Chaos),
            _ => None,
        }
    }

    /// The packages that it consists of, its own first.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Part::Model => &["oncegate-model"],
            Part::Sim => &["oncegate-sim"],
            Part::Chaos => &["oncegate-chaos", "oncegate-checker"],
        }
    }

    /// Builds it, with all optimisations, and runs it with these arguments. Its exit code is the answer.
    pub fn run(self, workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
        let in_release = ["build", "--release"];
        let build = || {
            let mut build = cargo();
            build.current_dir(&workspace.root).args(in_release);
            build
        };
        if self == Part::Chaos {
            if redis::server()?.is_none() {
                bail!("there is no redis-server on the PATH: install it (7.0 or later)");
            }
            plugins::build(workspace)?;
            // As the demo does, so that the engine is compiled once.
            run_command(build().args(["--package", "oncegate"]))?;
        }
        run_command(build().args(self.packages().iter().flat_map(|package| ["--package", package])))?;
        let mut program = self.program(workspace, "release");
        program.args(arguments);
        println!("$ {}", line(&program));
        let status = program.status().with_context(|| format!("failed to start `{}`", line(&program)))?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }

    /// Its program, as a profile has built it.
    pub fn program(self, workspace: &Workspace, profile: &str) -> Command {
        let built = |name: &str| workspace.built(profile).join(name);
        let mut program = Command::new(built(self.packages().first().unwrap_or(&"")));
        program.current_dir(&workspace.root);
        program.env("ONCEGATE_BIN", built("oncegate"));
        program.env("ONCEGATE_PLUGINS", workspace.built("plugins"));
        program
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_a_program_of_its_own() {
        let workspace = Workspace::find().expect("cargo knows the workspace");
        for (name, program) in
            [("model", "oncegate-model"), ("sim", "oncegate-sim"), ("chaos", "oncegate-chaos")]
        {
            let command = Part::named(name).expect("it is a part").program(&workspace, "debug");
            assert_eq!(command.get_program(), workspace.built("debug").join(program));
        }
        assert_eq!(Part::named("test"), None);
    }
}
