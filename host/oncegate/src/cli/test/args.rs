//! The arguments of `oncegate test` that are no settings.

use clap::{Arg, ArgAction, value_parser};

use crate::rehearsal::Crash;

/// Which messages are delivered to what, and how often.
pub fn of_messages() -> [Arg; 6] {
    let words = Crash::ALL.into_iter().map(Crash::word).chain(["none"]);
    [
        Arg::new("plugin")
            .value_name("PLUGIN")
            .required(true)
            .help("The handler: a component, a .wasm file; or a project's folder or component text (.wat), which is built first"),
        Arg::new("input")
            .long("input")
            .value_name("FILE")
            .required(true)
            .allow_hyphen_values(true)
            .help("The messages, lines of JSON; - for standard input"),
        Arg::new("crash")
            .long("crash")
            .value_name("WHERE")
            .action(ArgAction::Append)
            .value_delimiter(',')
            .value_parser(words.collect::<Vec<_>>())
            .help("Where the host dies with each message, in this order, or none. Default: at both"),
        Arg::new("repeat")
            .long("repeat")
            .value_name("N")
            .value_parser(value_parser!(u32).range(0..=1000))
            .default_value("0")
            .help("Deliver each message so many times more, after it has been acknowledged"),
        Arg::new("shuffle")
            .long("shuffle")
            .value_name("SEED")
            .num_args(0..=1)
            .require_equals(true)
            .value_parser(value_parser!(u64))
            .help("Shuffle the deliveries of all messages; the same seed gives the same order"),
        Arg::new("plugin-config")
            .long("plugin-config")
            .value_name("NAME=VALUE")
            .action(ArgAction::Append)
            .help("What the handler reads with config.get; several times for several names"),
    ]
}

/// Everything else.
pub fn others() -> [Arg; 5] {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    [
        Arg::new("pipeline")
            .long("pipeline")
            .value_name("NAME")
            .requires("config")
            .help("Which pipeline of the configuration, where it has several"),
        flag("init-store", "Begin a store on a Redis that has none"),
        flag(
            "watch",
            "Go on: test again when the plugin, a source of the project, the input or the configuration changes",
        ),
        flag("verbose", "Show every message in full, also if there are many and it did well"),
        flag("json", "Print JSON: an object for each message, and one for all of them"),
    ]
}
