//! What is to be checked: each store once, and each pipeline.

use clap::ArgMatches;
use oncegate_broker::StreamUrl;
use oncegate_dedup::{Clock as _, SystemClock};

use crate::cli::{operator, pipelines};
use crate::config::{Config, Scope};
use crate::console::Console;
use crate::doctor::{self, Load, Part, Report, Source, Wants};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::letters::Line;
use crate::stores::{StoreOptions, StoreUrl};

/// The window and the take-over time where no configuration says them.
const WINDOW_MS: u64 = 7 * 24 * 60 * 60 * 1000;
const TAKE_OVER_MS: u64 = 70_000;

/// Everything that is to be checked.
#[derive(Debug)]
pub struct Subjects {
    configs: Vec<Config>,
    stores: Vec<StoreOptions>,
    /// Streams that the command line names.
    sources: Vec<StreamUrl>,
    keys_per_second: Option<f64>,
    window_ms: Option<u64>,
    /// Whether the stores' hash tags are known.
    knows_tags: bool,
}

impl Subjects {
    /// What the command line means.
    pub fn new(matches: &ArgMatches) -> Result<Self, Failure> {
        let configs = pipelines::of(matches)?;
        let named =
            matches.get_one::<String>("store").map(|_| operator::store_options(matches)).transpose()?;
        let wanted = named.clone().into_iter().chain(configs.iter().map(|config| config.store.clone()));
        let mut stores: Vec<StoreOptions> = Vec::new();
        for wanted in wanted {
            match stores.iter_mut().find(|store| store.url.is_same_place(&wanted.url)) {
                Some(store) => {
                    store.longest_lease_ms = store.longest_lease_ms.max(wanted.longest_lease_ms);
                    store.replicas = store.replicas.max(wanted.replicas);
                    store.hash_tag = store.hash_tag.take().or(wanted.hash_tag);
                }
                None => stores.push(wanted),
            }
        }
        let sources = matches.get_many::<String>("source").into_iter().flatten();
        let sources = sources.map(|url| url.parse::<StreamUrl>().or_exit(Exit::Usage));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        if stores.is_empty() && sources.is_empty() {
            return Err(fail!(Exit::Usage, "say with --config, --store or --source what is to be checked"));
        }
        let window_ms = matches.get_one::<String>("window").map(|_| operator::time_ms(matches, "window"));
        let knows_tags = !configs.is_empty() || matches.get_one::<String>("hash-tag").is_some();
        let (keys_per_second, window_ms) = (rate(matches)?, window_ms.transpose()?);
        Ok(Self { configs, stores, sources, keys_per_second, window_ms, knows_tags })
    }

    /// The pipelines on a store.
    fn on<'a>(&'a self, store: &'a StoreOptions) -> impl Iterator<Item = &'a Config> {
        self.configs.iter().filter(|config| config.store.url.is_same_place(&store.url))
    }

    fn window_ms(&self, store: &StoreOptions) -> u64 {
        let longest = self.on(store).map(|config| config.policy.window_ms).max();
        self.window_ms.or(longest).unwrap_or(WINDOW_MS)
    }
}

/// `200/s`, or only the number.
fn rate(matches: &ArgMatches) -> Result<Option<f64>, Failure> {
    let Some(text) = matches.get_one::<String>("rate") else { return Ok(None) };
    match text.strip_suffix("/s").unwrap_or(text).trim().parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(Some(rate)),
        _ => Err(fail!(Exit::Usage, "--rate takes a number of keys a second, such as 200/s, not {text:?}")),
    }
}

