//! `oncegate run`: handles the whole input.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};
use oncegate_broker::{NdjsonSource, Sink, Source as _, StreamSink};
use oncegate_dedup::{Clock, Gate, SystemClock};

use crate::config::{Config, Target};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::pipeline::{self, Rules, Stop};
use crate::progress::Progress;
use crate::settle::{Exact, Ordered, Settle};
use crate::stores::Opened;
use crate::summary::{Event, Tally};
use crate::{fail, signals};

pub fn command() -> Command {
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print the summary as JSON on standard output (on standard error if the output is -)");
    super::with_settings(Command::new("run"))
        .about("Runs a handler over an input, each effect once")
        .arg(json)
        .after_help(crate::exit::HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mut settings = super::settings(matches)?;
    let config = Config::new(&mut settings).or_exit(Exit::Usage)?;
    let started = Instant::now();
    let stop = Arc::new(Stop::default());
    signals::watch(Arc::clone(&stop))?;
    let tally = Arc::new(Tally::default());
    let result = {
        let _progress = Progress::start(Arc::clone(&tally), std::io::stderr().is_terminal());
        handle_input(&config, &tally, &stop)
    };
    report(&config, &tally, started, matches.get_flag("json"))?;
    result?;
    if stop.is_signalled() {
        return Err(fail!(Exit::Stopped, "stopped by a signal; run again to go on"));
    }
    let dead = tally.count(Event::DeadLetter);
    if config.fail_on_dead_letter && dead > 0 {
        return Err(fail!(Exit::DeadLetters, "{dead} dead letters were written"));
    }
    Ok(())
}

fn handle_input(config: &Config, tally: &Arc<Tally>, stop: &Arc<Stop>) -> Result<(), Failure> {
    let handler = super::load(config)?;
    let source = NdjsonSource::open(&config.input, config.format, config.line_limit).or_exit(Exit::File)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let opened = config.store.open(config.ca_file.as_deref(), Arc::clone(&clock))?;
    for warning in &opened.warnings {
        eprintln!("oncegate: warning: {warning}");
    }
    let gate = Gate::new(config.policy.clone(), config.l1, Arc::clone(&opened.store), clock);
    let gate = gate.or_exit(Exit::Usage)?;
    let mut settle = settle(config, &gate, &opened, stop)?;
    let rules = Rules {
        source: source.name().to_owned(),
        topic: source.default_topic().to_owned(),
        ..config.rules.clone()
    };
    let (tally, stop) = (Arc::clone(tally), Arc::clone(stop));
    pipeline::run(&handler, gate, Box::new(source), settle.as_mut(), rules, tally, stop)?;
    settle.close()
}

fn settle(
    config: &Config,
    gate: &Arc<Gate>,
    opened: &Opened,
    stop: &Arc<Stop>,
) -> Result<Box<dyn Settle + Send>, Failure> {
    let gate = Arc::clone(gate);
    if let (true, Some(store), Target::File(output), Target::File(dead_letters)) =
        (config.is_exact(), &opened.file, &config.output, &config.dead_letters)
    {
        return Ok(Box::new(Exact::open(gate, Arc::clone(store), output, dead_letters)?));
    }
    let (output, dead_letters) = (stream(&config.output)?, stream(&config.dead_letters)?);
    Ok(Box::new(Ordered::new(gate, output, dead_letters, Arc::clone(stop))?))
}

fn stream(target: &Target) -> Result<Box<dyn Sink + Send>, Failure> {
    match target {
        Target::Stdout => StreamSink::stdout(),
        Target::File(path) => StreamSink::file(Path::new(path)),
    }
    .map(|sink| Box::new(sink) as _)
    .or_exit(Exit::File)
}

fn report(config: &Config, tally: &Tally, started: Instant, json: bool) -> Result<(), Failure> {
    // A run that could not begin has nothing to report.
    if tally.count(Event::Read) == 0 && tally.ended_in_all() == 0 && !json {
        return Ok(());
    }
    let took = started.elapsed();
    let namespace = config.policy.namespace.to_string();
    let text = match json {
        true => {
            let facts = [
                ("namespace", namespace),
                ("store", config.store.to_string()),
                ("settle", if config.is_exact() { "exact" } else { "ordered" }.to_owned()),
            ];
            format!("{}\n", tally.json(&facts, took))
        }
        false => {
            let header =
                [format!("namespace {namespace}, store {}", config.store), config.promise().to_owned()];
            tally.text(&header, took)
        }
    };
    if json && config.output != Target::Stdout {
        return super::print(&text);
    }
    eprint!("{text}");
    Ok(())
}
