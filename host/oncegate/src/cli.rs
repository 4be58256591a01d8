//! The command line: a file for each command.

mod build;
pub(crate) mod check;
pub(crate) mod dead;
mod doctor;
mod inspect;
mod keys;
mod new;
mod operator;
mod pipelines;
mod run;
mod store;
mod test;

use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, ArgMatches, Command};
use oncegate_dedup::text::{self, Page};
use oncegate_redis::unsaid;

use crate::compiling::Compiling;
use crate::config::Config;
use crate::exit::{self, Exit, Failure, OrExit as _};
use crate::fail;
use crate::rights::{self, Rights};
use crate::settings::{Kind, SETTINGS, Setting, Settings};

/// Runs the command that the process was started with.
pub fn run() -> Result<(), Failure> {
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are asked for; anything else is a mistake, and clap's text says which.
            let text = error.render().to_string();
            if !error.use_stderr() {
                return print(&text);
            }
            // It may quote an argument, and that may be a URL with a password.
            eprint!("{}", Page(&unsaid(&text)));
            std::process::exit(Exit::Usage as i32);
        }
    };
    match matches.subcommand() {
        Some(("run", matches)) => run::run(matches),
        Some(("check", matches)) => check::run(matches),
        Some(("new", matches)) => new::run(matches),
        Some(("build", matches)) => build::run(matches),
        Some(("inspect", matches)) => inspect::run(matches),
        Some(("test", matches)) => test::run(matches),
        Some(("keys", matches)) => keys::run(matches),
        Some(("dead", matches)) => dead::run(matches),
        Some(("store", matches)) => store::run(matches),
        Some(("doctor", matches)) => doctor::run(matches),
        _ => Err(fail!(Exit::Usage, "no command is given; see oncegate --help")),
    }
}

/// The whole command line.
pub fn command() -> Command {
    Command::new("oncegate")
        .version(version())
        .about("Runs message handlers as WebAssembly components and makes their effects happen once")
        .after_help(exit::HELP)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands([
            run::command(),
            check::command(),
            new::command(),
            build::command(),
            inspect::command(),
            test::command(),
            keys::command(),
            dead::command(),
            store::command(),
            doctor::command(),
        ])
}

/// The release, and the versions of the contract whose handlers it runs.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let served: Vec<&str> = oncegate_sandbox::contract_versions().collect();
        format!("{} (serves oncegate:plugin {})", env!("CARGO_PKG_VERSION"), served.join(", "))
    });
    &VERSION
}

/// `--config` and a flag for each setting that has one.
fn with_settings(command: Command) -> Command {
    with_these_settings(command, |_| true)
}

/// `--config` and a flag for each of these settings.
fn with_these_settings(command: Command, is_wanted: impl Fn(&Setting) -> bool) -> Command {
    let config = Arg::new("config").long("config").value_name("FILE").help(
        "A configuration file (TOML); flags lie over it. Relative file names in it start from its folder",
    );
    let flags = SETTINGS.iter().filter(|setting| is_wanted(setting)).filter_map(|setting| {
        let flag = setting.flag?;
        let mut help = setting.help.to_owned();
        if let Kind::Choice(words) = setting.kind {
            help.push_str(&format!(" [one of: {}]", words.join(", ")));
        }
        let arg = Arg::new(setting.path).long(flag);
        Some(match setting.kind {
            Kind::Flag => arg.help(help).action(ArgAction::SetTrue),
            kind => {
                if let Some(default) = setting.default {
                    help.push_str(&format!(" [default: {default}]"));
                }
                arg.help(help)
                    .value_name(kind.placeholder())
                    .allow_hyphen_values(matches!(kind, Kind::Path | Kind::Place))
            }
        })
    });
    let flags: Vec<Arg> = flags.collect();
    command.arg(config).args(flags)
}

/// A line of JSON for programs that reads back the same, and that a terminal shows as it is.
fn json_line(value: &serde_json::Value) -> String {
    format!("{}\n", text::json_line(&value.to_string()))
}

/// What the command line and the configuration file say together.
pub(crate) fn settings(matches: &ArgMatches) -> Result<Settings, Failure> {
    these_settings(matches, |_| true)
}

/// The same for a command that has flags for these settings alone.
fn these_settings(matches: &ArgMatches, is_wanted: impl Fn(&Setting) -> bool) -> Result<Settings, Failure> {
    let mut settings = Settings::defaults();
    if let Some(path) = matches.get_one::<String>("config") {
        settings.file(Path::new(path)).or_exit(Exit::Usage)?;
    }
    for setting in SETTINGS.iter().filter(|setting| setting.flag.is_some() && is_wanted(setting)) {
        match setting.kind {
            Kind::Flag if matches.get_flag(setting.path) => settings.flag(setting, "true"),
            Kind::Flag => Ok(()),
            _ => match matches.get_one::<String>(setting.path) {
                Some(text) => settings.flag(setting, text),
                None => Ok(()),
            },
        }
        .or_exit(Exit::Usage)?;
    }
    Ok(settings)
}

/// Makes the compiler of a process that has these pipelines, and drops the rights that they do not need: before
/// the first thread.
fn begin(matches: &ArgMatches, configs: &[Config]) -> Result<(Compiling, Rights), Failure> {
    let Some(config) = configs.first() else { return Err(fail!(Exit::Usage, "there is no pipeline")) };
    let compiling = Compiling::new(&config.host)?;
    let file = matches.get_one::<String>("config").map(Path::new);
    let rights = rights::drop_for(configs, file, &compiling)?;
    Ok((compiling, rights))
}

/// Prints to standard output, whatever could disturb a terminal escaped. A reader that has gone away is no failure of
/// this command.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{}", Page(text)).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(fail!(Exit::File, "cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}
