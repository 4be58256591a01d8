//! A pipeline put together from its configuration: handler, source, store, sinks and settle, all of them open.

use std::sync::Arc;

use anyhow::Context as _;
use oncegate_broker::{
    Acks, Encoder, NdjsonEncoder, NdjsonSource, RedisStreamSink, RedisStreamSource, Sink, Source,
    StreamEncoder, StreamSink,
};
use oncegate_dedup::{Gate, SystemClock};
use oncegate_sandbox::{Allocation, Component, Engine, Handler};

use crate::config::{Config, Input, Promise, Target};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::pipeline::{self, Parts, Rules, Stop};
use crate::settle::{Exact, Ordered, Settle};
use crate::stores::{Opened, Stores};
use crate::summary::Tally;

/// A pipeline that can begin.
pub struct Assembly {
    handler: Handler,
    gate: Arc<Gate>,
    source: Box<dyn Source + Send>,
    acks: Option<Arc<dyn Acks>>,
    settle: Box<dyn Settle + Send>,
    rules: Rules,
    tally: Arc<Tally>,
    stop: Arc<Stop>,
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
        let handler = handler(engine, config)?;
        let reading = reading(&config.input)?;
        let rules = rules(config, &reading);
        let opened = stores.open(&config.store)?;
        for warning in &opened.warnings {
            eprintln!("oncegate: warning: {warning}");
        }
        let gate = gate(config, &opened)?;
        let Reading { source, acks, .. } = reading;
        let settle = settle(config, &gate, &opened, acks.clone(), &stop)?;
        Ok(Self { handler, gate, source, acks, settle, rules, tally, stop })
    }

    /// Runs it to the end of its source, or to a stop.
    pub fn run(self) -> Result<(), Failure> {
        let Self { handler, gate, source, acks, mut settle, rules, tally, stop } = self;
        let parts = Parts { gate, source, acks, settle: settle.as_mut(), rules, tally, stop };
        pipeline::run(&handler, parts)?;
        settle.close()
    }
}

/// One engine with room for the instances of all pipelines.
pub fn engine(configs: &[Config]) -> Result<Engine, Failure> {
    // Each thread keeps instances of its own, so that all of them together may keep so many.
    let instances =
        configs.iter().map(|config| config.rules.concurrency.saturating_mul(config.rules.threads));
    let instances = instances.fold(0, usize::saturating_add);
    let engine = Engine::new(u32::try_from(instances).unwrap_or(u32::MAX)).or_exit(Exit::Failed)?;
    if let Allocation::OnDemand { why } = engine.allocation() {
        eprintln!("oncegate: warning: fresh instances will be slow, there is no room for a pool: {why}");
    }
    Ok(engine)
}

/// The handler of a configuration, ready to be called.
pub fn handler(engine: &Engine, config: &Config) -> Result<Handler, Failure> {
    let component = Component::read(engine, &config.plugin, &config.rules.limits)
        .with_context(|| format!("the plugin {}", config.plugin.display()))
        .or_exit(Exit::Plugin)?;
    let settings = oncegate_sandbox::Settings {
        limits: config.rules.limits.clone(),
        config: config.plugin_values.iter().cloned().collect(),
        topics: config.topics.clone(),
        reuse: config.reuse,
    };
    Handler::new(component, settings).or_exit(Exit::Usage)
}

/// The gate of a configuration.
pub fn gate(config: &Config, opened: &Opened) -> Result<Arc<Gate>, Failure> {
    let clock = Arc::new(SystemClock);
    Gate::new(config.policy.clone(), config.l1, Arc::clone(&opened.store), clock).or_exit(Exit::Usage)
}

/// A source, and who hears of the end of its deliveries if it wants to.
struct Reading {
    source: Box<dyn Source + Send>,
    acks: Option<Arc<dyn Acks>>,
    /// The topic of what has none of its own.
    topic: String,
}

fn reading(input: &Input) -> Result<Reading, Failure> {
    match input {
        Input::Ndjson { path, format, line_limit } => {
            let source = NdjsonSource::open(path, *format, *line_limit).or_exit(Exit::File)?;
            let topic = source.default_topic().to_owned();
            Ok(Reading { source: Box::new(source), acks: None, topic })
        }
        Input::Stream { url, options, .. } => {
            let source = RedisStreamSource::open(url, options.clone()).or_exit(Exit::File)?;
            let topic = source.name().to_owned();
            Ok(Reading { acks: Some(source.holding()), source: Box::new(source), topic })
        }
    }
}

/// The rules, with what only the source and the sinks know.
fn rules(config: &Config, reading: &Reading) -> Rules {
    Rules {
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

fn settle(
    config: &Config,
    gate: &Arc<Gate>,
    opened: &Opened,
    acks: Option<Arc<dyn Acks>>,
    stop: &Arc<Stop>,
) -> Result<Box<dyn Settle + Send>, Failure> {
    let gate = Arc::clone(gate);
    if let (Promise::Exact, Some(store), Some(output), Some(dead_letters)) =
        (config.promise(), &opened.file, config.output.file(), config.dead_letters.file())
    {
        return Ok(Box::new(Exact::open(gate, Arc::clone(store), output, dead_letters)?));
    }
    let (output, dead_letters) = (sink(&config.output)?, sink(&config.dead_letters)?);
    Ok(Box::new(Ordered::new(gate, output, dead_letters, acks, Arc::clone(stop))?))
}

fn sink(target: &Target) -> Result<Box<dyn Sink + Send>, Failure> {
    let sink: Box<dyn Sink + Send> = match target {
        Target::Stdout => Box::new(StreamSink::stdout().or_exit(Exit::File)?),
        Target::File(path) => Box::new(StreamSink::file(path).or_exit(Exit::File)?),
        Target::Stream(streams) => {
            Box::new(RedisStreamSink::open(&streams.url, &streams.topics).or_exit(Exit::File)?)
        }
    };
    Ok(sink)
}
