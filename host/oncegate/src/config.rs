//! From settings to what a run needs: places that fit together, and policies that hold.

mod derive;
mod order;
mod place;
mod policy;
mod promise;
mod scope;
mod together;

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use oncegate_dedup::{L1Limits, Policy};
use oncegate_sandbox::{Reuse, Topics};

use crate::pipeline::Rules;
use crate::settings::{PLUGIN_CONFIG, Settings};
use crate::stores::StoreOptions;

pub use place::{Input, Target, real};
pub use promise::Promise;
pub use scope::Scope;

/// Everything that one pipeline needs, checked as far as that goes without opening anything.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it is called in what is printed: its name in the configuration, or its namespace.
    pub name: String,
    /// The plugin's file.
    pub plugin: PathBuf,
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
    /// Whether instances are kept.
    pub reuse: Reuse,
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
        let configs = settings.pipelines_mut().iter_mut().map(one).collect::<Result<Vec<_>>>()?;
        together::check(&configs)?;
        Ok(configs)
    }

    fn new(settings: &mut Settings) -> Result<Self> {
        derive::derive(settings)?;
        let scope = Scope::new(settings)?;
        let input = Input::Ndjson {
            path: settings.required("input.path")?.into(),
            format: settings.text("input.format").unwrap_or_default().parse()?,
            line_limit: usize::try_from(settings.number("input.line_limit")).unwrap_or(usize::MAX),
        };
        let policy = policy::policy(settings, &scope, &input)?;
        let limits = policy::limits(settings, &policy)?;
        let rules = policy::rules(settings, limits, order::order(settings, &input)?)?;
        let output = Target::new(settings.required("output.path")?);
        let dead_letters = match settings.text("dead_letters.path") {
            Some(path) => Target::new(path),
            None => bail!("the output is standard output: say with --dead-letters where dead letters go"),
        };
        let free = settings.free(PLUGIN_CONFIG);
        let config = Self {
            name: settings.name().map_or_else(|| policy.namespace.to_string(), str::to_owned),
            plugin: settings.required("plugin.path")?.into(),
            plugin_values: free.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            input,
            output,
            dead_letters,
            fail_on_dead_letter: settings.is_on("dead_letters.fail"),
            topics: settings
                .list("output.topics")
                .map_or(Topics::Any, |list| Topics::Only(list.iter().cloned().collect())),
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
            reuse: policy::reuse(settings),
            rules,
        };
        config.store.validate()?;
        config.places_fit_together()?;
        Ok(config)
    }

    /// Where it writes to, each with its name.
    pub fn targets(&self) -> [(&'static str, &Target); 2] {
        [("output", &self.output), ("dead letters", &self.dead_letters)]
    }

    fn places_fit_together(&self) -> Result<()> {
        let Input::Ndjson { path, .. } = &self.input;
        let files = [
            ("the input", Some(path.as_path())),
            ("the output", self.output.file()),
            ("the dead letters", self.dead_letters.file()),
        ];
        let mut seen: Vec<(&str, PathBuf)> = Vec::new();
        for (name, path) in files {
            let Some(path) = path.filter(|path| path.as_os_str() != "-") else { continue };
            let real = real(path);
            if let Some((other, _)) = seen.iter().find(|(_, seen)| *seen == real) {
                bail!("{other} and {name} are the same file, {}: name two", path.display());
            }
            seen.push((name, real));
        }
        if self.output == Target::Stdout && self.dead_letters == Target::Stdout {
            bail!("outputs and dead letters both go to standard output: give --dead-letters a file");
        }
        Ok(())
    }
}
