//! Whole runs from stream to stream, with source, store, sink and dead letters on one Redis.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oncegate::pipeline::{self, Handle, Parts, Stop};
use oncegate::settle::{Atomic, Ordered, RedisStep, Settle};
use oncegate::summary::{End, Tally};
use oncegate_broker::{
    Acks, Holding, RedisStreamSink, RedisStreamSource, SourceOptions, StreamEncoder, StreamUrl, Topics,
};
use oncegate_dedup::Gate;
use oncegate_dedup::store::{RedisOptions, RedisStore, RedisStoreOptions};
use oncegate_redis::redis;
use oncegate_redis::testing::{RedisServer, ServerOptions};
use oncegate_sandbox::Handler;

use crate::handlers::Native;
use crate::parts::{expect, gate, payment, rules, threads};
use crate::table::{median, row};

/// The stream that is read.
const PAYMENTS: &str = "payments";

/// Entries that are appended at once before a run.
const FILL: usize = 1_000;

/// Keys that come again.
const KNOWN: usize = 2_000;

/// For how long a run may get nowhere before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How deliveries are settled.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Atomic,
    Ordered,
}

/// What is measured.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    by: By,
    /// All of it has been seen before.
    again: bool,
}

const CASES: [Case; 3] = [
    Case { name: "first deliveries, atomic settle", by: By::Atomic, again: false },
    Case { name: "first deliveries, ordered settle", by: By::Ordered, again: false },
    Case { name: "duplicates, by the cache", by: By::Atomic, again: true },
];

/// What a run came to.
struct Figures {
    /// Deliveries a second.
    rate: f64,
    /// What Redis computed for each of them, in microseconds.
    redis_us: f64,
    /// What this process did, all of its threads together.
    host_us: f64,
}

/// Measures and prints a table, if there is a server to start.
pub fn bench(deliveries: usize, rounds: usize, reused: &Handler, fresh: &Handler) {
    if !has_server() {
        println!("Redis Streams: left out, there is no redis-server on the PATH (nor one in REDIS_SERVER)");
        return;
    }
    let server = RedisServer::start(ServerOptions::default());
    let mut figures: [[Vec<Figures>; 3]; CASES.len()] = Default::default();
    for round in 0..rounds {
        eprintln!("streams: round {} of {rounds}", round + 1);
        for (case, [native, plugin_reused, plugin_fresh]) in CASES.into_iter().zip(&mut figures) {
            native.push(whole_run(&Native, &server, case, deliveries));
            plugin_reused.push(whole_run(reused, &server, case, deliveries));
            plugin_fresh.push(whole_run(fresh, &server, case, deliveries));
        }
    }
    let threads = threads();
    println!(
        "{deliveries} deliveries from stream to stream on one Redis {}, {threads} threads, median of {rounds}: a second, and against native",
        server.info("redis_version")
    );
    println!("| | native Rust | plugin, reused | plugin, fresh |");
    println!("|---|---|---|---|");
    for (case, figures) in CASES.iter().zip(figures) {
        let rates = |runs: &Vec<Figures>| median(runs.iter().map(|run| run.rate).collect());
        row(case.name, &figures.each_ref().map(rates));
        costs("Redis's CPU for each, µs", &figures, |run| run.redis_us);
        costs("the host's CPU for each, µs", &figures, |run| run.host_us);
    }
}

fn costs(name: &str, figures: &[Vec<Figures>; 3], cost: impl Fn(&Figures) -> f64) {
    let median = |runs: &Vec<Figures>| median(runs.iter().map(&cost).collect());
    let [native, reused, fresh] = figures.each_ref().map(median);
    println!("| — {name} | {native:.1} | {reused:.1} | {fresh:.1} |");
}

