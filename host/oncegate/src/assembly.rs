//! A pipeline put together from its configuration: handler, source, store, sinks and settle, all of them open.

use std::sync::Arc;

use anyhow::Context as _;
use oncegate_broker::{
    Acks, Encoder, Holding, NdjsonEncoder, NdjsonSource, RedisStreamSink, RedisStreamSource, Sink, Source,
    StreamEncoder, StreamSink,
};
use oncegate_dedup::store::RedisStore;
use oncegate_dedup::{Gate, SystemClock};
use oncegate_redis::{Server, Tenure, wait};
use oncegate_sandbox::{Allocation, Compiler, Component, Engine, Handler, Reuse};

use crate::config::{Config, Input, Promise, Target};
use crate::deploy::Deployment;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::pipeline::{self, Parts, QuarantineRules, Rules, Stop};
use crate::settle::{Atomic, Exact, Ordered, RedisStep, Settle};
use crate::stores::{Opened, Stores};
use crate::summary::Tally;
use crate::tenures;
use crate::warning::warning;

/// A pipeline that can begin.
pub struct Assembly {
    deployment: Deployment,
    gate: Arc<Gate>,
    source: Box<dyn Source + Send>,
    holding: Option<Arc<Holding>>,
    promise: Promise,
    settle: Box<dyn Settle + Send>,
    rules: Rules,
    tally: Arc<Tally>,
    stop: Arc<Stop>,
    /// What it has for itself alone, until it has ended.
    tenures: Vec<Tenure>,
}

impl Assembly {
    /// Opens everything that the pipeline needs. Nothing is read yet.
    pub fn open(
        config: &Config,
        engine: &Engine,
        stores: &mut Stores,
        tally: Arc<Tally>,
        stop: Arc<Stop>,
    ) -> Result<Self, Failure> {
        let deployment = Deployment::new(handler(engine, config)?);
        // Before the source: a store that is refused leaves no group behind.
        let opened = stores.open(&config.store)?;
        for warning in &opened.warnings {
            warning!("{warning}");
        }
        let reading = reading(&config.input)?;
        let tenures = tenures::take(config, reading.holding.as_ref(), &opened, &stop)?;
        let rules = rules(config, &reading);
        let gate = gate(config, &opened)?;
        let Reading { source, holding, .. } = reading;
        let (settle, promise) = settle(config, &gate, &opened, holding.clone(), &stop)?;
        Ok(Self { deployment, gate, source, holding, promise, settle, rules, tally, stop, tenures })
    }

    /// What it runs.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// What a crash can do to its outputs.
    pub fn promise(&self) -> &Promise {
        &self.promise
    }

    /// Runs it to the end of its source, or to a stop.
    pub fn run(self) -> Result<(), Failure> {
        let Self { deployment, gate, source, holding, mut settle, rules, tally, stop, tenures, .. } = self;
        let acks = holding.map(|holding| holding as Arc<dyn Acks>);
        let parts = Parts { gate, source, acks, settle: settle.as_mut(), rules, tally, stop };
        let ran = pipeline::run(&deployment, parts);
        // After a run that ended in order, if early, whoever opens the files next finds them as they were left. After any
        // other it is not known what they hold.
        if ran.as_ref().is_err_and(|failure| !failure.exit.is_of_one_pipeline()) {
            return ran;
        }
        let closed = wait(settle.close());
        drop(tenures);
        ran.and(closed)
    }
}

/// One engine with room for the instances of all pipelines.
pub fn engine(configs: &[Config], compiler: Compiler) -> Result<Engine, Failure> {
    let instances = configs.iter().map(room).fold(0, usize::saturating_add);
    let instances = u32::try_from(instances).unwrap_or(u32::MAX);
    let engine = Engine::with_compiler(instances, compiler).or_exit(Exit::Failed)?;
    if let Allocation::OnDemand { why } = engine.allocation() {
        warning!("fresh instances will be slow, there is no room for a pool: {why}");
    }
    Ok(engine)
}

/// How many instances a pipeline may have: one for each handler under way, and as many again that are kept, since those
/// that wait lie with one thread while another may begin new ones. It needs no more while one version of its plugin
/// follows another, if both share its permits and what the older one kept is dropped.
fn room(config: &Config) -> usize {
    match config.reuse {
        Reuse::Fresh => config.rules.concurrency,
        Reuse::Reused { .. } => config.rules.concurrency.saturating_mul(2),
    }
}

/// The handler of a configuration, ready to be called.
pub fn handler(engine: &Engine, config: &Config) -> Result<Handler, Failure> {
    let component = component(engine, config)
        .with_context(|| format!("the plugin {}", config.plugin.display()))
        .or_exit(Exit::Plugin)?;
    for note in engine.compiler().take_notes() {
        warning!("{note}");
    }
    let settings = oncegate_sandbox::Settings {
        limits: config.rules.limits.clone(),
        config: config.plugin_values.iter().cloned().collect(),
        topics: config.topics.clone(),
        grants: config.grants.clone(),
        reuse: config.reuse,
        most_idle: Some(config.rules.concurrency),
    };
    Handler::new(component, settings).or_exit(Exit::Usage)
}

/// The file is read once: what is verified is what is loaded.
fn component(engine: &Engine, config: &Config) -> anyhow::Result<Component> {
    let limits = &config.rules.limits;
    let bytes = oncegate_sandbox::read(&config.plugin, limits)?;
    config.trust.verify(&bytes)?;
    Ok(Component::load(engine, &bytes, limits)?)
}

