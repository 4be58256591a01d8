//! `oncegate inspect`: what a plugin is and asks for.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command};
use oncegate_sandbox::{Capability, CompileLimits, Component, Engine, Limits};

use crate::compiling::Compiling;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::rights;

/// How many names of a kind are shown.
const MOST_ROWS: usize = 200;

pub fn command() -> Command {
    Command::new("inspect")
        .about("Shows a plugin's world, version, imports, what it asks for, digest and size")
        .arg(Arg::new("plugin").value_name("FILE").required(true).help("The plugin"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
        .after_help(crate::exit::HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let path = matches.get_one::<String>("plugin").map(Path::new).unwrap_or(Path::new(""));
    let limits = Limits::default();
    let compiling = Compiling::once(CompileLimits::default())?;
    rights::drop_for_a_look(path, &compiling);
    let engine = Engine::with_compiler(1, compiling.compiler).or_exit(Exit::Failed)?;
    let inspection = oncegate_sandbox::read(path, &limits)
        .and_then(|bytes| Component::inspect(&engine, &bytes, &limits))
        .with_context(|| format!("the plugin {}", path.display()))
        .or_exit(Exit::Plugin)?;
    let refused = inspection.refused.as_ref().map(ToString::to_string);
    if matches.get_flag("json") {
        let json = serde_json::json!({
            "world": inspection.world,
            "versions": inspection.versions,
            "sha256": inspection.digest,
            "bytes": inspection.size,
            "imports": inspection.imports,
            "asks": inspection.asks.iter().map(asked).collect::<serde_json::Value>(),
            "denied": inspection.denied,
            "exports": inspection.exports,
            "refused": refused,
        });
        return super::print(&super::json_line(&json));
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "world    {}", inspection.world.unwrap_or("unknown"));
    let _ = writeln!(text, "version  {}", inspection.versions.join(", "));
    let _ = writeln!(text, "sha256   {}", inspection.digest);
    let _ = writeln!(text, "size     {} bytes", inspection.size);
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
    if let Some(refused) = refused {
        let _ = writeln!(text, "refused  {refused}");
    }
    super::print(&text)
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