fn has_server() -> bool {
    let binary = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    let mut command = Command::new(binary);
    let status = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// One run on an emptied server.
fn whole_run<H: Handle>(handler: &H, server: &RedisServer, case: Case, deliveries: usize) -> Figures {
    let mut connection = server.connection();
    redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
    let redis = RedisOptions::parse(&server.url()).unwrap();
    let store = RedisStore::connect(&RedisStoreOptions { init: true, ..RedisStoreOptions::new(redis) });
    let store = Arc::new(store.unwrap());
    let gate = gate(Arc::clone(&store) as _);
    if case.again {
        fill(&mut connection, KNOWN, KNOWN);
        run(handler, server, case, &store, &gate, KNOWN);
    }
    fill(&mut connection, deliveries, if case.again { KNOWN } else { deliveries });
    let (tally, figures) = run(handler, server, case, &store, &gate, deliveries);
    let elapsed = Duration::from_secs_f64(deliveries as f64 / figures.rate);
    expect(if case.again { End::DuplicateL1 } else { End::Applied }, &tally, elapsed);
    figures
}

/// Appends payments, each so many times in a row of all.
fn fill(connection: &mut redis::Connection, deliveries: usize, distinct: usize) {
    let all: Vec<usize> = (0..deliveries).collect();
    for some in all.chunks(FILL) {
        let mut pipe = redis::pipe();
        for index in some {
            pipe.cmd("XADD").arg(PAYMENTS).arg("*").arg("payload").arg(payment(index % distinct)).ignore();
        }
        pipe.exec(connection).unwrap();
    }
}

/// Runs until so many deliveries have ended.
fn run<H: Handle>(
    handler: &H,
    server: &RedisServer,
    case: Case,
    store: &Arc<RedisStore>,
    gate: &Arc<Gate>,
    deliveries: usize,
) -> (Arc<Tally>, Figures) {
    let url = format!("redis-stream://{}/{PAYMENTS}?group=bench&start=0", server.address());
    let source = RedisStreamSource::open(&url.parse().unwrap(), SourceOptions::default()).unwrap();
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(Stop::default()));
    let [charges, dead] = ["charges", "dead"].map(|stream| Topics::One(stream.to_owned()));
    let encoder = |topics: &Topics| Arc::new(StreamEncoder::new(topics.clone()));
    let rules = rules(&source, PAYMENTS, encoder(&charges), encoder(&dead));
    let (holding, sinks) = (source.holding(), [&charges, &dead]);
    let mut settle = settle(server, case.by, store, gate, &holding, sinks, &stop);
    let parts = Parts {
        gate: Arc::clone(gate),
        source: Box::new(source),
        acks: Some(holding as Arc<dyn Acks>),
        settle: settle.as_mut(),
        rules,
        tally: Arc::clone(&tally),
        stop: Arc::clone(&stop),
    };
    let (redis_before, host_before, started) = (redis_computed(server), host_computed(), Instant::now());
    let ended = std::thread::scope(|scope| {
        // A stream has no end.
        let ended = scope.spawn(|| stop_behind(deliveries as u64, &tally, &stop));
        pipeline::run(handler, parts).unwrap();
        ended.join().unwrap()
    });
    let (redis, host) = (redis_computed(server) - redis_before, host_computed() - host_before);
    let deliveries = deliveries as f64;
    let rate = deliveries / ended.duration_since(started).as_secs_f64();
    let [redis_us, host_us] = [redis, host].map(|time| time.as_secs_f64() * 1e6 / deliveries);
    (tally, Figures { rate, redis_us, host_us })
}

fn settle(
    server: &RedisServer,
    by: By,
    store: &Arc<RedisStore>,
    gate: &Arc<Gate>,
    holding: &Arc<Holding>,
    sinks: [&Topics; 2],
    stop: &Arc<Stop>,
) -> Box<dyn Settle + Send> {
    let url: StreamUrl = format!("redis-stream://{}", server.address()).parse().unwrap();
    let [output, dead_letters] = sinks.map(|topics| Box::new(RedisStreamSink::open(&url, topics).unwrap()));
    let acks = Some(Arc::clone(holding) as Arc<dyn Acks>);
    let ordered = Ordered::new(Arc::clone(gate), output, dead_letters, acks, Arc::clone(stop));
    if by == By::Ordered {
        return Box::new(ordered);
    }
    let step = RedisStep::new(Arc::clone(store), Arc::clone(holding));
    Box::new(Atomic::new(Arc::clone(gate), Box::new(step), ordered, Arc::clone(stop)))
}

/// Ends a run when so many deliveries have ended, and says when that was.
fn stop_behind(deliveries: u64, tally: &Tally, stop: &Stop) -> Instant {
    let (mut last, mut moved) = (0, Instant::now());
    while !stop.is_draining() {
        let ended = tally.ended_in_all();
        if ended != last {
            (last, moved) = (ended, Instant::now());
        }
        if ended >= deliveries || moved.elapsed() > PATIENCE {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    stop.finish();
    moved
}

/// What the server has computed since its start.
fn redis_computed(server: &RedisServer) -> Duration {
    let seconds = |name: &str| server.info(name).parse::<f64>().unwrap();
    Duration::from_secs_f64(seconds("used_cpu_user") + seconds("used_cpu_sys"))
}

/// What this process has.
fn host_computed() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
