//! What the command line and the configuration say of a test.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use oncegate_broker::{InputFormat, StreamUrl};
use oncegate_dedup::{Clock as _, Namespace, SystemClock, hex};

use crate::cli::these_settings;
use crate::config::{Config, Input, Target};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::rehearsal::{Crash, Order, Plan};
use crate::settings::{OUTPUT_STREAMS, Origin, PLUGIN_CONFIG, SETTINGS, Settings, Value};
use crate::stores::StoreUrl;

/// The settings that have flags here.
pub const FLAGS: [&str; 10] = [
    "input.format",
    "output.topics",
    "store.url",
    "policy.lease",
    "policy.handler_limit",
    "policy.attempts",
    "policy.outputs",
    "policy.fingerprint",
    "limits.memory",
    "run.reuse",
];

/// How many deliveries a test makes at the most.
pub const MOST_DELIVERIES: u64 = 1_000_000;

/// How long a test's keys stay in a store that outlives it, in milliseconds.
const WINDOW_MS: u64 = 60 * 60 * 1000;
/// The same in memory, where each crash is a leap over a lease: 50 years.
const LEAPT_WINDOW_MS: u64 = 50 * 365 * 24 * 60 * 60 * 1000;
/// The pauses between attempts where time is real, in milliseconds.
const BACKOFF_MS: (u64, u64) = (10, 200);
/// A handler's time on a Redis, where a crashed one's lease is waited for, in milliseconds; and what the lease has more.
const HANDLER_LIMIT_MS: u64 = 2000;
const MARGIN_MS: u64 = 250;
/// How long a handler waits there for a key that a crashed one holds, in milliseconds: not for most of its time.
const IN_FLIGHT_WAIT_MS: u64 = 100;

/// A test that can begin.
#[derive(Debug)]
pub struct Setup {
    /// As of a pipeline that writes nowhere.
    pub config: Config,
    /// What each message goes through.
    pub plan: Plan,
    /// The messages.
    pub input: PathBuf,
    /// What a line is.
    pub format: InputFormat,
    /// The longest line.
    pub line_limit: usize,
    /// The component.
    component: PathBuf,
}

impl Setup {
    /// As the command line says, with the configuration and the component as they are now.
    pub fn of(matches: &ArgMatches) -> Result<Self, Failure> {
        let (component, input) = (path(matches, "plugin"), input(matches)?);
        let mut settings = of_one_pipeline(matches)?;
        set_plugin_values(matches, &mut settings)?;
        settings.insist("plugin.path", text(&component));
        settings.insist("input.path", text(&input));
        for_nowhere(&mut settings);
        for_store(&mut settings, &component)?;
        let mut config = one_config(settings)?;
        (config.output, config.dead_letters) = (Target::Stdout, Target::Stdout);
        config.rules.concurrency = 1;
        let Input::Ndjson { path: input, format, line_limit } = config.input.clone() else {
            return Err(fail!(Exit::Usage, "--input takes a file, or -"));
        };
        let plan = plan(matches)?;
        Ok(Self { config, plan, input, format, line_limit, component })
    }

    /// The files that it is made of.
    pub fn files(&self, matches: &ArgMatches) -> Vec<PathBuf> {
        let input = Some(self.input.clone()).filter(|input| input.as_os_str() != "-");
        let config = super::config_file(matches).map(Path::to_owned);
        [self.component.clone()].into_iter().chain(input).chain(config).collect()
    }

    /// The seed of a shuffled order.
    pub fn seed(&self) -> Option<u64> {
        match self.plan.order {
            Order::Shuffled(seed) => Some(seed),
            Order::ByMessage => None,
        }
    }
}

fn path(matches: &ArgMatches, name: &str) -> PathBuf {
    matches.get_one::<String>(name).map(PathBuf::from).unwrap_or_default()
}

fn input(matches: &ArgMatches) -> Result<PathBuf, Failure> {
    let input = path(matches, "input");
    if matches.get_flag("watch") && input.as_os_str() == "-" {
        return Err(fail!(
            Exit::Usage,
            "--watch reads the input again, and standard input cannot be: name a file"
        ));
    }
    match StreamUrl::is_meant(&input.to_string_lossy()) {
        true => Err(fail!(
            Exit::Usage,
            "--input takes a file, or -, and no stream: what is tested is acknowledged nowhere"
        )),
        false => Ok(input),
    }
}

fn set_plugin_values(matches: &ArgMatches, settings: &mut Settings) -> Result<(), Failure> {
    for pair in matches.get_many::<String>("plugin-config").into_iter().flatten() {
        // It may be a secret, and is not shown.
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            fail!(Exit::Usage, "--plugin-config takes NAME=VALUE, and there is no = in what is given")
        })?;
        settings.set_free(PLUGIN_CONFIG, name.to_owned(), value.to_owned());
    }
    Ok(())
}

/// Flags over the one pipeline of the configuration that is meant.
fn of_one_pipeline(matches: &ArgMatches) -> Result<Settings, Failure> {
    let settings = these_settings(matches, |setting| FLAGS.contains(&setting.path))?;
    let mut pipelines = settings.pipelines().to_vec();
    if let Some(name) = matches.get_one::<String>("pipeline") {
        pipelines.retain(|pipeline| pipeline.name() == Some(name));
    }
    match (pipelines.pop(), pipelines.len()) {
        (Some(one), 0) => Ok(one),
        _ => {
            let names: Vec<&str> = settings.pipelines().iter().filter_map(Settings::name).collect();
            Err(fail!(
                Exit::Usage,
                "say with --pipeline which pipeline of the configuration is meant: {}",
                names.join(", ")
            ))
        }
    }
}

