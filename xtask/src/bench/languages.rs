//! `cargo xtask bench languages`: what the payment handler costs in each language, as the table in the README has it.

use crate::command::{cargo, output, run as run_command};
use crate::workspace::Workspace;
use crate::{fixtures, languages, plugins};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One payment, as a line of input.
const PAYMENT: &str =
    "{\"payment_id\":\"p-1\",\"account\":\"a-9\",\"amount_cents\":1250,\"currency\":\"EUR\"}\n";

/// What is measured: its name in the table, and its component below the target folder.
const ROWS: [(&str, &str); 7] = [
    ("Rust", "plugins/payment.wasm"),
    ("C", "plugins/payment-c.wasm"),
    ("Go", "plugins/payment-go.wasm"),
    ("JavaScript (QuickJS)", "plugins/payment-js.wasm"),
    ("TypeScript (QuickJS)", "plugins/payment-ts.wasm"),
    ("JavaScript (StarlingMonkey)", "plugins/payment-js-starlingmonkey.wasm"),
    ("Python", "plugins/payment-python.wasm"),
];

/// Builds all of them and the host, and prints the table.
pub fn run(workspace: &Workspace) -> Result<()> {
    plugins::build(workspace)?;
    languages::run(workspace, &[])?;
    fixtures::payment_on_starlingmonkey(workspace)?;
    run_command(cargo().current_dir(&workspace.root).args(["build", "--release", "--package", "oncegate"]))?;
    let folder = workspace.built("bench");
    fs::create_dir_all(&folder)?;
    let input = folder.join("payment.ndjson");
    fs::write(&input, PAYMENT)?;
    println!(
        "\n| handler | component | compile once | cached start | fresh instance and call | reused call | memory after one call | after many |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, component) in ROWS {
        println!("{}", row(name, &workspace.built(component), &input, workspace)?);
    }
    Ok(())
}

/// One row, in the words of `oncegate inspect`.
fn row(name: &str, component: &Path, input: &Path, workspace: &Workspace) -> Result<String> {
    let program: PathBuf = workspace.built("release/oncegate");
    let mut inspect = Command::new(program);
    // A cache of its own: what is measured is not what was measured before.
    inspect.env("XDG_CACHE_HOME", workspace.built("cache")).args([
        "inspect",
        "--json",
        "--measure",
        "--input",
    ]);
    let said: Value = serde_json::from_str(&output(inspect.arg(input).arg(component))?)?;
    let measured = &said["measured"];
    let number = |name: &str| measured[name].as_f64().with_context(|| format!("no {name} in {said}"));
    let bytes = said["bytes"].as_f64().unwrap_or_default();
    Ok(format!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} after {} |",
        size(bytes),
        time(number("compile_us")?),
        time(number("cached_us")?),
        time(number("fresh_call_us")?),
        time(number("reused_call_us")?),
        size(number("memory_bytes")?),
        size(number("memory_bytes_reused")?),
        number("calls")?,
    ))
}

/// Two digits that count, in the unit that people would use.
fn time(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{:.1} s", us / 1e6),
        us if us >= 1e4 => format!("{:.0} ms", us / 1e3),
        us if us >= 1e3 => format!("{:.1} ms", us / 1e3),
        us if us >= 10.0 => format!("{us:.0} µs"),
        us => format!("{us:.1} µs"),
    }
}

fn size(bytes: f64) -> String {
    match bytes {
        bytes if bytes >= 1048576.0 => format!("{:.1} MiB", bytes / 1048576.0),
        bytes => format!("{:.0} KiB", bytes / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_count() {
        assert_eq!(
            [4.21, 15.0, 1_340.0, 52_000.0, 5_500_000.0].map(time),
            ["4.2 µs", "15 µs", "1.3 ms", "52 ms", "5.5 s"]
        );
        assert_eq!([73_000.0, 3_300_000.0].map(size), ["71 KiB", "3.1 MiB"]);
    }
}
