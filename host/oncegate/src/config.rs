//! From settings to what a run needs: paths that fit together, and a policy that holds.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use oncegate_broker::InputFormat;
use oncegate_dedup::{L1Limits, Namespace, Policy};
use oncegate_sandbox::{Level, Limits, Reuse, Topics};

use crate::pipeline::{Backoff, Outputs, Rules, WaitingBound};
use crate::settings::{Settings, Value};
use crate::stores::StoreUrl;

/// Where lines go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl Target {
    fn new(text: &str) -> Self {
        match text {
            "-" => Target::Stdout,
            path => Target::File(PathBuf::from(path)),
        }
    }
}

/// Everything that a run needs, checked as far as that goes without opening anything.
#[derive(Debug, Clone)]
pub struct Config {
    /// The plugin's file.
    pub plugin: PathBuf,
    /// What the handler reads with `config.get`.
    pub plugin_values: Vec<(String, String)>,
    /// The input's file, or `-`.
    pub input: PathBuf,
    /// What a line is.
    pub format: InputFormat,
    /// The longest line, in bytes.
    pub line_limit: usize,
    /// Where outputs go.
    pub output: Target,
    /// Where dead letters go.
    pub dead_letters: Target,
    /// Whether dead letters make the run fail.
    pub fail_on_dead_letter: bool,
    /// Which topics the handler may emit to.
    pub topics: Topics,
    /// Where claims and commits live.
    pub store: StoreUrl,
    /// Which certificates a store's connection trusts.
    pub ca_file: Option<PathBuf>,
    /// The policy.
    pub policy: Policy,
    /// The cache.
    pub l1: L1Limits,
    /// Whether instances are kept.
    pub reuse: Reuse,
    /// What the pipeline works by; source and topic are its source's to fill in.
    pub rules: Rules,
}

impl Config {
    /// Reads the settings; what follows from others is set in them, so that `check` can show it.
    pub fn new(settings: &mut Settings) -> Result<Self> {
        derive(settings)?;
        let store = StoreUrl::from_str(settings.required("store.url")?)?;
        let policy = policy(settings)?;
        let limits = limits(settings, &policy)?;
        let rules = rules(settings, limits)?;
        let output = Target::new(settings.required("output.path")?);
        let dead_letters = match settings.text("dead_letters.path") {
            Some(path) => Target::new(path),
            None => bail!("the output is standard output: say with --dead-letters where dead letters go"),
        };
        let config = Self {
            plugin: settings.required("plugin.path")?.into(),
            plugin_values: settings.plugin_values().to_vec(),
            input: settings.required("input.path")?.into(),
            format: settings.text("input.format").unwrap_or_default().parse()?,
            line_limit: usize::try_from(settings.number("input.line_limit")).unwrap_or(usize::MAX),
            output,
            dead_letters,
            fail_on_dead_letter: settings.is_on("dead_letters.fail"),
            topics: settings
                .list("output.topics")
                .map_or(Topics::Any, |list| Topics::Only(list.iter().cloned().collect())),
            store,
            ca_file: settings.text("store.ca_file").map(PathBuf::from),
            l1: L1Limits {
                bytes: settings.number("l1.bytes"),
                staleness_ms: settings.number("l1.staleness"),
            },
            policy,
            reuse: reuse(settings),
            rules,
        };
        config.paths_fit_together()?;
        Ok(config)
    }

    /// Whether commits and outputs are one step: the embedded store, and regular files.
    pub fn is_exact(&self) -> bool {
        let regular = |target: &Target| match target {
            Target::Stdout => false,
            // What is not there yet will be a regular file.
            Target::File(path) => path.metadata().map_or(true, |found| found.is_file()),
        };
        matches!(self.store, StoreUrl::File(_)) && regular(&self.output) && regular(&self.dead_letters)
    }

