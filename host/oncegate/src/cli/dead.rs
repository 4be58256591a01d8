//! `oncegate dead`: what could not be handled, and how it gets another chance.

mod places;
mod requeue;
pub(crate) mod view;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{operator, pipelines};
use crate::exit::{Exit, Failure};
use crate::{audit, fail};

const ABOUT_REQUEUE: &str = "Sends dead letters again. The record of a letter's key is cleared only if it is dead and bears the letter's fence; \
     any other record stays as it is. Then the message is appended to the source, without the headers that the host \
     added, and then the letter is taken off: in one step where both are on one Redis and in one slot. May be repeated \
     after it was interrupted";

pub fn command() -> Command {
    let letters =
        Arg::new("dead-letters").long("dead-letters").value_name("URL|FILE").conflicts_with("config");
    let of = |command: Command| {
        command
            .arg(letters.clone().help("The dead letters: redis-stream://HOST/STREAM, or an NDJSON file"))
            .args(pipelines::args())
            .after_help(crate::exit::HELP)
    };
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, a line each");
    let id =
        || Arg::new("id").value_name("ID").help("As list shows it: the entry's id, or the line of a file");
    let limit = Arg::new("limit").long("limit").value_name("NUMBER").default_value("100");
    Command::new("dead")
        .about("Shows dead letters and sends them again")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(crate::exit::HELP)
        .subcommands([
            of(Command::new("list").about("Lists dead letters, oldest first"))
                .arg(limit.value_parser(clap::value_parser!(u32)).help("How many at most"))
                .arg(Arg::new("after").long("after").value_name("ID").help("Only those behind this one"))
                .arg(json()),
            of(Command::new("show").about("Shows all of a dead letter")).arg(id().required(true)).arg(json()),
            requeue_command(
                operator::with_store(of(Command::new("requeue").about(ABOUT_REQUEUE)), false),
                id(),
            ),
        ])
}

fn requeue_command(command: Command, id: Arg) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let value = |name: &'static str, what: &'static str| Arg::new(name).long(name).value_name(what);
    command
        .arg(operator::namespace_arg())
        .arg(id.action(ArgAction::Append).required_unless_present("all"))
        .arg(flag("all").conflicts_with("id").help("All that are there when the command begins"))
        .arg(value("reason-prefix", "TEXT").requires("all").help("Only those whose reason begins so"))
        .arg(value("to", "URL|FILE").help(
            "Where the messages go: the source's stream, or a file that they are appended to [default: the pipeline's \
             input, if that is a stream]",
        ))
        .arg(flag("force").help(
            "Send also what has a key that is committed (the gate will suppress it) or dead by another delivery",
        ))
        .arg(value("keep", "TIME").default_value("7d").help(
            "How long the trace of a cleared record is kept; at least as long as a run's longest lease",
        ))
        .args(audit::args())
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("list", matches)) => view::list(matches),
        Some(("show", matches)) => view::show(matches),
        Some(("requeue", matches)) => requeue::run(matches),
        _ => Err(fail!(Exit::Usage, "dead needs list, show or requeue")),
    }
}
