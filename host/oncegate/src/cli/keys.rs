//! `oncegate keys`: what happened to a key, and how to change what is remembered of it.

mod change;
mod view;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::operator;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::{audit, fail, key_text};

pub fn command() -> Command {
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, a line each");
    let of = |command: Command| {
        operator::with_store(command, true)
            .arg(operator::namespace_arg().required(true))
            .after_help(crate::exit::HELP)
    };
    let key = || {
        Arg::new("key")
            .value_name("KEY")
            .required(true)
            .help("The key as listed: \\n, \\xff and \\\\ for what is no plain text; sha256:… for a long one")
    };
    let fence = || {
        Arg::new("fence").long("fence").value_name("FENCE").help(
            "Change the record only if it bears this fence [default: the one that it bears when looked at]",
        )
    };
    let keep = Arg::new("keep").long("keep").value_name("TIME").default_value("7d");
    let window = Arg::new("window").long("window").value_name("TIME").default_value("7d");
    Command::new("keys")
        .about("Shows and changes what a store remembers of keys")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(crate::exit::HELP)
        .subcommands([
            of(Command::new("get").about("Shows one key; exit code 1 if there is no record"))
                .arg(key())
                .arg(json()),
            of(Command::new("list").about("Lists the keys of a namespace")).arg(json()),
            of(Command::new("stuck").about(
                "Lists claims whose lease is over: their hosts died or were stopped, and no delivery has taken them \
                 over. The next delivery will",
            ))
            .arg(json()),
            of(Command::new("forget").about(change::ABOUT_FORGET))
                .arg(key())
                .arg(fence())
                .arg(keep.help(
                    "How long the trace of the forgetting is kept; at least as long as a run's longest lease",
                ))
                .args(audit::args()),
            of(Command::new("commit").about(change::ABOUT_COMMIT))
                .arg(key())
                .arg(fence())
                .arg(window.help("How long the commit is remembered"))
                .args(audit::args()),
        ])
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((command, matches)) = matches.subcommand() else {
        return Err(fail!(Exit::Usage, "keys needs get, list, stuck, forget or commit"));
    };
    let namespace = operator::namespace(matches)?;
    let options = operator::store_options(matches)?;
    let key = || key_text::read(&namespace, operator::text(matches, "key")).or_exit(Exit::Usage);
    match command {
        "get" => {
            let (key, opened) = (key()?, operator::open(&options)?);
            operator::wait(view::get(&opened, &key, matches.get_flag("json")))
        }
        "list" | "stuck" => {
            let opened = operator::open(&options)?;
            let which = if command == "list" { view::Which::All } else { view::Which::Stuck };
            operator::wait(view::list(&opened, namespace, which, matches.get_flag("json")))
        }
        "forget" => change::forget(matches, &options, &key()?),
        _ => change::commit(matches, &options, &key()?),
    }
}
