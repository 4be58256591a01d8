//! The pipelines of a configuration, for commands that look at them and run none.

use std::path::Path;

use clap::{Arg, ArgMatches};

use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::settings::Settings;

/// `--config` and `--pipeline`.
pub fn args() -> [Arg; 2] {
    let config = Arg::new("config").long("config").value_name("FILE");
    let pipeline = Arg::new("pipeline").long("pipeline").value_name("NAME");
    [
        config.help("The configuration (TOML) of the pipelines"),
        pipeline.requires("config").help("Which of its pipelines, where it has several"),
    ]
}

/// The pipelines that are meant: of the file that `--config` names, all or the one that `--pipeline` does.
pub fn of(matches: &ArgMatches) -> Result<Vec<Config>, Failure> {
    let Some(path) = matches.get_one::<String>("config") else { return Ok(Vec::new()) };
    let mut settings = Settings::defaults();
    settings.file(Path::new(path)).or_exit(Exit::Usage)?;
    let configs = Config::all(&mut settings).or_exit(Exit::Usage)?;
    let Some(name) = matches.get_one::<String>("pipeline") else { return Ok(configs) };
    let names: Vec<String> = configs.iter().map(ToString::to_string).collect();
    let named: Vec<Config> = configs.into_iter().filter(|config| config.name == *name).collect();
    match named.is_empty() {
        true => Err(fail!(Exit::Usage, "{path} has no pipeline {name}: it has {}", names.join(", "))),
        false => Ok(named),
    }
}

/// The one pipeline that is meant; none without `--config`.
pub fn one_of(matches: &ArgMatches) -> Result<Option<Config>, Failure> {
    let mut configs = of(matches)?;
    if configs.len() > 1 {
        let names: Vec<String> = configs.iter().map(ToString::to_string).collect();
        return Err(fail!(
            Exit::Usage,
            "the configuration has several pipelines: say with --pipeline which one is meant: {}",
            names.join(", ")
        ));
    }
    Ok(configs.pop())
}
