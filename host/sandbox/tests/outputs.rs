//! Outputs: what may be staged, and under which key.

#![cfg(test)]

mod common;

use std::collections::HashMap;

use common::*;
use oncegate_dedup::HandlerEnd;
use oncegate_sandbox::{Header, Invocation, Limits, Message, Settings, StagedOutput, Topics, Worker};

fn probe(limits: Limits, topics: Topics) -> Worker {
    let config = HashMap::from([("set".to_owned(), "its value".to_owned())]);
    handler(&fixture("probe"), Settings { limits, topics, config, ..Settings::default() }).worker()
}

fn out() -> Topics {
    Topics::Only(["out".to_owned()].into())
}

fn to(topic: &str) -> Message {
    Message { topic: topic.to_owned(), ..message("p") }
}

fn with_header(name: &str) -> Message {
    let header = Header { name: name.to_owned(), value: vec![0, 255] };
    Message { headers: vec![header], ..to("out") }
}

async fn emit(worker: &Worker, message: Message) -> Invocation {
    let invocation = worker.invoke(&message, attempt(&gate(policy()), "x")).await;
    assert_eq!(invocation.end, HandlerEnd::Ok);
    invocation
}

/// What the probe logged of a refusal.
async fn refusal(worker: &Worker, message: Message) -> Vec<String> {
    let invocation = emit(worker, message).await;
    assert_eq!(invocation.outputs, []);
    invocation.logs.lines.into_iter().map(|line| line.text).collect()
}

#[tokio::test]
async fn an_output_is_staged_as_it_was_given() {
    let message = Message { key: Some(String::new()), ..with_header("Größe") };
    let invocation = emit(&probe(Limits::default(), out()), message).await;
    let expected = StagedOutput {
        topic: "out".to_owned(),
        key: Some(String::new()),
        headers: vec![("Größe".to_owned(), vec![0, 255])],
        payload: b"p".to_vec(),
        under: None,
        index: 0,
    };
    assert_eq!(invocation.outputs, [expected]);
    let keyless = Message { key: None, ..to("out") };
    assert_eq!(emit(&probe(Limits::default(), out()), keyless).await.outputs[0].key, None);
}

#[tokio::test]
async fn topics_that_the_operator_did_not_name_are_refused() {
    assert_eq!(refusal(&probe(Limits::default(), out()), to("other")).await, ["0"]);
    assert_eq!(refusal(&probe(Limits::default(), Topics::default()), to("out")).await, ["0"]);
    assert_eq!(emit(&probe(Limits::default(), Topics::Any), to("other")).await.outputs.len(), 1);
}

#[tokio::test]
async fn names_that_are_empty_long_reserved_or_unfit_are_refused_with_the_reason() {
    let worker = probe(Limits::default(), Topics::Any);
    let long = "x".repeat(1025);
    let too_long = "has 1025 bytes, and 1024 are allowed";
    let reserved = "header names that begin with oncegate- are the host's";
    for (message, reason) in [
        (to(""), "the topic is empty".to_owned()),
        (to(&long), format!("the topic {too_long}")),
        (to("a\nb"), "the topic holds control characters".to_owned()),
        (Message { key: Some(long.clone()), ..to("out") }, format!("the key {too_long}")),
        (with_header(""), "the header name is empty".to_owned()),
        (with_header(&long), format!("the header name {too_long}")),
        (with_header("a\u{7f}"), "the header name holds control characters".to_owned()),
        (with_header("oncegate-id"), reserved.to_owned()),
        (with_header("OnceGate-ID"), reserved.to_owned()),
    ] {
        assert_eq!(refusal(&worker, message).await, ["1".to_owned(), reason]);
    }
    for fine in ["oncegate", "oncegat-x", "x-oncegate-id", "öncegate-id"] {
        assert_eq!(emit(&worker, with_header(fine)).await.outputs.len(), 1, "{fine}");
    }
    let headers = vec![Header { name: "h".to_owned(), value: Vec::new() }; 65];
    let many = Message { headers, ..to("out") };
    assert_eq!(refusal(&worker, many).await, ["1", "65 headers, and 64 are allowed"]);
}

#[tokio::test]
async fn outputs_are_limited_in_number_and_bytes() {
    let none = Limits { outputs: 0, ..Limits::default() };
    assert_eq!(refusal(&probe(none, out()), to("out")).await, ["2"]);
    // topic, key, header, payload: 3 + 1 + 1 + 5 + 1
    for (output_bytes, staged) in [(11, 1), (10, 0)] {
        let limits = Limits { output_bytes, ..Limits::default() };
        assert_eq!(emit(&probe(limits, out()), to("out")).await.outputs.len(), staged);
    }
    // At the limit of the number, what was staged before stays.
    let limits = Limits { outputs: 10, host_calls: 500, ..Limits::default() };
    let worker = handler(&evil("emits-for-ever"), settings(limits)).worker();
    assert_eq!(invoke(&worker, &gate(policy()), "x").await.end, failed("host call limit 500 reached"));
}

#[tokio::test]
async fn an_output_belongs_to_the_key_that_was_new_before_it() {
    let worker = handler(&fixture("honest"), settings(Limits::default())).worker();
    let invocation = invoke(&worker, &gate(policy()), "k1").await;
    let output = &invocation.outputs[0];
    assert_eq!((output.under, output.index), (Some(0), 0));
    assert!(invocation.attempt.is_staged(0));
}

#[tokio::test]
async fn configuration_is_what_the_operator_set() {
    let worker = probe(Limits::default(), out());
    let set = Message { id: "set".to_owned(), ..to("out") };
    assert_eq!(emit(&worker, set).await.logs.lines[0].text, "its value");
    assert!(emit(&worker, to("out")).await.logs.lines.is_empty());
}
