//! What entries of streams cost this host, and how fast a server that is started for it hands them out and
//! acknowledges them: `cargo bench -p oncegate-broker --bench redis_stream`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on stops")]

use std::process::{Command, Stdio};

use divan::Bencher;
use divan::counter::ItemsCount;
use oncegate_broker::{
    Delivery, Encoder, Entries, Output, RedisStreamSource, Source, SourceOptions, StreamEncoder, Ticket,
    Topics,
};
use oncegate_redis::redis;
use oncegate_redis::testing::{RedisServer, ServerOptions};

/// Entries of one measurement.
const ENTRIES: usize = 20_000;

/// Entries that are read at once.
const BATCH: usize = 256;

fn main() {
    divan::main();
}

fn payload(number: usize) -> String {
    format!(
        r#"{{"payment_id":"pay-{number:08}","account":"acc-{}","amount_cents":{},"currency":"EUR"}}"#,
        number % 1000,
        number * 7
    )
}

/// An output as a pipeline packs it: for itself.
fn packed(encoder: &StreamEncoder, payload: &[u8]) -> Vec<u8> {
    let (id, topic, key) = ("payment/k/pay-00000001/0", "charges", Some("pay-00000001"));
    let mut bytes = Vec::new();
    encoder.output(&Output { id, topic, key, headers: &[], payload }, &mut bytes);
    bytes
}

fn encoder() -> StreamEncoder {
    StreamEncoder::new(Topics::One("charges".to_owned()))
}

#[divan::bench]
fn pack_an_output(bencher: Bencher) {
    let (encoder, payload) = (encoder(), payload(1));
    bencher.counter(ItemsCount::new(1_usize)).bench(|| packed(&encoder, payload.as_bytes()));
}

#[divan::bench]
fn take_an_output_apart(bencher: Bencher) {
    let bytes = packed(&encoder(), payload(1).as_bytes());
    bencher.counter(ItemsCount::new(1_usize)).bench(|| {
        let entries = Entries::new(&bytes).map(Result::unwrap);
        entries.flat_map(|entry| entry.fields()).map(|(name, value)| name.len() + value.len()).sum::<usize>()
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn read_and_acknowledge(bencher: Bencher) {
    if !has_server() {
        return println!("left out, there is no redis-server on the PATH (nor one in REDIS_SERVER)");
    }
    let server = RedisServer::start(ServerOptions::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    bencher.counter(ItemsCount::new(ENTRIES)).with_inputs(|| filled(&server)).bench_values(|mut source| {
        let (holding, mut left) = (source.holding(), ENTRIES);
        while left > 0 {
            let batch = runtime.block_on(source.receive(BATCH)).unwrap();
            let tickets: Vec<Ticket> = batch.iter().filter_map(ticket).collect();
            runtime.block_on(holding.acknowledge(&tickets));
            tickets.iter().for_each(|ticket| holding.ended(*ticket));
            left -= tickets.len();
        }
    });
}

fn ticket(delivery: &Delivery) -> Option<Ticket> {
    match delivery {
        Delivery::Message(message) => message.ticket,
        Delivery::Malformed(malformed) => malformed.ticket,
    }
}

fn has_server() -> bool {
    let binary = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    let mut command = Command::new(binary);
    let status = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A source of a stream that holds nothing else.
fn filled(server: &RedisServer) -> RedisStreamSource {
    let mut connection = server.connection();
    redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
    let numbers: Vec<usize> = (0..ENTRIES).collect();
    for some in numbers.chunks(1_000) {
        let mut pipe = redis::pipe();
        for number in some {
            pipe.cmd("XADD").arg("payments").arg("*").arg("payload").arg(payload(*number)).ignore();
        }
        pipe.exec(&mut connection).unwrap();
    }
    let url = format!("redis-stream://{}/payments?group=bench&start=0", server.address());
    RedisStreamSource::open(&url.parse().unwrap(), SourceOptions::default()).unwrap()
}
