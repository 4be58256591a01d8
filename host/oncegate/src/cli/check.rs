//! `oncegate check`: verifies all of it and runs nothing.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use clap::{ArgMatches, Command};
use oncegate_broker::{NdjsonSource, RedisStreamSink, StreamUrl};
use oncegate_dedup::text::line;
use oncegate_dedup::{SystemClock, hex};
use oncegate_redis::unsaid;
use oncegate_sandbox::Engine;

use crate::assembly;
use crate::config::{self, Config, Input, Scope, Target};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::settings::{FREE_TABLES, Kind, PLUGIN_CONFIG, SETTINGS, Settings, Value, bytes_text};
use crate::stores::{StoreUrl, Stores};
use crate::warning::warning;

pub fn command() -> Command {
    super::with_settings(Command::new("check"))
        .about("Verifies a configuration, its plugins, stores and places; runs and writes nothing")
        .after_help(crate::exit::HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mut settings = super::settings(matches)?;
    let configs = Config::all(&mut settings).or_exit(Exit::Usage)?;
    for settings in settings.pipelines() {
        super::print(&effective(settings))?;
    }
    let (compiling, rights) = super::begin(matches, &configs)?;
    super::print(&format!("{rights}\n"))?;
    let engine = assembly::engine(&configs, compiling.compiler)?;
    let mut stores =
        Stores::new(configs.iter().map(|config| config.store.clone()), Arc::new(SystemClock), false);
    for config in &configs {
        let facts = facts(config, &engine, &mut stores);
        let named = |failure: Failure| match configs.len() {
            1 => failure,
            _ => Failure { error: failure.error.context(format!("the pipeline {config}")), ..failure },
        };
        let title = if configs.len() > 1 { format!("pipeline {config}\n") } else { String::new() };
        super::print(&format!("{title}{}\n", facts.map_err(named)?))?;
    }
    super::print("ready to run\n")
}

/// What was found out of a pipeline beyond its settings.
fn facts(config: &Config, engine: &Engine, stores: &mut Stores) -> Result<String, Failure> {
    let handler = assembly::handler(engine, config)?;
    if let Input::Ndjson { path, format, line_limit } = &config.input {
        NdjsonSource::open(path, *format, *line_limit).or_exit(Exit::File)?;
    }
    for (_, target) in config.targets() {
        can_be_written(target)?;
    }
    let store = check_store(config, stores)?;
    let mut text = format!(
        "plugin  {} (sha256 {}{})\nstore   {store}\nsettle  {}\n",
        config.plugin.display(),
        hex::encode(handler.component().digest()),
        config.trust.describe(),
        config.promise()
    );
    text.push_str(&config::grants(&handler));
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        text,
        "share   {} of {}: {} handlers at once, {} threads that run them at nice +{}",
        config.share.of,
        config.share.total,
        config.rules.concurrency,
        config.rules.threads,
        config.rules.nice
    );
    if let Some(url) = config.input.stream() {
        let _ = writeln!(text, "input   {url} (the group is made by the first run)");
    }
    if let Scope::Host(host_id) = &config.scope {
        let namespace = &config.policy.namespace;
        let _ = write!(
            text,
            "scope   host {host_id}: this host handles each message once, in namespace {namespace}"
        );
        let group = config.input.stream().and_then(|url| url.group.as_deref());
        let _ = writeln!(text, "{}", group.map_or_else(String::new, |group| format!(", as group {group}")));
    }
    Ok(text)
}

/// The longest value that is shown, in bytes.
const LINE_BYTES: usize = 4 << 10;

/// Every setting, its value and where that came from. The handler's own values may be secrets: names only.
pub(crate) fn effective(settings: &Settings) -> String {
    let mut text = String::new();
    if let Some(name) = settings.name() {
        let _ = writeln!(text, "pipeline {name}");
    }
    for setting in SETTINGS {
        let Some((value, origin)) = settings.get(setting.path) else { continue };
        let value = match (setting.path, setting.kind, value) {
            ("grants.random_seed", ..) => "(set)".to_owned(),
            ("store.url", _, Value::Text(url)) => {
                url.parse::<StoreUrl>().map_or_else(|_| "…".to_owned(), |url| url.to_string())
            }
            // There may be a password in it.
            (_, Kind::Place, Value::Text(place)) if StreamUrl::is_meant(place) => {
                place.parse::<StreamUrl>().map_or_else(|_| "…".to_owned(), |url| url.to_string())
            }
            (_, Kind::Bytes, Value::Number(bytes)) => bytes_text(*bytes),
            (_, _, value) => value.to_string(),
        };
        let _ = writeln!(text, "{:<24} = {:<24} ({origin})", setting.path, line(&unsaid(&value), LINE_BYTES));
    }
    for (table, ..) in FREE_TABLES {
        for (name, value) in settings.free(table) {
            let value = if table == PLUGIN_CONFIG { "(set)" } else { value };
            let _ = writeln!(text, "{}", line(&unsaid(&format!("{table}.{name} = {value}")), LINE_BYTES));
        }
    }
    text.push('\n');
    text
}

fn can_be_written(target: &Target) -> Result<(), Failure> {
    match target {
        Target::Stdout => Ok(()),
        Target::File(path) => file_can_be_written(path),
        // It looks at the streams and writes nothing.
        Target::Stream(streams) => {
            RedisStreamSink::open(&streams.url, &streams.topics).or_exit(Exit::File).map(drop)
        }
    }
}

fn file_can_be_written(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Looked at, not opened: a check must not create what a run would.
    let subject = if path.exists() { path } else { folder };
    if !folder.is_dir() {
        return Err(fail!(Exit::File, "the folder of the output {} does not exist", path.display()));
    }
    rustix::fs::access(subject, rustix::fs::Access::WRITE_OK)
        .map_err(|error| fail!(Exit::File, "the output {} cannot be written: {error}", path.display()))
}

fn check_store(config: &Config, stores: &mut Stores) -> Result<String, Failure> {
    if let StoreUrl::File(path) = &config.store.url
        && !path.exists()
    {
        file_can_be_written(path)?;
        return Ok(format!("{} (will be made)", config.store.url));
    }
    let opened = stores.open(&config.store)?;
    for warning in &opened.warnings {
        warning!("{warning}");
    }
    Ok(assembly::gate(config, &opened)?.store().describe())
}
