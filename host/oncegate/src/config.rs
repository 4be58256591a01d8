//! From settings to what a run needs: places that fit together, and policies that hold.

mod budget;
mod derive;
mod grants;
mod host;
mod order;
mod place;
mod policy;
mod promise;
mod scope;
mod share;
mod stream;
#[cfg(test)]
mod tests;
mod together;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use oncegate_broker::SourceOptions;
use oncegate_dedup::{L1Limits, Policy};
use oncegate_sandbox::{Grants, Reuse, Topics};

use crate::pipeline::Rules;
use crate::settings::{OUTPUT_STREAMS, PLUGIN_CONFIG, Settings, Value};
use crate::stores::StoreOptions;
use crate::trust::Trust;

pub use grants::described as grants;
pub use host::{DropRights, HostOptions};
pub use place::{Input, Target, real};
pub use promise::Promise;
pub use scope::Scope;
pub use stream::{StreamTarget, same_server};

/// A pipeline's part of what all of them share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Of so much.
    pub total: u64,
    /// This.
    pub of: u32,
}

/// Everything that one pipeline needs, checked as far as that goes without opening anything.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it is called in what is printed: its name in the configuration, or its namespace.
    pub name: String,
    /// The plugin's file.
    pub plugin: PathBuf,
    /// What that file has to be.
    pub trust: Trust,
    /// Whether a changed file takes over by itself.
    pub watches_plugin: bool,
    /// What the handler reads with `config.get`.
    pub plugin_values: Vec<(String, String)>,
    /// Where messages come from.
    pub input: Input,
    /// Where outputs go.
    pub output: Target,
    /// Where dead letters go.
    pub dead_letters: Target,
    /// Whether dead letters make the run fail.
    pub fail_on_dead_letter: bool,
    /// Which topics the handler may emit to.
    pub topics: Topics,
    /// What its clocks and random numbers are.
    pub grants: Grants,
    /// Where claims and commits live.
    pub store: StoreOptions,
    /// The policy.
    pub policy: Policy,
    /// Whether other pipelines may have its namespace.
    pub shares_namespace: bool,
    /// Who handles a message. The policy's namespace says it already.
    pub scope: Scope,
    /// The cache.
    pub l1: L1Limits,
    /// How much it counts beside the others.
    pub share: Share,
    /// Whether instances are kept.
    pub reuse: Reuse,
    /// What is of the whole process, and the same in all of its pipelines.
    pub host: HostOptions,
    /// What the pipeline works by; source, topic and encoders are its source's and sinks' to fill in.
    pub rules: Rules,
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Config {
    /// Reads the settings of all pipelines, in the order in which the file has them; what follows from others is
    /// set in them, so that `check` can show it.
    pub fn all(settings: &mut Settings) -> Result<Vec<Self>> {
        let one = |settings: &mut Settings| {
            let config = Self::new(settings);
            match settings.name() {
                Some(name) => config.with_context(|| format!("the pipeline {name}")),
                None => config,
            }
        };
        let mut configs = settings.pipelines_mut().iter_mut().map(one).collect::<Result<Vec<_>>>()?;
        share::divide(settings, &mut configs)?;
        together::check(&configs)?;
        Ok(configs)
    }

    fn new(settings: &mut Settings) -> Result<Self> {
        derive::derive(settings)?;
        let scope = Scope::new(settings)?;
        let input = input(settings, &scope)?;
        let policy = policy::policy(settings, &scope, &input)?;
        let limits = policy::limits(settings, &policy)?;
        let mut rules = policy::rules(settings, limits, order::order(settings, &input)?)?;
        let output = output(settings)?;
        let dead_letters = dead_letters(settings, &input, &output)?;
        settings.derive("dead_letters.path", Value::Text(dead_letters.to_string()));
        rules.budget = budget::budget(settings, &output, &dead_letters)?;
        let free = settings.free(PLUGIN_CONFIG);
        let config = Self {
            name: settings.name().map_or_else(|| policy.namespace.to_string(), str::to_owned),
            plugin: settings.required("plugin.path")?.into(),
            watches_plugin: settings.is_on("plugin.watch") && settings.get("plugin.sha256").is_none(),
            trust: Trust::new(settings)?,
            plugin_values: free.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            topics: topics(settings, &output)?,
            grants: grants::grants(settings)?,
            input,
            output,
            dead_letters,
            fail_on_dead_letter: settings.is_on("dead_letters.fail"),
            store: StoreOptions {
                url: settings.required("store.url")?.parse()?,
                ca_file: settings.text("store.ca_file").map(PathBuf::from),
                hash_tag: settings.text("store.hash_tag").map(str::to_owned),
                replicas: settings.count("store.replicas"),
                replica_timeout_ms: settings.number("store.replica_timeout"),
                longest_lease_ms: policy.lease_ms,
            },
            l1: L1Limits {
                bytes: settings.number("l1.bytes"),
                staleness_ms: settings.number("l1.staleness"),
            },
            policy,
            shares_namespace: settings.is_on("policy.share_namespace"),
            scope,
            share: policy::share(settings)?,
            reuse: policy::reuse(settings),
            host: HostOptions::new(settings)?,
            rules,
        };
        config.store.validate()?;
        config.places_fit_together()?;
        Ok(config)
    }

    /// Where it writes to, each with its name.
    pub fn targets(&self) -> [(&'static str, &Target); 2] {
        [("outputs", &self.output), ("dead letters", &self.dead_letters)]
    }

    fn places_fit_together(&self) -> Result<()> {
        let files = [
            ("the input", self.input.file()),
            ("the output", self.output.file()),
            ("the dead letters", self.dead_letters.file()),
        ];
        let mut seen: Vec<(&str, PathBuf)> = Vec::new();
        for (name, path) in files {
            let Some(path) = path else { continue };
            let real = real(path);
            if let Some((other, _)) = seen.iter().find(|(_, seen)| *seen == real) {
                bail!("{other} and {name} are the same file, {}: name two", path.display());
            }
            seen.push((name, real));
        }
        if self.output.is_stdout() && self.dead_letters.is_stdout() {
            bail!("outputs and dead letters both go to standard output: give --dead-letters a file");
        }
        self.streams_fit_together()
    }

    fn streams_fit_together(&self) -> Result<()> {
        if let Some(url) = self.input.stream()
            && let Some(stream) = &url.stream
        {
            for (name, target) in self.targets() {
                if target.has_stream(url, stream) {
                    bail!(
                        "the {name} would go to the stream {stream:?}, which is the pipeline's own input, and so be \
                         handled again and again: name another stream"
                    );
                }
            }
        }
        let Some(dead) = self.dead_letters.stream() else { return Ok(()) };
        if let Some(stream) = dead.streams().into_iter().find(|name| self.output.has_stream(&dead.url, name))
        {
            bail!(
                "outputs and dead letters would both go to the stream {stream:?}, whose readers could not tell one \
                 from the other: name two"
            );
        }
        Ok(())
    }
}

fn input(settings: &Settings, scope: &Scope) -> Result<Input> {
    let text = settings.required("input.path")?;
    let limit = usize::try_from(settings.number("input.line_limit")).unwrap_or(usize::MAX);
    if !stream::is_named(text, "input.path")? {
        let format = settings.text("input.format").unwrap_or_default().parse()?;
        return Ok(Input::Ndjson { path: text.into(), format, line_limit: limit });
    }
    let mut url = stream::url(text, "input.path")?;
    url.of_source().context("input.path")?;
    url.group = url.group.map(|group| scope.own(&group));
    let most_held = usize::try_from(policy::positive(settings, "input.most_held")?).unwrap_or(usize::MAX);
    let takeover_idle = Duration::from_millis(settings.number("input.take_over"));
    let exclusive = settings.is_on("input.exclusive");
    let options = SourceOptions {
        takeover_idle,
        most_held,
        alone: exclusive,
        message_limit: limit,
        ..SourceOptions::default()
    };
    Ok(Input::Stream { url: Box::new(url), options, exclusive })
}

fn output(settings: &Settings) -> Result<Target> {
    let text = settings.required("output.path")?;
    if stream::is_named(text, "output.path")? {
        return stream::output(settings, text).map(Box::new).map(Target::Stream);
    }
    if settings.free(OUTPUT_STREAMS).next().is_some() {
        bail!("{OUTPUT_STREAMS} is set, and output.path names no Redis: set it to redis-stream://HOST");
    }
    Ok(if text == "-" { Target::Stdout } else { Target::File(text.into()) })
}

/// Where the setting says, or beside the input's stream, so that one step can write them, or beside the output.
fn dead_letters(settings: &Settings, input: &Input, output: &Target) -> Result<Target> {
    match settings.text("dead_letters.path") {
        Some("-") => return Ok(Target::Stdout),
        Some(text) if stream::is_named(text, "dead_letters.path")? => {
            return stream::dead_letters(text).map(Box::new).map(Target::Stream);
        }
        Some(path) => return Ok(Target::File(path.into())),
        None => {}
    }
    let of_input =
        input.stream().map(|url| StreamTarget::one(url.clone(), url.stream.as_deref().unwrap_or_default()));
    if let Some(beside) = of_input.as_ref().or(output.stream()).and_then(StreamTarget::dead_letters) {
        return Ok(Target::Stream(Box::new(beside)));
    }
    match output {
        Target::File(path) => Ok(Target::File(format!("{}.dead.ndjson", path.display()).into())),
        Target::Stdout => {
            bail!("the output is standard output: say with --dead-letters where dead letters go")
        }
        Target::Stream(_) => {
            bail!("the output is several streams: say with --dead-letters where dead letters go")
        }
    }
}

/// Stands for every topic.
const ANY_TOPIC: &str = "*";

/// What the handler may emit to: what is listed and nothing else; with a table of streams exactly what that names.
fn topics(settings: &Settings, output: &Target) -> Result<Topics> {
    let list = settings.list("output.topics");
    match (output.stream().map(|target| &target.topics), list) {
        (Some(oncegate_broker::Topics::Map(_)), Some(_)) => bail!(
            "output.topics and {OUTPUT_STREAMS} both say what the handler may emit to: take output.topics out"
        ),
        (Some(oncegate_broker::Topics::Map(map)), None) => Ok(Topics::Only(map.keys().cloned().collect())),
        (_, Some([any])) if any == ANY_TOPIC => Ok(Topics::Any),
        (_, Some(list)) if list.iter().any(|topic| topic == ANY_TOPIC) => {
            bail!(
                "output.topics lists {ANY_TOPIC}, which is any topic, among others: list the topics, or {ANY_TOPIC} alone"
            )
        }
        (_, Some(list)) => Ok(Topics::Only(list.iter().cloned().collect())),
        (_, None) => Ok(Topics::default()),
    }
}
