//! `oncegate-sim`: runs of the simulator, their figures and their failures.
#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

mod cli;

use std::process::ExitCode;
use std::sync::Arc;

use oncegate_sim::{Batch, Failure, Met, Until, kind, known, plan, run_caught, run_each, run_from, shrunk};

use cli::Command;

/// All is as it should be.
const PROVEN: u8 = 0;
/// Something is not.
const VIOLATED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// Too little was met for the result to mean anything.
const VACUOUS: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    oncegate::warning::mute();
    ExitCode::from(match cli::parse(&arguments) {
        Ok(Command::Help) => {
            print!("{}", cli::HELP);
            PROVEN
        }
        Ok(Command::One(seed)) => one(seed),
        Ok(Command::Seeds { from, count }) => many(run_from(from, Until::Seeds(count), None)),
        Ok(Command::Fixed { fresh }) => fixed(fresh),
        Err(why) => {
            eprintln!("error: {why}; see oncegate-sim --help");
            USAGE
        }
    })
}

/// One seed, with all that happens in words.
fn one(seed: u64) -> u8 {
    let plan = Arc::new(plan(seed, None));
    let verdict = run_caught(&plan, true);
    println!("{plan}");
    verdict.lines.iter().for_each(|line| println!("{line}"));
    println!("\ndigest {:016x}", verdict.digest);
    match verdict.violations.is_empty() {
        true => {
            println!("seed {seed}: all is as it should be");
            PROVEN
        }
        false => {
            println!("seed {seed} FAILS:");
            verdict.violations.iter().for_each(|what| println!("  {what}"));
            VIOLATED
        }
    }
}

/// The seeds that failed once, and others for so long.
fn fixed(fresh: Option<std::time::Duration>) -> u8 {
    let seeds: Vec<u64> = known().iter().map(|seed| seed.seed).collect();
    let mut batch = run_each(&seeds, None);
    println!("{} seeds that failed once: {} fail now", seeds.len(), batch.failures.len());
    for failure in &batch.failures {
        if let Some(seed) = known().into_iter().find(|seed| seed.seed == failure.seed) {
            println!("  {}: {}", seed.seed, seed.shows);
        }
    }
    let Some(time) = fresh else { return report(&batch, false) };
    let from = cli::fresh();
    let more = run_from(from, Until::Time(time), None);
    println!("fresh seeds: --from {from} --seeds {}", more.seeds);
    batch.take_in(more);
    many(batch)
}

fn many(batch: Batch) -> u8 {
    report(&batch, true)
}

/// What a batch came to.
fn report(batch: &Batch, has_to_meet_all: bool) -> u8 {
    let (counts, seconds) = (&batch.counts, batch.took.as_secs_f64());
    let deliveries = counts.of(Met::Deliveries);
    println!(
        "{} runs, {deliveries} deliveries, {} handler calls, {} s of virtual time, in {seconds:.1} s: {:.0} deliveries \
         a second",
        counts.runs,
        counts.of(Met::Invocations),
        counts.virtual_ms / 1000,
        deliveries as f64 / seconds.max(0.001),
    );
    print!("{counts}");
    if !batch.failures.is_empty() {
        batch.failures.iter().for_each(explain);
        return VIOLATED;
    }
    let missing = counts.missing();
    if has_to_meet_all && !missing.is_empty() {
        println!("VACUOUS: these runs never met: {}. Run more seeds.", missing.join(", "));
        return VACUOUS;
    }
    println!("all is as it should be");
    PROVEN
}

/// A failure, as short as it could be made.
fn explain(failure: &Failure) {
    let Failure { seed, violations } = failure;
    println!("\nseed {seed} FAILS:");
    violations.iter().for_each(|what| println!("  {what}"));
    let plan = Arc::new(shrunk(&plan(*seed, None), kind(violations)));
    let verdict = run_caught(&plan, true);
    println!("shortened, it fails with\n{plan}");
    verdict.lines.iter().for_each(|line| println!("{line}"));
    verdict.violations.iter().for_each(|what| println!("  {what}"));
    println!("all of it: oncegate-sim --seed {seed}");
}
