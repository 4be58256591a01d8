//! What an operator can see, change and be warned of, on real servers and beside hosts that run.

#[path = "operate/begin.rs"]
mod begin;
#[path = "operate/dead.rs"]
mod dead_letters;
#[path = "operate/doctor.rs"]
mod doctor;
#[path = "operate/keys.rs"]
mod keys;

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};

use oncegate_tests::{
    Bench, Cluster, Ended, Entry, Hosts, NAME, Redis, Sentinels, effect, entries, oncegate, plugin, produce,
    until,
};
use serde_json::{Value, json};

/// A Redis with a store on it.
fn store() -> Redis {
    let redis = Redis::start();
    ok(&["store", "init", "--store", &redis.url()]);
    redis
}

fn command(arguments: &[&str]) -> Command {
    let mut command = oncegate();
    command.args(arguments).stdin(Stdio::null());
    command
}

fn call(arguments: &[&str]) -> Ended {
    Ended::new(command(arguments).output().unwrap())
}

fn ok(arguments: &[&str]) -> String {
    let ended = call(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// The command ends with this code, and its last line says this.
fn refused(arguments: &[&str], code: i32, expected: &str) -> Ended {
    let ended = call(arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    assert!(ended.error().contains(expected), "{arguments:?}: {}", ended.stderr);
    ended
}

/// The arguments of a command about keys of the namespace that the hosts use.
fn about<'a>(redis: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--store", redis, "--namespace", "probe"]].concat()
}

fn record(url: &str, key: &str) -> Value {
    serde_json::from_str(&ok(&about(url, &["keys", "get", key, "--json"]))).unwrap()
}

fn fence(url: &str, key: &str) -> String {
    record(url, key)["fence"].as_str().unwrap().to_owned()
}

fn audit_lines(bench: &Bench, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(bench.path(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn effects(redis: &Redis) -> Vec<Entry> {
    entries(&mut redis.client(), "effects")
}

fn dead(redis: &Redis) -> Vec<Entry> {
    entries(&mut redis.client(), "dead")
}

fn send(redis: &Redis, payloads: &[Value]) {
    produce(&mut redis.client(), "orders", payloads);
}

/// The arguments that send dead letters of the usual streams again.
fn requeue(redis: &Redis, arguments: &[&str]) -> Vec<String> {
    let (letters, to, url) = (redis.stream("dead"), redis.stream("orders"), redis.url());
    let places = ["--dead-letters", &letters, "--to", &to, "--store", &url, "--namespace", "probe"];
    [&["dead", "requeue"], arguments, &places].concat().into_iter().map(str::to_owned).collect()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// What doctor found, each as its level, and what it said.
fn findings(arguments: &[&str], code: i32) -> Vec<(String, String)> {
    let ended = call(&[&["doctor", "--json"], arguments].concat());
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    let finding = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let level = line["level"].as_str().unwrap().to_owned();
        assert_eq!(line["to_do"].is_string(), matches!(level.as_str(), "WARN" | "FAIL"), "{line}");
        (
            level,
            format!("{} -> {}", line["what"].as_str().unwrap(), line["to_do"].as_str().unwrap_or_default()),
        )
    };
    ended.stdout.lines().map(finding).collect()
}

fn has(findings: &[(String, String)], level: &str, expected: &str) {
    let found = findings.iter().any(|(found, text)| found == level && text.contains(expected));
    assert!(found, "no {level} with {expected:?}: {findings:#?}");
}
