//! `oncegate-chaos`: real hosts and real servers under real faults.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use oncegate_chaos::{Control, NoVerdict, Options, Shape, Stopper, fresh_seed, run, suite};

const HELP: &str = "\
Exit codes:
  0  proven; with --control: caught
  1  violated; with --control: not caught
  2  wrong command line, or it cannot run here
  3  vacuous: nothing is violated, but something that had to strike did not
  130  told to stop

The host is target/debug/oncegate, or what ONCEGATE_BIN says, with the plugins of target/plugins, or of
ONCEGATE_PLUGINS. The checker lies beside this program, or where ONCEGATE_CHECKER says.";

fn command() -> Command {
    let number = |name: &'static str| Arg::new(name).long(name).value_parser(value_parser!(u64));
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("oncegate-chaos")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Lets faults strike four hosts and their servers, and has the outcome judged")
        .after_help(HELP)
        .arg(number("minutes").value_name("N").help("How long faults strike at least"))
        .arg(number("seconds").value_name("N").conflicts_with("minutes").help("The same in seconds [default: 60]"))
        .arg(number("seed").value_name("S").help("What draws the faults [default: a fresh one, which is printed]"))
        .arg(
            Arg::new("shape")
                .long("shape")
                .value_name("SHAPE")
                .value_parser(Shape::ALL.map(Shape::name))
                .default_value(Shape::Single.name())
                .help("The servers of sources and records"),
        )
        .arg(
            Arg::new("control")
                .long("control")
                .value_name("CONTROL")
                .value_parser(Control::ALL.map(Control::name))
                .help("A run that the checker has to find fault with: no-dedup withholds no duplicates, plain is an adapter by GET and SET"),
        )
        .arg(
            Arg::new("evidence")
                .long("evidence")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Where the evidence goes, and stays; evidence that is there is removed first [default: target/chaos/SHAPE-SEED]"),
        )
        .arg(flag("keep").help("Keep the evidence of a run that went well"))
        .arg(
            flag("suite")
                .conflicts_with_all(["minutes", "seconds", "shape", "control", "evidence"])
                .help("Every shape and every control, a minute or less each"),
        )
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    let seed = matches.get_one("seed").copied().unwrap_or_else(fresh_seed);
    let keep = matches.get_flag("keep");
    if matches.contains_id("control")
        && matches.get_one::<String>("shape").is_some_and(|shape| shape != "single")
    {
        return cannot("--control is for --shape single");
    }
    let stopper = match Stopper::listening() {
        Ok(stopper) => stopper,
        Err(error) => return cannot(&format!("signals cannot be listened to: {error}")),
    };
    let does = || match matches.get_flag("suite") {
        true => suite(seed, keep, &stopper),
        false => run(&options(&matches, seed, keep), &stopper).map(|verdict| verdict.tell()),
    };
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("something unforeseen");
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        eprintln!("oncegate-chaos: {}{}", what.replace('\n', " "), place.unwrap_or_default());
    }));
    // Servers and hosts are gone with what held them, and why is said already.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(does)) {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(NoVerdict::Stopped)) => ExitCode::from(130),
        Ok(Err(NoVerdict::Cannot(why))) => cannot(&why),
        Err(_) => ExitCode::from(2),
    }
}

fn cannot(why: &str) -> ExitCode {
    eprintln!("oncegate-chaos: {why}");
    ExitCode::from(2)
}

fn options(matches: &ArgMatches, seed: u64, keep: bool) -> Options {
    let seconds = match matches.get_one::<u64>("minutes") {
        Some(minutes) => minutes * 60,
        None => matches.get_one("seconds").copied().unwrap_or(60),
    };
    let chosen = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let shape = Shape::ALL.into_iter().find(|shape| chosen("shape") == Some(shape.name()));
    let control = Control::ALL.into_iter().find(|control| chosen("control") == Some(control.name()));
    let mut options =
        Options::new(Duration::from_secs(seconds), seed, shape.unwrap_or(Shape::Single), control);
    options.keep = keep;
    if let Some(folder) = matches.get_one::<PathBuf>("evidence") {
        (options.evidence, options.keep) = (folder.clone(), true);
    }
    options
}
