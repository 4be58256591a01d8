//! `oncegate check`: verifies all of it and runs nothing.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use clap::{ArgMatches, Command};
use oncegate_broker::NdjsonSource;
use oncegate_dedup::{Gate, SystemClock, hex};

use crate::config::{Config, Target};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::settings::{Kind, PLUGIN_CONFIG, SETTINGS, Settings, Value, bytes_text};
use crate::stores::StoreUrl;

pub fn command() -> Command {
    super::with_settings(Command::new("check"))
        .about("Verifies a configuration, its plugin, store and files; runs and writes nothing")
        .after_help(crate::exit::HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mut settings = super::settings(matches)?;
    let config = Config::new(&mut settings).or_exit(Exit::Usage)?;
    super::print(&effective(&settings))?;
    let handler = super::load(&config)?;
    NdjsonSource::open(&config.input, config.format, config.line_limit).or_exit(Exit::File)?;
    for target in [&config.output, &config.dead_letters] {
        can_be_written(target)?;
    }
    let store = check_store(&config)?;
    let text = format!(
        "\nplugin  {} (sha256 {})\nstore   {store}\nsettle  {}\nready to run\n",
        config.plugin.display(),
        hex::encode(handler.component().digest()),
        config.promise()
    );
    super::print(&text)
}

/// Every setting, its value and where that came from. The handler's own values may be secrets: names only.
fn effective(settings: &Settings) -> String {
    let mut text = String::new();
    for setting in SETTINGS {
        let Some((value, origin)) = settings.get(setting.path) else { continue };
        let value = match (setting.path, setting.kind, value) {
            ("store.url", _, Value::Text(url)) => {
                url.parse::<StoreUrl>().map_or_else(|_| "…".to_owned(), |url| url.to_string())
            }
            (_, Kind::Bytes, Value::Number(bytes)) => bytes_text(*bytes),
            (_, _, value) => value.to_string(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<24} = {value:<24} ({origin})", setting.path);
    }
    for (name, _) in settings.plugin_values() {
        let _ = writeln!(text, "{PLUGIN_CONFIG}.{name} = (set)");
    }
    text
}

fn can_be_written(target: &Target) -> Result<(), Failure> {
    let Target::File(path) = target else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Looked at, not opened: a check must not create what a run would.
    let subject = if path.exists() { path } else { folder };
    if !folder.is_dir() {
        return Err(fail!(Exit::File, "the folder of the output {} does not exist", path.display()));
    }
    rustix::fs::access(subject, rustix::fs::Access::WRITE_OK)
        .map_err(|error| fail!(Exit::File, "the output {} cannot be written: {error}", path.display()))
}

fn check_store(config: &Config) -> Result<String, Failure> {
    if let StoreUrl::File(path) = &config.store
        && !path.exists()
    {
        can_be_written(&Target::File(path.clone()))?;
        return Ok(format!("{} (will be made)", config.store));
    }
    let clock = Arc::new(SystemClock);
    let opened = config.store.open(config.ca_file.as_deref(), clock.clone())?;
    for warning in &opened.warnings {
        eprintln!("oncegate: warning: {warning}");
    }
    let gate = Gate::new(config.policy.clone(), config.l1, opened.store, clock).or_exit(Exit::Usage)?;
    Ok(gate.store().describe())
}
