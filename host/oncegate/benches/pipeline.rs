//! Whole runs of the pipeline: a native Rust handler, the payment plugin reused and fresh, and the sandbox alone, in
//! turn in one process, so that the figures of one run can be compared. Prints a table; asserts nothing.
//!
//! `cargo xtask bench` builds the plugin and calls this. Arguments: the number of deliveries (default 200,000) and
//! of rounds (default 3). Figures are medians of the rounds.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on stops")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use oncegate::fingerprint::FingerprintOf;
use oncegate::pipeline::{self, Backoff, Handle, Invoke, Order, Outputs, Parts, Rules, Stop, WaitingBound};
use oncegate::settle::{Exact, Settle};
use oncegate::summary::{End, Tally};
use oncegate_broker::{InputFormat, NdjsonEncoder, NdjsonSource, Source as _};
use oncegate_dedup::store::{FileOptions, FileStore};
use oncegate_dedup::{
    Attempt, Fingerprint, Gate, HandlerEnd, L1Limits, Namespace, Origin, Policy, Sighting, SystemClock,
};
use oncegate_sandbox::{
    Component, Engine, Handler, Invocation, Limits, Logs, Message, Reuse, Settings, StagedOutput, Topics,
    Usage,
};
use serde::{Deserialize, Serialize};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The payment handler in native Rust, through the same gate.
#[derive(Clone)]
struct Native;

#[derive(Deserialize)]
struct Payment<'a> {
    payment_id: &'a str,
    account: &'a str,
    amount_cents: u64,
    currency: &'a str,
}

#[derive(Serialize)]
struct Charge<'a> {
    charge_id: &'a str,
    payment_id: &'a str,
    account: &'a str,
    amount_cents: u64,
    currency: &'a str,
}

impl Handle for Native {
    type Worker = Native;

    fn worker(&self) -> Native {
        Native
    }
}