/// The gate of a configuration.
pub fn gate(config: &Config, opened: &Opened) -> Result<Arc<Gate>, Failure> {
    let clock = Arc::new(SystemClock);
    Gate::new(config.policy.clone(), config.l1, Arc::clone(&opened.store), clock).or_exit(Exit::Usage)
}

/// A source, and who hears of the end of its deliveries if it wants to.
struct Reading {
    source: Box<dyn Source + Send>,
    holding: Option<Arc<Holding>>,
    /// The topic of what has none of its own.
    topic: String,
}

fn reading(input: &Input) -> Result<Reading, Failure> {
    match input {
        Input::Ndjson { path, format, line_limit } => {
            let source = NdjsonSource::open(path, *format, *line_limit).or_exit(Exit::File)?;
            let topic = source.default_topic().to_owned();
            Ok(Reading { source: Box::new(source), holding: None, topic })
        }
        Input::Stream { url, options, .. } => {
            let source = RedisStreamSource::open(url, options.clone()).or_exit(Exit::File)?;
            let topic = source.name().to_owned();
            Ok(Reading { holding: Some(source.holding()), source: Box::new(source), topic })
        }
    }
}

/// The rules, with what only the source and the sinks know.
fn rules(config: &Config, reading: &Reading) -> Rules {
    // Where a stream's messages stay, waiting is as good as ending, and somebody may mend the plugin meanwhile.
    let probes = config.rules.quarantine.probes.filter(|_| reading.source.ends());
    Rules {
        name: config.name.clone(),
        quarantine: QuarantineRules { probes, ..config.rules.quarantine },
        source: reading.source.name().to_owned(),
        topic: reading.topic.clone(),
        output_encoder: encoder(&config.output),
        dead_letter_encoder: encoder(&config.dead_letters),
        ..config.rules.clone()
    }
}

/// How a sink's lines or entries are written down.
fn encoder(target: &Target) -> Arc<dyn Encoder> {
    match target {
        Target::Stdout | Target::File(_) => Arc::new(NdjsonEncoder),
        Target::Stream(streams) => Arc::new(StreamEncoder::new(streams.topics.clone())),
    }
}

/// How deliveries are settled, and what that promises.
fn settle(
    config: &Config,
    gate: &Arc<Gate>,
    opened: &Opened,
    holding: Option<Arc<Holding>>,
    stop: &Arc<Stop>,
) -> Result<(Box<dyn Settle + Send>, Promise), Failure> {
    let promise = config.promise();
    if let (Promise::Exact, Some(store), Some(output), Some(dead_letters)) =
        (&promise, &opened.file, config.output.file(), config.dead_letters.file())
    {
        let exact = Exact::open(Arc::clone(gate), Arc::clone(store), output, dead_letters)?;
        return Ok((Box::new(exact), promise));
    }
    let (output, dead_letters) = (sink(&config.output)?, sink(&config.dead_letters)?);
    let servers = [&output, &dead_letters].map(|sink| sink.server.clone());
    let acks = holding.clone().map(|holding| holding as Arc<dyn Acks>);
    let ordered = Ordered::new(Arc::clone(gate), output.sink, dead_letters.sink, acks, Arc::clone(stop));
    let (Promise::Atomic { one_slot }, Some(holding), Some(store)) = (&promise, holding, &opened.redis)
    else {
        return Ok((Box::new(ordered), promise));
    };
    if let Some(why) = not_one_step(*one_slot, store, &holding, &servers) {
        warning!("deliveries of {config} are settled in order: {why}");
        return Ok((Box::new(ordered), Promise::Ordered { why }));
    }
    let step = RedisStep::new(Arc::clone(store), holding);
    let atomic = Atomic::new(Arc::clone(gate), Box::new(step), ordered, Arc::clone(stop));
    // By now it is known that this is no cluster, or that all names are in one slot of it.
    Ok((Box::new(atomic), Promise::Atomic { one_slot: true }))
}

/// Why commits, outputs and acknowledgements are not one step, although their addresses are those of one Redis.
fn not_one_step(
    one_slot: bool,
    store: &RedisStore,
    holding: &Holding,
    sinks: &[Option<Arc<Server>>],
) -> Option<String> {
    if store.server().is_cluster() && !one_slot {
        return Some(
            "in a cluster, one step needs all names in one slot: call the streams {TAG}… and set store.hash_tag to \
             TAG"
                .to_owned(),
        );
    }
    let others = sinks.iter().flatten().map(Arc::as_ref).chain([holding.server().as_ref()]);
    let same = wait(async {
        let own = store.server().identity().await?;
        for other in others {
            if other.identity().await? != own {
                return Ok(false);
            }
        }
        Ok::<_, String>(true)
    });
    match same {
        Ok(true) => None,
        Ok(false) => Some("different servers answer under what is one address".to_owned()),
        Err(why) => Some(format!("it cannot be told whether all of them are one Redis: {why}")),
    }
}

/// A sink, and the Redis that it is on.
struct Writing {
    sink: Box<dyn Sink + Send>,
    server: Option<Arc<Server>>,
}

fn sink(target: &Target) -> Result<Writing, Failure> {
    let plain = |sink: StreamSink| Writing { sink: Box::new(sink), server: None };
    match target {
        Target::Stdout => StreamSink::stdout().map(plain),
        Target::File(path) => StreamSink::file(path).map(plain),
        Target::Stream(target) => RedisStreamSink::open(&target.url, &target.topics).map(|sink| {
            let server = Some(Arc::clone(sink.server()));
            Writing { sink: Box::new(sink), server }
        }),
    }
    .or_exit(Exit::File)
}
