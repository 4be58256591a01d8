//! What follows from other settings, where nobody set it.

use std::path::Path;

use anyhow::{Result, bail};
use oncegate_dedup::Namespace;

use crate::settings::{Settings, Value};

/// Sets what follows from other settings, where nobody set it.
pub(super) fn derive(settings: &mut Settings) -> Result<()> {
    let plugin = Path::new(settings.required("plugin.path")?);
    let stem = plugin.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = settings.name().map(str::to_owned).unwrap_or(stem);
    if settings.get("policy.namespace").is_none() && Namespace::new(&name).is_err() {
        bail!("the plugin's name {name:?} cannot be a namespace (A-Z a-z 0-9 . _ -): give --namespace");
    }
    settings.derive("policy.namespace", Value::Text(name));
    let namespace = settings.required("policy.namespace")?;
    let store = format!("file:{namespace}.gate");
    settings.derive("store.url", Value::Text(store));
    // Twice the longest pause, or attempts would be forgotten between two deliveries.
    let pause_ms = settings.number("policy.backoff_max").max(settings.number("input.take_over"));
    let keep_ms = settings.number("policy.window").max(pause_ms.saturating_mul(2));
    settings.derive("policy.keep", Value::Ms(keep_ms));
    if let Some(output) = settings.text("output.path").filter(|output| *output != "-") {
        let dead = format!("{output}.dead.ndjson");
        settings.derive("dead_letters.path", Value::Text(dead));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    settings.derive("run.threads", Value::Number(threads));
    Ok(())
}
