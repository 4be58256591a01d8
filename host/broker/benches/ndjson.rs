//! How fast lines are read and written, on one core: `cargo bench -p oncegate-broker`.

use std::io::Cursor;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use oncegate_broker::{
    DEFAULT_LINE_LIMIT, Delivery, Header, InputFormat, Message, NdjsonSource, Output, encode,
};

const LINES: usize = 100_000;

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

fn raw() -> Vec<u8> {
    (0..LINES).flat_map(|number| (payload(number) + "\n").into_bytes()).collect()
}

fn messages() -> Vec<Message> {
    let message = |number: usize| Message {
        id: format!("message-{number}"),
        topic: "payments".to_owned(),
        key: Some(format!("acc-{}", number % 1000)),
        headers: vec![Header { name: "trace".to_owned(), value: b"4bf92f3577b34da6".to_vec() }],
        payload: payload(number).into_bytes(),
        published_ms: None,
        ticket: None,
    };
    (0..LINES).map(message).collect()
}

fn encode_all(messages: &[Message], lines: &mut Vec<u8>) {
    for m in messages {
        let output = Output {
            id: &m.id,
            topic: &m.topic,
            key: m.key.as_deref(),
            headers: &m.headers,
            payload: &m.payload,
        };
        encode(&output, lines);
    }
}

fn envelopes() -> Vec<u8> {
    let mut lines = Vec::new();
    encode_all(&messages(), &mut lines);
    lines
}

fn read(bencher: Bencher<'_, '_>, input: Vec<u8>, format: InputFormat) {
    bencher
        .counter(ItemsCount::new(LINES))
        .counter(BytesCount::new(input.len()))
        .with_inputs(|| {
            NdjsonSource::from_reader("bench", Cursor::new(input.clone()), format, DEFAULT_LINE_LIMIT)
        })
        .bench_values(|mut source| {
            let mut read = 0;
            while let Ok(batch) = source.receive(256) {
                if batch.is_empty() {
                    break;
                }
                read += batch.iter().filter(|d| matches!(d, Delivery::Message(_))).count();
            }
            assert_eq!(read, LINES);
        });
}

#[divan::bench]
fn read_envelopes(bencher: Bencher<'_, '_>) {
    read(bencher, envelopes(), InputFormat::Auto);
}

#[divan::bench]
fn read_strangers_objects(bencher: Bencher<'_, '_>) {
    read(bencher, raw(), InputFormat::Auto);
}

#[divan::bench]
fn read_raw(bencher: Bencher<'_, '_>) {
    read(bencher, raw(), InputFormat::Raw);
}

#[divan::bench]
fn write_envelopes(bencher: Bencher<'_, '_>) {
    let messages = messages();
    let mut lines = envelopes();
    bencher.counter(ItemsCount::new(LINES)).counter(BytesCount::new(lines.len())).bench_local(|| {
        lines.clear();
        encode_all(divan::black_box(&messages), &mut lines);
    });
}
