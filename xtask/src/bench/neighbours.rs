//! `cargo xtask bench neighbours`: what a pipeline notices of the one beside it.
//!
//! One process runs two pipelines. The watched one is the payment handler: fed as fast as it takes messages, which
//! gives its throughput, and then at a steady pace, which gives how long each message takes from being sent to its
//! output being there. The neighbour has more to do than it can, all the time: an honest one, then a hostile one, in
//! turn, so that both figures of a pair are taken on the same machine at the same time of day.

mod case;
mod figures;
mod host;
mod probe;
mod server;

use anyhow::{Context, Result, bail};
use case::{Case, HONEST, HOSTILE};
use figures::{Figures, Pairs};
use host::Place;
use server::Server;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::redis;
use crate::command::{cargo, run as run_command};
use crate::plugins;
use crate::workspace::Workspace;

/// What the command takes.
pub const HELP: &str = "\
cargo xtask bench neighbours [--pairs N] [--seconds N] [--store file|redis] [--folder DIR] [--as-built]
                            [NEIGHBOUR…]

  --pairs N       pairs of an honest and a hostile neighbour, for each hostile one (default 5)
  --seconds N     how long each of a run's two parts is measured (default 4)
  --as-built      with the host and the plugins as they were built last
  --folder DIR    where the files are: on a disk that others use, its waits are measured, too
  --store WHICH   the store that both pipelines share (default: file, then redis)
  NEIGHBOUR       spin, allocate, keys, log, emit (default: all)
";

struct Options {
    pairs: usize,
    part: Duration,
    stores: Vec<String>,
    cases: Vec<Case>,
    build: bool,
    folder: Option<PathBuf>,
}

/// Measures what the arguments name and prints a table for each store. Fails if a figure is not within its bounds.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return Ok(());
    }
    let options = options(arguments)?;
    if options.build {
        plugins::build(workspace)?;
        run_command(cargo().current_dir(&workspace.root).args([
            "build",
            "--release",
            "--package",
            "oncegate",
        ]))?;
    }
    let mut missed = Vec::new();
    for store in &options.stores {
        missed.extend(table(workspace, &options, store)?);
    }
    match missed.is_empty() {
        true => Ok(()),
        false => bail!("beyond the bounds: {}", missed.join(", ")),
    }
}

fn options(arguments: &[String]) -> Result<Options> {
    let mut options = Options {
        pairs: 5,
        part: Duration::from_secs(4),
        stores: vec!["file".to_owned(), "redis".to_owned()],
        cases: Vec::new(),
        build: true,
        folder: None,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} takes a value\n{HELP}"));
        match word.as_str() {
            "--pairs" => options.pairs = value()?.parse::<usize>()?.max(1),
            "--folder" => options.folder = Some(value()?.into()),
            "--as-built" => options.build = false,
            "--seconds" => options.part = Duration::from_secs(value()?.parse()?),
            "--store" => match value()?.as_str() {
                store @ ("file" | "redis") => options.stores = vec![store.to_owned()],
                other => bail!("there is no store {other}\n{HELP}"),
            },
            name => match HOSTILE.into_iter().find(|case| case.name == name) {
                Some(case) => options.cases.push(case),
                None => bail!("there is no neighbour {name}\n{HELP}"),
            },
        }
    }
    if options.cases.is_empty() {
        options.cases = HOSTILE.to_vec();
    }
    Ok(options)
}

/// All hostile neighbours on one store. Gives those with a figure beyond its bound.
fn table(workspace: &Workspace, options: &Options, store: &str) -> Result<Vec<String>> {
    let server = match store {
        "redis" => {
            redis::server()?.context("there is no redis-server, and it cannot be installed")?;
            Some(Server::start()?)
        }
        _ => None,
    };
    let folder = options.folder.clone().unwrap_or_else(|| workspace.target.clone()).join("neighbours");
    fresh(&folder)?;
    for case in [&HONEST].into_iter().chain(&options.cases) {
        case.write(&folder)?;
    }
    println!(
        "\nBeside each neighbour, {} pairs in turn, store {store}: deliveries a second, and p99 in milliseconds",
        options.pairs
    );
    println!("{}", Pairs::HEAD);
    let mut missed = Vec::new();
    for case in &options.cases {
        let mut pairs = Pairs::default();
        for number in 0..options.pairs {
            let measure = |case: &Case| -> Result<Figures> {
                let name = format!("run{number}-{}", case.name);
                let place = Place { workspace, folder: &folder, name, server: server.as_ref() };
                let figures = place.measure(case, options.part)?;
                eprintln!("{}: {figures}", case.name);
                Ok(figures)
            };
            let honest = measure(&HONEST)?;
            pairs.add(honest, measure(case)?);
        }
        println!("{}", pairs.row(case.name));
        if !pairs.hold() {
            missed.push(format!("{} on {store}", case.name));
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    Ok(missed)
}

fn fresh(folder: &std::path::Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))
}
