//! `oncegate run`: runs every pipeline of a configuration to the end of its input.

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clap::{Arg, ArgAction, ArgMatches, Command};
use oncegate_dedup::SystemClock;
use oncegate_dedup::text::Page;
use oncegate_sandbox::Engine;

use crate::assembly::{self, Assembly};
use crate::config::{Config, Promise};
use crate::deploy::{Reloader, Watch};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::pipeline::Stop;
use crate::progress::Progress;
use crate::stores::Stores;
use crate::summary::{Event, Tally};
use crate::warning::warning;
use crate::{fail, signals};

pub fn command() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help(
        "Print the summaries as JSON, a line for each pipeline, on standard output (on standard error if an output \
         is -)",
    );
    let init = Arg::new("init-store").long("init-store").action(ArgAction::SetTrue).help(
        "Begin a store on a Redis that has none. Without it such a server is refused, because it may have been emptied",
    );
    super::with_settings(Command::new("run"))
        .about("Runs handlers over their inputs, each effect once")
        .arg(json)
        .arg(init)
        .after_help(crate::exit::HELP)
}

/// What the process knows of one of its pipelines while that runs.
struct Running<'a> {
    config: &'a Config,
    /// Known once everything is open.
    promise: OnceLock<Promise>,
    tally: Arc<Tally>,
    stop: Arc<Stop>,
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mut settings = super::settings(matches)?;
    let configs = Config::all(&mut settings).or_exit(Exit::Usage)?;
    let (compiling, rights) = super::begin(matches, &configs)?;
    eprintln!("oncegate: {rights}");
    let started = Instant::now();
    let pipeline =
        |config| Running { config, promise: OnceLock::new(), tally: Arc::default(), stop: Arc::default() };
    let pipelines: Vec<Running<'_>> = configs.iter().map(pipeline).collect();
    let (reload, requests) = Reloader::channel();
    signals::watch(pipelines.iter().map(|pipeline| Arc::clone(&pipeline.stop)).collect(), reload)?;
    let watches: Vec<Watch> = configs.iter().map(Watch::of).collect();
    let result = {
        let tallies = pipelines.iter().map(|pipeline| Arc::clone(&pipeline.tally)).collect();
        let _progress = Progress::start(tallies, std::io::stderr().is_terminal());
        let engine = assembly::engine(&configs, compiling.compiler.clone())?;
        assemble(&configs, &pipelines, &engine, matches.get_flag("init-store")).and_then(|assemblies| {
            let mut reloader = Reloader::new(matches.clone(), settings, engine, requests);
            for ((config, watch), assembly) in configs.iter().zip(watches).zip(&assemblies) {
                reloader.add(config.clone(), watch, assembly.deployment().clone());
            }
            reloader.start()?;
            run_all(&pipelines, assemblies)
        })
    };
    report(&pipelines, started.elapsed(), matches.get_flag("json"))?;
    result?;
    if pipelines.iter().any(|pipeline| pipeline.stop.is_signalled()) {
        return Err(fail!(Exit::Stopped, "stopped by a signal; run again to go on"));
    }
    let pipelines = pipelines.iter().filter(|pipeline| pipeline.config.fail_on_dead_letter);
    let dead: u64 = pipelines.map(|pipeline| pipeline.tally.count(Event::DeadLetter)).sum();
    if dead > 0 {
        return Err(fail!(Exit::DeadLetters, "{dead} dead letters were written"));
    }
    Ok(())
}

/// Opens all of them before the first one begins, so that a mistake in the last one costs nothing.
fn assemble(
    configs: &[Config],
    pipelines: &[Running<'_>],
    engine: &Engine,
    init: bool,
) -> Result<Vec<Assembly>, Failure> {
    let mut stores =
        Stores::new(configs.iter().map(|config| config.store.clone()), Arc::new(SystemClock), init);
    let mut open = |pipeline: &Running<'_>| {
        let (tally, stop) = (Arc::clone(&pipeline.tally), Arc::clone(&pipeline.stop));
        let assembly = Assembly::open(pipeline.config, engine, &mut stores, tally, stop)
            .map_err(|failure| of_pipeline(pipeline, pipelines.len(), failure))?;
        // It is set once.
        let _ = pipeline.promise.set(assembly.promise().clone());
        Ok(assembly)
    };
    pipelines.iter().map(&mut open).collect()
}