/// Checks all of it.
pub fn check(subjects: &Subjects, report: &mut Report) -> Result<(), Failure> {
    for store in &subjects.stores {
        report.at(Part::Store, format!("store {}", store.url));
        match &store.url {
            StoreUrl::Memory => report.warn(
                "it is in memory: a restart forgets everything",
                "use file:PATH or a Redis, unless nothing that is read comes twice after a restart",
            ),
            StoreUrl::File(path) => doctor::check_files(path, report),
            StoreUrl::Redis(url) => check_redis(subjects, store, url, report)?,
        }
    }
    for config in &subjects.configs {
        report.at(Part::Pipeline, format!("pipeline {config}"));
        doctor::check_policy(config, report);
        check_streams(config, report)?;
    }
    for url in &subjects.sources {
        report.at(Part::Pipeline, format!("input {url}"));
        let window_ms = subjects.window_ms.unwrap_or(WINDOW_MS);
        check_source(&Source { url, take_over_ms: TAKE_OVER_MS, window_ms, base_group: None }, report)?;
    }
    Ok(())
}

fn check_redis(
    subjects: &Subjects,
    store: &StoreOptions,
    url: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    let redis = store.redis(url, false)?;
    let console = Console::find(&redis.redis);
    let wants = Wants {
        replicas: store.replicas,
        margin_ms: subjects.on(store).map(|config| config.policy.margin_ms).min(),
    };
    let tag = subjects.knows_tags.then(|| store.hash_tag.clone().unwrap_or_default());
    operator::wait(async {
        if let Some(answer) = console.quorum().await {
            doctor::check_quorum(answer, report);
        }
        let nodes = match console.nodes().await {
            Ok(nodes) => nodes,
            Err(why) => {
                report.fail(why, "start the server, or correct the URL");
                return Ok(());
            }
        };
        if let Some(why) = console.refused.as_ref().filter(|_| nodes.is_empty()) {
            report.fail(format!("it cannot be used: {why}"), "start the server, or correct the URL");
        } else if let Some(why) = &console.refused {
            report.fail(
                format!("hosts do not work with it: {why}"),
                "see the checks below, or correct the URL",
            );
        }
        let primaries = nodes.len();
        for mut node in nodes {
            if primaries > 1 {
                report.at(Part::Store, format!("store {}, {}", store.url, node.address));
            }
            let info = doctor::check_server(&mut node, wants, report).await;
            let lease_ms = store.longest_lease_ms;
            doctor::check_identity(&mut node, &info, tag.as_deref(), lease_ms, report).await;
            let window_ms = subjects.window_ms(store);
            let load = subjects.keys_per_second.map(|keys_per_second| Load {
                keys_per_second,
                window_ms,
                primaries,
            });
            doctor::check_memory(&mut node, &info, load, report).await;
        }
        Ok(())
    })
}

fn check_streams(config: &Config, report: &mut Report) -> Result<(), Failure> {
    if let Some(url) = config.input.stream() {
        let base_group = match (&config.scope, url.group.as_deref()) {
            (Scope::Host(host_id), Some(group)) => {
                group.strip_suffix(host_id.as_str()).and_then(|g| g.strip_suffix('.'))
            }
            _ => None,
        };
        report.at(Part::Pipeline, format!("pipeline {config}, input {url}"));
        let take_over_ms = config.policy.redelivery_ms.unwrap_or(TAKE_OVER_MS);
        check_source(&Source { url, take_over_ms, window_ms: config.policy.window_ms, base_group }, report)?;
    }
    if let Some(target) = config.dead_letters.stream() {
        report.at(Part::Pipeline, format!("pipeline {config}, dead letters {}", target.url));
        let Some(mut line) = line(&target.url, report) else { return Ok(()) };
        let window_ms = config.policy.window_ms;
        operator::wait(async {
            doctor::check_letters(&mut line, window_ms, SystemClock.wall_ms(), report).await;
            Ok(())
        })?;
    }
    Ok(())
}

fn check_source(source: &Source<'_>, report: &mut Report) -> Result<(), Failure> {
    let Some(mut line) = line(source.url, report) else { return Ok(()) };
    operator::wait(async {
        doctor::check_source(&mut line, source, report).await;
        Ok(())
    })
}

fn line(url: &StreamUrl, report: &mut Report) -> Option<Line> {
    match Line::to(url) {
        Ok(line) => Some(line),
        Err(error) => {
            report.fail(format!("{error:#}"), "start the server, or correct the URL");
            None
        }
    }
}