    /// What `check` and the summary say of a crash.
    pub fn promise(&self) -> &'static str {
        match self.is_exact() {
            true => "exact: commits and outputs are one step; no crash repeats or loses an output",
            false => {
                "ordered: outputs, then commits; a crash between them can repeat an output with the same id, and \
                 never loses one"
            }
        }
    }

    fn paths_fit_together(&self) -> Result<()> {
        let files = [
            ("the input", Some(&self.input)),
            ("the output", file(&self.output)),
            ("the dead letters", file(&self.dead_letters)),
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

fn file(target: &Target) -> Option<&PathBuf> {
    match target {
        Target::Stdout => None,
        Target::File(path) => Some(path),
    }
}

/// Where a file is or will be, links resolved as far as they exist.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Sets what follows from other settings, where nobody set it.
fn derive(settings: &mut Settings) -> Result<()> {
    let plugin = Path::new(settings.required("plugin.path")?);
    let stem = plugin.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if settings.get("policy.namespace").is_none() && Namespace::new(&stem).is_err() {
        bail!("the plugin's name {stem:?} cannot be a namespace (A-Z a-z 0-9 . _ -): give --namespace");
    }
    settings.derive("policy.namespace", Value::Text(stem));
    let namespace = settings.required("policy.namespace")?;
    let store = format!("file:{namespace}.gate");
    settings.derive("store.url", Value::Text(store));
    settings.derive("policy.keep", Value::Ms(settings.number("policy.window")));
    if let Some(output) = settings.text("output.path").filter(|output| *output != "-") {
        let dead = format!("{output}.dead.ndjson");
        settings.derive("dead_letters.path", Value::Text(dead));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    settings.derive("run.threads", Value::Number(threads));
    Ok(())
}

fn policy(settings: &Settings) -> Result<Policy> {
    let namespace = Namespace::new(settings.required("policy.namespace")?)?;
    let policy = Policy {
        window_ms: settings.number("policy.window"),
        lease_ms: settings.number("policy.lease"),
        margin_ms: settings.number("policy.margin"),
        handler_limit_ms: settings.number("policy.handler_limit"),
        keep_ms: settings.number("policy.keep"),
        in_flight_wait_ms: settings.number("policy.in_flight_wait"),
        max_backoff_ms: settings.number("policy.backoff_max"),
        max_attempts: settings.count("policy.attempts"),
        host_deaths: settings.count("policy.host_deaths"),
        keys_per_delivery: settings.count("limits.keys"),
        key_bytes: settings.count("limits.key_bytes"),
        receipt_bytes: settings.count("limits.receipt_bytes"),
        ..Policy::new(namespace)
    };
    policy.validate().context("the policy does not hold")?;
    Ok(policy)
}

fn rules(settings: &Settings, limits: Limits) -> Result<Rules> {
    Ok(Rules {
        source: String::new(),
        topic: String::new(),
        outputs: match settings.text("policy.outputs") {
            Some("free") => Outputs::Free,
            _ => Outputs::Gated,
        },
        fingerprint: settings.text("policy.fingerprint").unwrap_or_default().parse()?,
        backoff: Backoff {
            min_ms: settings.number("policy.backoff_min"),
            max_ms: settings.number("policy.backoff_max"),
        },
        waiting: WaitingBound {
            count: positive(settings, "limits.waiting")?,
            bytes: positive(settings, "limits.waiting_bytes")?,
        },
        threads: a_few(settings, "run.threads")?,
        concurrency: a_few(settings, "run.concurrency")?,
        log_level: log_level(settings.text("run.log_level").unwrap_or_default()),
        limits,
    })
}

fn limits(settings: &Settings, policy: &Policy) -> Result<Limits> {
    let bytes = |path: &str| usize::try_from(settings.number(path)).unwrap_or(usize::MAX);
    let limits = Limits {
        component_bytes: bytes("limits.component_bytes"),
        memory_bytes: bytes("limits.memory"),
        cpu_ms: settings.number("limits.cpu"),
        wall_ms: policy.handler_limit_ms,
        host_calls: settings.count("limits.host_calls"),
        host_call_bytes: bytes("limits.host_call_data"),
        outputs: settings.count("limits.outputs"),
        output_bytes: bytes("limits.output_bytes"),
        log_bytes: bytes("limits.log_bytes"),
        ..Limits::default()
    };
    limits.validate()?;
    Ok(limits)
}

fn positive(settings: &Settings, path: &str) -> Result<u64> {
    match settings.number(path) {
        0 => bail!("{path} is 0: set at least 1"),
        number => Ok(number),
    }
}

/// How many threads or handlers: as many as the engine has room for at the most.
fn a_few(settings: &Settings, path: &str) -> Result<usize> {
    match positive(settings, path)? {
        number if number > 4096 => bail!("{path} is {number}: set at most 4096"),
        number => Ok(usize::try_from(number)?),
    }
}

fn reuse(settings: &Settings) -> Reuse {
    match settings.is_on("run.reuse") {
        false => Reuse::Fresh,
        true => Reuse::Reused {
            max_calls: settings.count("run.reuse_calls"),
            max_memory: usize::try_from(settings.number("run.reuse_memory")).unwrap_or(usize::MAX),
        },
    }
}

fn log_level(word: &str) -> Option<Level> {
    match word {
        "error" => Some(Level::Error),
        "warn" => Some(Level::Warn),
        "info" => Some(Level::Info),
        "debug" => Some(Level::Debug),
        "trace" => Some(Level::Trace),
        _ => None,
    }
}
