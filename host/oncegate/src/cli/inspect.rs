//! `oncegate inspect`: what a plugin is and asks for.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command};
use oncegate_broker::{DEFAULT_LINE_LIMIT, Delivery, InputFormat, NdjsonSource};
use oncegate_sandbox::{
    Capability, CompileLimits, Component, Engine, Inspection, Limits, Message, Producer, producers,
};

use crate::compiling::Compiling;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::measure::{Measured, measure};
use crate::pipeline::Task;
use crate::{fail, rights};

/// How many names of a kind are shown.
const MOST_ROWS: usize = 200;

pub fn command() -> Command {
    Command::new("inspect")
        .about("Shows a plugin's world, version, imports, what it asks for, digest and size")
        .arg(Arg::new("plugin").value_name("FILE").required(true).help("The plugin"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
        .arg(Arg::new("measure").long("measure").action(ArgAction::SetTrue).help(
            "Measure, too, what compiling it and calling it costs, under the usual limits; its keys are in memory and new \
             in each call, and nothing is applied",
        ))
        .arg(Arg::new("input").long("input").value_name("FILE").requires("measure").help(
            "NDJSON whose first line is the message that it is called with [default: an empty JSON object]",
        ))
        .after_help(crate::exit::HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let path = matches.get_one::<String>("plugin").map(Path::new).unwrap_or(Path::new(""));
    let message = match matches.get_flag("measure") {
        true => Some(message(matches.get_one::<String>("input").map(Path::new))?),
        false => None,
    };
    let limits = Limits::default();
    let compiling = match message {
        Some(_) => Compiling::cached(CompileLimits::default())?,
        None => Compiling::once(CompileLimits::default())?,
    };
    rights::drop_for_a_look(path, &compiling);
    let engine = Engine::with_compiler(1, compiling.compiler.clone()).or_exit(Exit::Failed)?;
    let bytes = oncegate_sandbox::read(path, &limits);
    let inspected = bytes.and_then(|bytes| Ok((Component::inspect(&engine, &bytes, &limits)?, bytes)));
    let (inspection, bytes) =
        inspected.with_context(|| format!("the plugin {}", path.display())).or_exit(Exit::Plugin)?;
    let measured = match message {
        Some(message) if inspection.refused.is_none() => Some(measure(&bytes, &message, &compiling)?),
        _ => None,
    };
    let made_by = producers(&bytes);
    super::print(&match matches.get_flag("json") {
        true => json(&inspection, &made_by, measured.as_ref()),
        false => text(&inspection, &made_by, measured.as_ref()),
    })
}

/// What it is called with.
fn message(input: Option<&Path>) -> Result<Message, Failure> {
    let mut source = match input {
        Some(path) => {
            NdjsonSource::open(path, InputFormat::default(), DEFAULT_LINE_LIMIT).or_exit(Exit::File)?
        }
        None => NdjsonSource::from_reader("measure", &b"{}"[..], InputFormat::default(), DEFAULT_LINE_LIMIT),
    };
    match source.receive(1).or_exit(Exit::File)?.into_iter().next() {
        Some(Delivery::Message(message)) => Ok(Task::new(message).message),
        Some(Delivery::Malformed(malformed)) => {
            Err(fail!(Exit::File, "the first line of the input is no message: {}", malformed.reason))
        }
        _ => Err(fail!(Exit::File, "the input has no message")),
    }
}

fn json(inspection: &Inspection, made_by: &[Producer], measured: Option<&Measured>) -> String {
    let refused = inspection.refused.as_ref().map(ToString::to_string);
    let mut json = serde_json::json!({
        "world": inspection.world,
        "versions": inspection.versions,
        "sha256": inspection.digest,
        "bytes": inspection.size,
        "imports": inspection.imports,
        "asks": inspection.asks.iter().map(asked).collect::<serde_json::Value>(),
        "denied": inspection.denied,
        "exports": inspection.exports,
        "made_by": made_by.iter().map(producer).collect::<serde_json::Value>(),
        "refused": refused,
    });
    if let Some(measured) = measured {
        let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6;
        json["measured"] = serde_json::json!({
            "compile_us": micros(measured.compile),
            "cached_us": measured.cached.map(micros),
            "fresh_call_us": micros(measured.fresh),
            "reused_call_us": micros(measured.reused),
            "instance_us": micros(measured.instance()),
            "memory_bytes": measured.memory_bytes.0,
            "memory_bytes_reused": measured.memory_bytes.1,
            "calls": measured.calls,
            "host_calls": measured.host_calls,
            "end": measured.end,
        });
    }
    super::json_line(&json)
}

fn text(inspection: &Inspection, made_by: &[Producer], measured: Option<&Measured>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "world    {}", inspection.world.unwrap_or("unknown"));
    let _ = writeln!(text, "version  {}", inspection.versions.join(", "));
    let _ = writeln!(text, "sha256   {}", inspection.digest);
    let _ = writeln!(text, "size     {} bytes", inspection.size);
    for Producer { role, name, version } in made_by {
        let _ = writeln!(text, "{}", format!("made by  {role}: {name} {version}").trim_end());
    }
    rows(&mut text, "import", &inspection.imports);
    if !inspection.asks.is_empty() {
        let asks = inspection.asks.iter().map(|asked| match asked.is_granted() {
            true => asked.to_string(),
            false => format!("{asked} (denied)"),
        });
        let _ = writeln!(text, "asks     {}", asks.collect::<Vec<_>>().join(", "));
    }
    for functions in inspection.denied.chunk_by(|one, other| interface(one) == interface(other)) {
        let interface = functions.first().map_or("", |function| interface(function));
        let names: Vec<&str> =
            functions.iter().filter_map(|name| name.split_once('#')).map(|(_, name)| name).collect();
        let _ = writeln!(text, "denied   {interface}: {}", names.join(", "));
    }
    rows(&mut text, "export", &inspection.exports);
    if let Some(measured) = measured {
        costs(&mut text, measured);
    }
    if let Some(refused) = &inspection.refused {
        let _ = writeln!(text, "refused  {refused}");
    }
    text
}

/// A row for each thing that was measured.
fn costs(text: &mut String, measured: &Measured) {
    let kib = |bytes: usize| bytes.div_ceil(1024);
    let cached = measured.cached.map_or("no cache".to_owned(), |time| format!("{time:.1?}"));
    let (one, many) = measured.memory_bytes;
    let rows = [
        ("compile", format!("{:.1?}, and {cached} from the cache", measured.compile)),
        (
            "fresh",
            format!("{:.1?} a call, {:.1?} of it for its instance", measured.fresh, measured.instance()),
        ),
        ("reused", format!("{:.1?} a call", measured.reused)),
        ("memory", format!("{} KiB after one call, {} KiB after {}", kib(one), kib(many), measured.calls)),
        ("calls", format!("{} of the host in each", measured.host_calls)),
        ("ended", measured.end.clone()),
    ];
    for (name, row) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<8} {row}");
    }
}

fn producer(Producer { role, name, version }: &Producer) -> serde_json::Value {
    serde_json::json!({ "role": role, "name": name, "version": version })
}

/// A row for each name, and one for those that are too many: a component may have a hundred thousand.
fn rows(text: &mut String, what: &str, names: &[String]) {
    for name in names.iter().take(MOST_ROWS) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{what:<8} {name}");
    }
    if let Some(more @ 1..) = names.len().checked_sub(MOST_ROWS) {
        let _ = writeln!(text, "{what:<8} and {more} more (--json names them)");
    }
}

/// What stands before the function: `wasi:sockets/tcp`.
fn interface(function: &str) -> &str {
    function.split_once('#').map_or(function, |(interface, _)| interface)
}

fn asked(capability: &Capability) -> serde_json::Value {
    serde_json::json!({ "capability": capability.to_string(), "granted": capability.is_granted() })
}
