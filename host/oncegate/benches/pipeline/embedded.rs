//! Whole runs from file to file on the embedded store, and the sandbox alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use oncegate::pipeline::{self, Handle, Parts, Stop};
use oncegate::settle::{Exact, Settle};
use oncegate::summary::{End, Tally};
use oncegate_broker::{InputFormat, NdjsonEncoder, NdjsonSource};
use oncegate_dedup::store::{FileOptions, FileStore};
use oncegate_dedup::{Fingerprint, Gate, Origin, SystemClock};
use oncegate_sandbox::{Handler, Message};
use tempfile::TempDir;

use crate::handlers::Native;
use crate::parts::{expect, gate, payment, rules, threads};
use crate::table::{median, row};

/// The files that are read.
struct Inputs {
    folder: TempDir,
    deliveries: usize,
    first: PathBuf,
    /// Fills cache and store for what comes again.
    warm: PathBuf,
    again: PathBuf,
}

impl Inputs {
    fn write(deliveries: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let first = input(folder.path(), "first.ndjson", deliveries, deliveries);
        let warm = input(folder.path(), "warm.ndjson", 2_000, 2_000);
        let again = input(folder.path(), "again.ndjson", deliveries, 2_000);
        Self { folder, deliveries, first, warm, again }
    }
}

/// Payments, each so many times in a row of all.
fn input(folder: &Path, name: &str, deliveries: usize, distinct: usize) -> PathBuf {
    let mut text = String::new();
    for index in 0..deliveries {
        let payment = payment(index % distinct);
        text.push_str(&format!("{{\"id\":\"d{index:09}\",\"topic\":\"payments\",\"payload\":{payment}}}\n"));
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Measures and prints a table.
pub fn bench(deliveries: usize, rounds: usize, reused: &Handler, fresh: &Handler) {
    let inputs = Inputs::write(deliveries);
    let mut figures: [Vec<f64>; 8] = Default::default();
    for round in 0..rounds {
        eprintln!("embedded store: round {} of {rounds}", round + 1);
        figures[0].push(first(&Native, &inputs));
        figures[1].push(first(reused, &inputs));
        figures[2].push(first(fresh, &inputs));
        figures[3].push(again(&Native, &inputs));
        figures[4].push(again(reused, &inputs));
        figures[5].push(again(fresh, &inputs));
        figures[6].push(bare_sandbox(reused, &inputs));
        figures[7].push(bare_sandbox(fresh, &inputs));
    }
    let figures = figures.map(median);
    let threads = threads();
    println!(
        "{deliveries} deliveries on the embedded store, {threads} threads, median of {rounds}: a second, and against native"
    );
    println!("| | native Rust | plugin, reused | plugin, fresh |");
    println!("|---|---|---|---|");
    row("first deliveries", &figures[0..3]);
    row("duplicates, by the cache", &figures[3..6]);
    println!("| the sandbox alone | | {:.0} | {:.0} |", figures[6], figures[7]);
    println!(
        "| duplicates against the sandbox alone | | {:.2} | {:.2} |",
        figures[4] / figures[6],
        figures[5] / figures[7]
    );
}

fn first<H: Handle>(handler: &H, inputs: &Inputs) -> f64 {
    whole_run(handler, inputs, &inputs.first, None)
}

fn again<H: Handle>(handler: &H, inputs: &Inputs) -> f64 {
    whole_run(handler, inputs, &inputs.again, Some(&inputs.warm))
}

fn open_store(folder: &TempDir) -> Arc<FileStore> {
    let path = folder.path().join("gate.db");
    FileStore::open(&path, Arc::new(SystemClock), FileOptions::default()).unwrap()
}

/// Deliveries a second of one whole run on a new store. `warm` fills cache and store first.
fn whole_run<H: Handle>(handler: &H, inputs: &Inputs, input: &Path, warm: Option<&Path>) -> f64 {
    let folder = tempfile::tempdir_in(&inputs.folder).unwrap();
    let store = open_store(&folder);
    let gate = gate(Arc::clone(&store) as _);
    let mut settle =
        Exact::open(Arc::clone(&gate), store, &folder.path().join("out"), &folder.path().join("dead"))
            .unwrap();
    if let Some(warm) = warm {
        run(handler, &gate, warm, &mut settle);
    }
    let started = Instant::now();
    let tally = run(handler, &gate, input, &mut settle);
    let elapsed = started.elapsed();
    expect(if warm.is_some() { End::DuplicateL1 } else { End::Applied }, &tally, elapsed);
    tally.ended_in_all() as f64 / elapsed.as_secs_f64()
}

fn run<H: Handle>(handler: &H, gate: &Arc<Gate>, input: &Path, settle: &mut Exact) -> Arc<Tally> {
    let source = NdjsonSource::open(input, InputFormat::Auto, 1 << 20).unwrap();
    let rules = rules(&source, source.default_topic(), Arc::new(NdjsonEncoder), Arc::new(NdjsonEncoder));
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
fn bare_sandbox(handler: &Handler, inputs: &Inputs) -> f64 {
    let folder = tempfile::tempdir_in(&inputs.folder).unwrap();
    let gate = gate(open_store(&folder));
    let payload = payment(1).into_bytes();
    let message = Message {
        id: "d1".to_owned(),
        topic: "payments".to_owned(),
        key: None,
        headers: Vec::new(),
        payload: payload.clone(),
        attempt: 1,
        published_ms: None,
    };
    let attempt = || gate.attempt(Origin::of("s", "m"), Some(Fingerprint::of(&payload)));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime().block_on(async {
        let invocation = handler.worker().invoke(&message, attempt()).await;
        let verdict = invocation.attempt.verdict(&invocation.end, 0);
        gate.settle(invocation.attempt.end(&verdict)).await;
    });
    let each = inputs.deliveries / threads();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let worker = handler.worker();
                runtime().block_on(async {
                    for _ in 0..each {
                        std::hint::black_box(worker.invoke(&message, attempt()).await);
                    }
                });
            });
        }
    });
    (each * threads()) as f64 / started.elapsed().as_secs_f64()
}