impl Invoke for Native {
    async fn invoke(&self, message: &Message, mut attempt: Attempt) -> Invocation {
        let payment: Payment = serde_json::from_slice(&message.payload).unwrap();
        let key = payment.payment_id.as_bytes();
        let mut outputs = Vec::new();
        if attempt.seen(key).await.unwrap() == Sighting::New {
            let charge_id = format!("ch_{}", payment.payment_id);
            let Payment { payment_id, account, amount_cents, currency } = payment;
            let charge = Charge { charge_id: &charge_id, payment_id, account, amount_cents, currency };
            outputs.push(StagedOutput {
                topic: "charges".to_owned(),
                key: Some(payment_id.to_owned()),
                headers: Vec::new(),
                payload: serde_json::to_vec(&charge).unwrap(),
                under: attempt.last_new(),
                index: 0,
            });
            attempt.commit(key, Some(charge_id.into_bytes())).unwrap();
        }
        Invocation { attempt, end: HandlerEnd::Ok, outputs, logs: Logs::default(), usage: Usage::default() }
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

const CONCURRENCY: usize = 64;

fn plugin(reuse: Reuse) -> Handler {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/payment.wasm");
    let engine = Engine::new((CONCURRENCY * threads()) as u32).unwrap();
    let component = Component::read(&engine, &path, &Limits::default()).unwrap();
    Handler::new(component, Settings { topics: Topics::Any, reuse, ..Settings::default() }).unwrap()
}

/// Payments of 256 bytes or so, each so many times in a row of all.
fn input(folder: &Path, name: &str, deliveries: usize, distinct: usize) -> PathBuf {
    let mut text = String::new();
    for index in 0..deliveries {
        let number = index % distinct;
        text.push_str(&format!(
            "{{\"id\":\"d{index:09}\",\"topic\":\"payments\",\"payload\":{{\"payment_id\":\"pay-{number:09}\",\"account\":\"acct-{:05}\",\"amount_cents\":{},\"currency\":\"EUR\",\"note\":\"{:0>64}\"}}}}\n",
            number % 1000, 100 + number % 997, number
        ));
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn gate(store: Arc<FileStore>) -> Arc<Gate> {
    let policy = Policy::new(Namespace::new("payment").unwrap());
    Gate::new(policy, L1Limits::default(), store, Arc::new(SystemClock)).unwrap()
}

/// Deliveries a second of one whole run on a new store. `warm` fills cache and store first.
fn whole_run<H: Handle>(handler: &H, folder: &Path, input: &Path, warm: Option<&Path>) -> f64 {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let store =
        FileStore::open(&folder.path().join("gate.db"), Arc::new(SystemClock), FileOptions::default())
            .unwrap();
    let gate = gate(Arc::clone(&store));
    let mut settle =
        Exact::open(Arc::clone(&gate), store, &folder.path().join("out"), &folder.path().join("dead"))
            .unwrap();
    if let Some(warm) = warm {
        run(handler, &gate, warm, &mut settle);
    }
    let started = Instant::now();
    let tally = run(handler, &gate, input, &mut settle);
    let rate = tally.ended_in_all() as f64 / started.elapsed().as_secs_f64();
    let expected = if warm.is_some() { End::DuplicateL1 } else { End::Applied };
    if tally.ended(expected) != tally.ended_in_all() {
        println!("note: not all deliveries ended as {expected:?}: {}", tally.json(&[], started.elapsed()));
    }
    rate
}

fn run<H: Handle>(handler: &H, gate: &Arc<Gate>, input: &Path, settle: &mut Exact) -> Arc<Tally> {
    let source = NdjsonSource::open(input, InputFormat::Auto, 1 << 20).unwrap();
    let rules = Rules {
        source: source.name().to_owned(),
        topic: source.default_topic().to_owned(),
        outputs: Outputs::Gated,
        output_encoder: Arc::new(NdjsonEncoder),
        dead_letter_encoder: Arc::new(NdjsonEncoder),
        order: Order::None,
        fingerprint: FingerprintOf::Payload,
        backoff: Backoff { min_ms: 100, max_ms: 30_000 },
        waiting: WaitingBound { count: 10_000, bytes: 64 << 20 },
        threads: threads(),
        concurrency: CONCURRENCY,
        log_level: None,
        limits: Limits::default(),
    };
    let tally = Arc::new(Tally::default());
    let stop = Arc::new(Stop::default());
    let settle: &mut (dyn Settle + Send) = settle;
    let parts = Parts {
        gate: Arc::clone(gate),
        source: Box::new(source),
        acks: None,
        settle,
        rules,
        tally: Arc::clone(&tally),
        stop,
    };
    pipeline::run(handler, parts).unwrap();
    tally
}

/// Calls a second of the sandbox alone: no source, no settle, a key that the cache knows.
fn bare_sandbox(handler: &Handler, folder: &Path, calls: usize) -> f64 {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let store =
        FileStore::open(&folder.path().join("gate.db"), Arc::new(SystemClock), FileOptions::default())
            .unwrap();
    let gate = gate(store);
    let payload = br#"{"payment_id":"pay-000000001","account":"acct-00001","amount_cents":101,"currency":"EUR","note":"0000000000000000000000000000000000000000000000000000000000000001"}"#;
    let message = Message {
        id: "d1".to_owned(),
        topic: "payments".to_owned(),
        key: None,
        headers: Vec::new(),
        payload: payload.to_vec(),
        attempt: 1,
        published_ms: None,
    };
    let call = |worker: &oncegate_sandbox::Worker| {
        let attempt = gate.attempt(Origin::of("s", "m"), Some(Fingerprint::of(payload)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let invocation = worker.invoke(&message, attempt).await;
            let verdict = invocation.attempt.verdict(&invocation.end, 0);
            gate.settle(invocation.attempt.end(&verdict)).await;
        });
    };
    call(&handler.worker());
    let each = calls / threads();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let worker = handler.worker();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async {
                    for _ in 0..each {
                        let attempt = gate.attempt(Origin::of("s", "m"), Some(Fingerprint::of(payload)));
                        std::hint::black_box(worker.invoke(&message, attempt).await);
                    }
                });
            });
        }
    });
    (each * threads()) as f64 / started.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let deliveries = arguments.next().unwrap_or(200_000);
    let rounds = arguments.next().unwrap_or(3);
    let folder = tempfile::tempdir().unwrap();
    let first = input(folder.path(), "first.ndjson", deliveries, deliveries);
    let warm = input(folder.path(), "warm.ndjson", 2_000, 2_000);
    let again = input(folder.path(), "again.ndjson", deliveries, 2_000);
    let (fresh, reused) = (plugin(Reuse::Fresh), plugin(Reuse::DEFAULT));
    let mut figures: [Vec<f64>; 8] = Default::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        let path = folder.path();
        figures[0].push(whole_run(&Native, path, &first, None));
        figures[1].push(whole_run(&reused, path, &first, None));
        figures[2].push(whole_run(&fresh, path, &first, None));
        figures[3].push(whole_run(&Native, path, &again, Some(&warm)));
        figures[4].push(whole_run(&reused, path, &again, Some(&warm)));
        figures[5].push(whole_run(&fresh, path, &again, Some(&warm)));
        figures[6].push(bare_sandbox(&reused, path, deliveries));
        figures[7].push(bare_sandbox(&fresh, path, deliveries));
    }
    let figures = figures.map(median);
    let threads = threads();
    println!(
        "{deliveries} deliveries on the embedded store, {threads} threads, median of {rounds}: a second, and against native"
    );
    println!("| | native Rust | plugin, reused | plugin, fresh |");
    println!("|---|---|---|---|");
    row("first deliveries", figures[0], &figures[1..3]);
    row("duplicates, by the cache", figures[3], &figures[4..6]);
    println!("| the sandbox alone | | {:.0} | {:.0} |", figures[6], figures[7]);
    println!(
        "| duplicates against the sandbox alone | | {:.2} | {:.2} |",
        figures[4] / figures[6],
        figures[5] / figures[7]
    );
}

fn row(name: &str, native: f64, plugin: &[f64]) {
    let cells: Vec<String> =
        plugin.iter().map(|figure| format!("{figure:.0} ({:.2})", figure / native)).collect();
    println!("| {name} | {native:.0} | {} |", cells.join(" | "));
}
