//! Looks for new versions, on SIGHUP and by itself, and has them take over.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ArgMatches;
use oncegate_dedup::hex;
use oncegate_sandbox::Engine;

use super::{Deployment, Watch};
use crate::assembly;
use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::settings::Settings;
use crate::warning::{notice, warning};

/// How often files are looked at. A change takes over after two looks that see the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What may change while a pipeline runs: what its handler is made of. Its limits do, its pool and its rights do not.
const RELOADABLE: &[&str] = &[
    "plugin.path",
    "plugin.sha256",
    "plugin.signature",
    "plugin.public_key",
    "plugin.config.",
    "limits.memory",
    "limits.cpu",
    "limits.host_calls",
    "limits.host_call_data",
    "limits.outputs",
    "limits.output_bytes",
    "limits.component_bytes",
    "run.reuse",
    "run.reuse_calls",
    "run.reuse_memory",
];

/// Somebody asks for a look at once, at the configuration, too.
#[derive(Debug, Clone, Copy)]
pub struct Request;

/// The thread that looks for new versions. It goes on until the process ends.
#[derive(Debug)]
pub struct Reloader {
    matches: ArgMatches,
    engine: Engine,
    settings: Settings,
    pipelines: Vec<Reloadable>,
    requests: Receiver<Request>,
}

#[derive(Debug)]
struct Reloadable {
    config: Config,
    deployment: Deployment,
    watch: Watch,
}

impl Reloader {
    /// What asks for a look, and what hears of it.
    pub fn channel() -> (SyncSender<Request>, Receiver<Request>) {
        // One that waits is as good as several.
        sync_channel(1)
    }

    /// A reloader for a process that was configured by this command line, to these settings.
    pub fn new(matches: ArgMatches, settings: Settings, engine: Engine, requests: Receiver<Request>) -> Self {
        Self { matches, engine, settings, pipelines: Vec::new(), requests }
    }

    /// Looks after this pipeline, too.
    pub fn add(&mut self, config: Config, watch: Watch, deployment: Deployment) {
        self.pipelines.push(Reloadable { config, deployment, watch });
    }

    /// Starts looking.
    pub fn start(mut self) -> Result<(), Failure> {
        let look = move || {
            loop {
                match self.requests.recv_timeout(LOOK_EVERY) {
                    Ok(Request) => self.reload_all(),
                    Err(RecvTimeoutError::Timeout) => self.look(),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        std::thread::Builder::new().name("reload".to_owned()).spawn(look).or_exit(Exit::Failed)?;
        Ok(())
    }

    /// What has changed by itself.
    fn look(&mut self) {
        for pipeline in &mut self.pipelines {
            let may_follow = pipeline.config.watches_plugin;
            if may_follow && pipeline.watch.has_changed() {
                pipeline.reload(&self.engine, Because::Changed);
            }
        }
    }

    /// As the configuration says now.
    fn reload_all(&mut self) {
        match self.configure() {
            Ok(()) => {
                for pipeline in &mut self.pipelines {
                    pipeline.reload(&self.engine, Because::Asked);
                }
            }
            Err(error) => warning!("nothing is reloaded: {error:#}"),
        }
    }

    /// Reads the configuration again, and takes from it what may change.
    fn configure(&mut self) -> Result<()> {
        let mut settings = crate::cli::settings(&self.matches).map_err(|failure| failure.error)?;
        let configs = Config::all(&mut settings)?;
        let changed = self.settings.changed(&settings);
        let other: Vec<&String> = changed.iter().filter(|path| !is_reloadable(path)).collect();
        if !other.is_empty() {
            let names: Vec<&str> = other.into_iter().map(String::as_str).collect();
            bail!("restart needed: {} changed, which a running process cannot follow", names.join(", "));
        }
        if let Some(path) = configs.iter().flat_map(files).find(|path| is_closed(path)) {
            bail!("restart needed: this process has dropped the right to read {}", path.display());
        }
        for (pipeline, config) in self.pipelines.iter_mut().zip(configs) {
            pipeline.watch = Watch::of(&config);
            pipeline.config = config;
        }
        self.settings = settings;
        Ok(())
    }
}

/// Why a plugin is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    Asked,
    Changed,
}

impl Reloadable {
    fn reload(&mut self, engine: &Engine, because: Because) {
        let begun = self.watch.begin();
        let loaded = assembly::handler(engine, &self.config);
        // Read while it was being written: the next look will find it.
        if !self.watch.end(begun) && because == Because::Changed {
            return;
        }
        let (name, current) = (&self.config.name, self.deployment.current());
        let handler = match loaded {
            Ok(handler) => handler,
            Err(failure) => {
                let digest = hex::encode(current.component().digest());
                return warning!("the pipeline {name} keeps its plugin (sha256 {digest}): {failure}");
            }
        };
        let digest = handler.component().digest();
        let is_same = digest == current.component().digest() && handler.settings() == current.settings();
        match because {
            Because::Changed if is_same || self.deployment.gave_way(digest) => return,
            Because::Asked if is_same => {
                return notice!("the pipeline {name} has this version of its plugin already");
            }
            _ => {}
        }
        let digest = hex::encode(digest);
        self.deployment.take_over(handler);
        notice!("the pipeline {name} runs another version of its plugin now: sha256 {digest}");
    }
}

/// The files that a pipeline's handler is made of.
fn files(config: &Config) -> Vec<&Path> {
    let signature = config.trust.signed.as_ref().map(|signed| signed.signature.as_path());
    [config.plugin.as_path()].into_iter().chain(signature).collect()
}

/// Whether the file may not be read. That one is missing is told by whoever reads it.
fn is_closed(path: &Path) -> bool {
    std::fs::File::open(path).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

fn is_reloadable(path: &str) -> bool {
    RELOADABLE.iter().any(|allowed| path == *allowed || (allowed.ends_with('.') && path.starts_with(allowed)))
}