fn text(path: &Path) -> Value {
    Value::Text(path.to_string_lossy().into_owned())
}

/// Outputs are noted, not written; the topics stay what they are.
fn for_nowhere(settings: &mut Settings) {
    let output = settings.text("output.path").unwrap_or_default();
    if !StreamUrl::is_meant(output) {
        settings.insist("output.path", Value::Text("-".to_owned()));
    }
    settings.insist("dead_letters.path", Value::Text("/dev/null".to_owned()));
    if settings.list("output.topics").is_none() && settings.free(OUTPUT_STREAMS).next().is_none() {
        settings.insist("output.topics", Value::List(vec!["*".to_owned()]));
    }
    // Budgets are of places that are written, and what is tested is the plugin that is given, not one that is known.
    let budgets =
        SETTINGS.iter().filter(|setting| setting.path.starts_with("budget.") && setting.default.is_none());
    let pins = ["plugin.sha256", "plugin.public_key", "plugin.signature"];
    budgets.map(|setting| setting.path).chain(pins).for_each(|path| settings.forget(path));
    settings.insist("policy.outage", Value::Text("closed".to_owned()));
    settings.insist("policy.shadow", Value::Flag(false));
    settings.insist("policy.scope", Value::Text("group".to_owned()));
    settings.insist("policy.order", Value::Text("none".to_owned()));
}

/// Where the keys are, and for how long.
fn for_store(settings: &mut Settings, component: &Path) -> Result<(), Failure> {
    // The store of a configuration is the one that is worked with.
    let url = match settings.get("store.url") {
        Some((Value::Text(url), Origin::Flag(_))) => url.parse::<StoreUrl>().or_exit(Exit::Usage)?,
        _ => StoreUrl::Memory,
    };
    if url == StoreUrl::Memory {
        settings.insist("store.url", Value::Text("memory:".to_owned()));
        // Of a Redis, which this is not.
        settings.forget("store.hash_tag");
        settings.insist("store.replicas", Value::Number(0));
        for path in ["policy.window", "policy.keep"] {
            settings.insist(path, Value::Ms(LEAPT_WINDOW_MS));
        }
        let stem = component.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if settings.get("policy.namespace").is_none() && Namespace::new(&stem).is_err() {
            settings.insist("policy.namespace", Value::Text("test".to_owned()));
        }
        return Ok(());
    }
    let drawn = SystemClock.attempt_id();
    let drawn = hex::encode(drawn.as_bytes().get(..8).unwrap_or_default());
    settings.insist("policy.namespace", Value::Text(format!("test-{drawn}")));
    let (backoff_min_ms, backoff_max_ms) = BACKOFF_MS;
    let mut times = vec![
        ("policy.window", WINDOW_MS),
        ("policy.keep", WINDOW_MS),
        ("policy.backoff_min", backoff_min_ms),
        ("policy.backoff_max", backoff_max_ms),
    ];
    if matches!(url, StoreUrl::Redis(_)) {
        let limit_ms = match settings.get("policy.handler_limit") {
            Some((Value::Ms(limit_ms), Origin::Flag(_))) => *limit_ms,
            _ => HANDLER_LIMIT_MS,
        };
        let lease_ms = limit_ms.saturating_add(2 * MARGIN_MS);
        times.extend([
            ("policy.handler_limit", limit_ms),
            ("policy.margin", MARGIN_MS),
            ("policy.lease", lease_ms),
            ("policy.in_flight_wait", IN_FLIGHT_WAIT_MS),
        ]);
    }
    for (path, ms) in times {
        if !matches!(settings.get(path), Some((_, Origin::Flag(_)))) {
            settings.insist(path, Value::Ms(ms));
        }
    }
    Ok(())
}

fn one_config(mut settings: Settings) -> Result<Config, Failure> {
    let mut configs = Config::all(&mut settings).or_exit(Exit::Usage)?;
    configs.pop().ok_or_else(|| fail!(Exit::Usage, "there is no pipeline"))
}

fn plan(matches: &ArgMatches) -> Result<Plan, Failure> {
    let words: Option<Vec<&String>> = matches.get_many("crash").map(Iterator::collect);
    let crashes = match words {
        None => Crash::ALL.to_vec(),
        Some(words) if words.len() > 1 && words.iter().any(|word| *word == "none") => {
            return Err(fail!(Exit::Usage, "--crash none stands alone"));
        }
        Some(words) => words.into_iter().filter_map(|word| Crash::named(word)).collect(),
    };
    let drawn = || {
        let id = SystemClock.attempt_id();
        // Short enough to be typed again.
        id.as_bytes().iter().take(4).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
    };
    let order = match matches.contains_id("shuffle") {
        true => Order::Shuffled(matches.get_one("shuffle").copied().unwrap_or_else(drawn)),
        false => Order::ByMessage,
    };
    Ok(Plan { crashes, repeat: matches.get_one::<u32>("repeat").copied().unwrap_or(0), order })
}