/// Runs all of them side by side. The first failure ends the others in good order, and is the whole's. A quarantine is
/// its own pipeline's affair: the others run to their ends.
fn run_all(pipelines: &[Running<'_>], assemblies: Vec<Assembly>) -> Result<(), Failure> {
    let failures = Mutex::new(Vec::new());
    let fail = |pipeline, failure: Failure| {
        if !failure.exit.is_of_one_pipeline() {
            pipelines.iter().for_each(|pipeline| pipeline.stop.finish());
        }
        let failure = of_pipeline(pipeline, pipelines.len(), failure);
        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    };
    std::thread::scope(|scope| {
        for (pipeline, assembly) in pipelines.iter().zip(assemblies) {
            let run = move || {
                let _guard = FinishOnPanic(pipelines);
                assembly.run().unwrap_or_else(|failure| fail(pipeline, failure));
            };
            let thread = std::thread::Builder::new().name(pipeline.config.name.clone());
            if let Err(error) = thread.spawn_scoped(scope, run) {
                fail(pipeline, fail!(Exit::Failed, "cannot start a thread: {error}"));
            }
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort_by_key(|failure| failure.exit.is_of_one_pipeline());
    let mut failures = failures.into_iter();
    let first = failures.next();
    // The process ends with one line and one exit code; what else failed is said before.
    failures.for_each(|failure| warning!("{failure}"));
    first.map_or(Ok(()), Err)
}

/// A pipeline that panics would leave the others running.
struct FinishOnPanic<'a>(&'a [Running<'a>]);

impl Drop for FinishOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.iter().for_each(|pipeline| pipeline.stop.finish());
        }
    }
}

/// A failure says which pipeline it is of, where there are several.
fn of_pipeline(pipeline: &Running<'_>, of: usize, failure: Failure) -> Failure {
    match of {
        1 => failure,
        _ => Failure { error: failure.error.context(format!("the pipeline {}", pipeline.config)), ..failure },
    }
}

/// A summary for each pipeline, in the order of the configuration.
fn report(pipelines: &[Running<'_>], took: Duration, json: bool) -> Result<(), Failure> {
    let mut text = String::new();
    for pipeline in pipelines {
        // A run that could not begin has nothing to report.
        if json || pipeline.tally.count(Event::Read) > 0 || pipeline.tally.ended_in_all() > 0 {
            text.push_str(&summary(pipeline, pipelines.len(), took, json));
        }
    }
    let stdout_is_taken =
        pipelines.iter().flat_map(|pipeline| pipeline.config.targets()).any(|(_, target)| target.is_stdout());
    if json && !stdout_is_taken {
        return super::print(&text);
    }
    eprint!("{}", Page(&text));
    Ok(())
}

fn summary(pipeline: &Running<'_>, of: usize, took: Duration, json: bool) -> String {
    let Running { config, tally, .. } = pipeline;
    let (namespace, store) = (&config.policy.namespace, &config.store.url);
    let promise = pipeline.promise.get().cloned().unwrap_or_else(|| config.promise());
    if json {
        let facts = [
            ("pipeline", config.name.clone()),
            ("namespace", namespace.to_string()),
            ("store", store.to_string()),
            ("settle", promise.word().to_owned()),
        ];
        return format!("{}\n", tally.json(&facts, took));
    }
    let mut header = vec![format!("namespace {namespace}, store {store}"), promise.to_string()];
    if of > 1 {
        header.insert(0, format!("pipeline {config}"));
    }
    tally.text(&header, took)
}
