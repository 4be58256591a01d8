//! `oncegate-plain`: a consumer as most articles write it, which asks a key, acts, and sets the key. A control: it
//! doubles effects, and the checker must find them.

mod adapter;
mod message;

use std::process::ExitCode;
use std::time::Duration;

use adapter::{Adapter, Places};
use clap::{Arg, ArgMatches, Command, value_parser};

const HELP: &str = "\
It reads entries of STREAM one by one, and takes over what others left. For each it looks whether the key NAMESPACE:KEY
is there; if not, it appends the effect to EFFECTS and sets the key; then it acknowledges the entry. It goes on until it
is killed, and connects again whenever it has to. Exit code 2: the command line is wrong.";

fn main() -> ExitCode {
    let matches = command().get_matches();
    let Ok(client) = redis::Client::open(text(&matches, "url")) else {
        eprintln!("oncegate-plain: `{}` is no URL of a Redis: redis://HOST:PORT", text(&matches, "url"));
        return ExitCode::from(2);
    };
    let places = Places {
        stream: text(&matches, "stream"),
        group: text(&matches, "group"),
        consumer: text(&matches, "consumer"),
        effects: text(&matches, "effects"),
        namespace: text(&matches, "namespace"),
        min_idle: Duration::from_millis(matches.get_one("min-idle-ms").copied().unwrap_or_default()),
    };
    loop {
        let Err(error) = Adapter::connect(&client, &places).and_then(Adapter::run);
        eprintln!("oncegate-plain: {error}; it connects again");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn command() -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).required(true)
    };
    Command::new("oncegate-plain")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Handles a stream with GET and SET, as most articles do; a control that must be caught")
        .after_help(HELP)
        .arg(flag("url", "URL", "The Redis where everything is: redis://HOST:PORT"))
        .arg(flag("stream", "STREAM", "The stream that is read"))
        .arg(flag("group", "GROUP", "The group that reads it; made if it is not there"))
        .arg(flag("consumer", "NAME", "The name of this consumer in the group"))
        .arg(flag("effects", "STREAM", "The stream that effects are appended to"))
        .arg(flag("namespace", "NAME", "What the keys and the effects' ids begin with"))
        .arg(
            flag("min-idle-ms", "MS", "How long nobody must have heard of an entry before it is taken over")
                .value_parser(value_parser!(u64)),
        )
}

fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).cloned().unwrap_or_default()
}
