//! `cargo xtask fuzz`: the targets of `oncegate-fuzz` under libFuzzer, as long as asked.
//!
//! Its instruments are part of the nightly compiler. They are given as flags for everything that is built, in a target
//! folder of their own; no tool has to be installed. What it finds new grows a corpus below that folder; an input that
//! shows something belongs into `tests/fuzz/corpus`.

use crate::command::{cargo, line, output, run as run_command};
use crate::plugins;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// How long each target runs if nobody says otherwise.
const MINUTES: u64 = 15;

/// What libFuzzer needs to see where an input leads, and what it compares.
const INSTRUMENTS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions";

/// An input that takes longer than this, in seconds, is a find.
const LONGEST_SECONDS: u64 = 120;

/// So is a process that grows beyond this many MiB.
const MOST_MIB: u64 = 3000;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    targets: Vec<String>,
    minutes: u64,
}

/// Runs the targets that are named, or all, one after the other.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let wanted = parse(arguments)?;
    plugins::build(workspace)?;
    run_command(cargo().current_dir(&workspace.root).args(["build", "--workspace", "--bins"]))?;
    let all = output(program(workspace).arg("--list"))?;
    if let Some(name) = wanted.targets.iter().find(|name| all.lines().all(|known| known != *name)) {
        bail!("there is no target `{name}`; targets are {}", all.replace('\n', ", "));
    }
    let fuzzer = build(workspace)?;
    let named = |name: &&str| wanted.targets.is_empty() || wanted.targets.iter().any(|wanted| wanted == name);
    for target in all.lines().filter(named) {
        fuzz(workspace, &fuzzer, target, wanted.minutes)?;
    }
    Ok(())
}

/// The program that replays and mutates in the ordinary build.
pub fn program(workspace: &Workspace) -> Command {
    let mut program = Command::new(workspace.built("debug/oncegate-fuzz"));
    program.current_dir(&workspace.root).env("ONCEGATE_PLUGINS", workspace.built("plugins"));
    program
}

fn parse(arguments: &[String]) -> Result<Wanted> {
    let mut wanted = Wanted { targets: Vec::new(), minutes: MINUTES };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--minutes" => {
                let number = rest.next().context("--minutes needs a number")?;
                wanted.minutes =
                    number.parse().with_context(|| format!("--minutes takes a number, not `{number}`"))?;
            }
            flag if flag.starts_with('-') => {
                bail!("`cargo xtask fuzz` knows no flag `{flag}`, only --minutes")
            }
            name => wanted.targets.push(name.to_owned()),
        }
    }
    Ok(wanted)
}

/// Builds the fuzzer with nightly.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let found = output(Command::new("rustup").args(["run", "nightly", "rustc", "-vV"]));
    let said = found.context(
        "libFuzzer's instruments need the nightly compiler: run `rustup toolchain install nightly --profile minimal`",
    )?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let target = workspace.built("libfuzzer");
    let mut build = Command::new("rustup");
    build.args(["run", "nightly", "cargo", "build", "--target", host, "--target-dir"]).arg(&target);
    build.current_dir(workspace.root.join("tests/fuzz/libfuzzer")).env("RUSTFLAGS", INSTRUMENTS);
    // What cargo tells its own children is about another compiler.
    build.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    run_command(&mut build)?;
    Ok(target.join(host).join("debug/oncegate-libfuzzer"))
}

fn fuzz(workspace: &Workspace, fuzzer: &PathBuf, target: &str, minutes: u64) -> Result<()> {
    let corpus = workspace.built("fuzz").join(target);
    run_command(program(workspace).args([target, "--prepare"]).arg(&corpus))?;
    let longest = fs::read_to_string(corpus.with_extension("longest"))?;
    let mut fuzz = Command::new(fuzzer);
    fuzz.current_dir(&workspace.root).env("ONCEGATE_FUZZ_TARGET", target);
    fuzz.env("ONCEGATE_PLUGINS", workspace.built("plugins"));
    fuzz.arg(&corpus);
    let kept = workspace.root.join("tests/fuzz/corpus").join(target);
    if kept.is_dir() {
        fuzz.arg(kept);
    }
    let dictionary = corpus.with_extension("dict");
    if fs::metadata(&dictionary).is_ok_and(|found| found.len() > 0) {
        fuzz.arg(format!("-dict={}", dictionary.display()));
    }
    let found = corpus.with_extension("found-");
    fuzz.arg(format!("-artifact_prefix={}", found.display()));
    fuzz.args([format!("-max_len={longest}"), format!("-max_total_time={}", minutes * 60)]);
    fuzz.args([format!("-timeout={LONGEST_SECONDS}"), format!("-rss_limit_mb={MOST_MIB}")]);
    fuzz.arg("-print_final_stats=1");
    println!("$ {}", line(&fuzz));
    let status = fuzz.status().with_context(|| format!("failed to start `{}`", line(&fuzz)))?;
    ensure!(
        status.success(),
        "{target} fails ({status}); the input is named above; once more: oncegate-fuzz {target} --input FILE"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Wanted> {
        parse(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn targets_and_minutes_come_in_any_order() {
        let wanted = parsed(&["keys", "--minutes", "2", "lines"]).expect("good words");
        assert_eq!(wanted, Wanted { targets: vec!["keys".to_owned(), "lines".to_owned()], minutes: 2 });
        assert_eq!(parsed(&[]).expect("nothing is all"), Wanted { targets: Vec::new(), minutes: MINUTES });
        for wrong in [&["--minutes"][..], &["--minutes", "x"], &["--seconds", "1"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
