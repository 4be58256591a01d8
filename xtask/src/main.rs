//! The project's own commands, all of them: `cargo xtask help`.
#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

mod apt;
mod bench;
mod command;
mod conformance;
mod demo;
mod fixtures;
mod fuzz;
mod languages;
mod packages;
mod plugins;
mod proof;
mod test;
mod toolchain;
mod workspace;

use anyhow::{Result, bail};
use proof::Part;
use std::process::ExitCode;
use test::deny::old_cargo;
use workspace::Workspace;

const HELP: &str = "\
cargo xtask COMMAND

  plugins             build each crate below plugins/ to target/plugins/NAME.wasm
  fixtures            build a component of each toolchain that imports WASI to target/fixtures/NAME.wasm
  languages [LANG…]   test the SDKs of other languages by their own runners, and build their components to
                      target/conformance/LANG.wasm and target/plugins/payment-LANG.wasm
  conformance LANG [COMPONENT [CASE…]]
                      run the cases that every language's handlers pass against one driver
  packages            pack each SDK by its language's own tool, and build an example from what was packed
  demo                send a stream with many duplicates through the payment plugin, three times
  bench [--whole]     measure the parts, whole runs beside a native handler, and memory; --whole leaves
                      the parts out
  bench languages     measure the payment handler in every language: the table in the README
  bench neighbours [ARGUMENT…]
                      what a pipeline notices of a hostile one beside it: --pairs N, --store file|redis
  model [ARGUMENT…]   search the protocol's model through, and show what each rule's absence leads to
  sim [ARGUMENT…]     run the real pipeline on virtual time with faults from a seed: --seeds N, --seed S
  chaos [ARGUMENT…]   run real hosts and servers under real faults: --minutes N --seed S --shape
                      single|cluster|sentinel
  fuzz [TARGET…] [--minutes N]
                      run libFuzzer on all targets or these, 15 minutes each; needs nightly
  test [--ci] [STEP…] check, build and test everything, or only the steps named
  help                print this

`model`, `sim` and `chaos` take `--help`, too; docs/proof.md says what they show.

`plugins` gets the wasm32 target if it is missing, and `test` what it needs to run. As root on Debian that
includes packages; elsewhere a step that cannot run is skipped and says so. With --ci (or CI=true in the
environment) a skipped step is a failure.
";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let result = match std::env::var_os(old_cargo::REAL_CARGO) {
        Some(cargo) => old_cargo::play(cargo, &arguments).map(|()| ExitCode::SUCCESS),
        None => run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", arguments),
    };
    if let Some(part) = Part::named(command) {
        return part.run(&Workspace::find()?, rest);
    }
    match (command, rest) {
        ("help" | "--help" | "-h", _) => print!("{HELP}"),
        ("plugins", []) => drop(plugins::build(&Workspace::find()?)?),
        ("fixtures", []) => fixtures::run(&Workspace::find()?)?,
        ("languages", _) => languages::run(&Workspace::find()?, rest)?,
        ("conformance", _) => conformance::run(&Workspace::find()?, rest)?,
        ("packages", []) => packages::run(&Workspace::find()?)?,
        ("demo", []) => demo::run(&Workspace::find()?)?,
        ("bench", []) => bench::run(&Workspace::find()?, false)?,
        ("bench", [flag]) if flag == "--whole" => bench::run(&Workspace::find()?, true)?,
        ("bench", [word, rest @ ..]) if word == "neighbours" => {
            bench::neighbours::run(&Workspace::find()?, rest)?
        }
        ("bench", [word]) if word == "languages" => bench::languages::run(&Workspace::find()?)?,
        ("fuzz", _) => fuzz::run(&Workspace::find()?, rest)?,
        ("test", _) => test::run(&Workspace::find()?, rest)?,
        ("plugins" | "fixtures" | "packages" | "demo" | "bench", [extra, ..]) => {
            bail!("`cargo xtask {command}` takes no argument `{extra}`")
        }
        _ => bail!("there is no command `{command}`; `cargo xtask help` lists them"),
    }
    Ok(ExitCode::SUCCESS)
}
