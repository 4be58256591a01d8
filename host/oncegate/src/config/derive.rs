//! What follows from other settings, where nobody set it.

use std::path::Path;

use anyhow::{Result, bail};
use oncegate_broker::StreamUrl;
use oncegate_dedup::Namespace;

use crate::settings::{Settings, Value};

/// Sets what follows from other settings, where nobody set it.
pub(super) fn derive(settings: &mut Settings) -> Result<()> {
    let plugin = Path::new(settings.required("plugin.path")?);
    let stem = plugin.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = settings.name().map(str::to_owned).unwrap_or(stem);
    if settings.get("policy.namespace").is_none() && Namespace::new(&name).is_err() {
        // A URL in the place of a file may have a password in it.
        let shown = if plugin.to_string_lossy().contains("://") || name.contains('@') {
            String::new()
        } else {
            format!(" {name:?}")
        };
        bail!("the plugin's name{shown} cannot be a namespace (A-Z a-z 0-9 . _ -): give --namespace");
    }
    settings.derive("policy.namespace", Value::Text(name));
    let namespace = settings.required("policy.namespace")?;
    let store = format!("file:{namespace}.gate");
    settings.derive("store.url", Value::Text(store));
    let mut pause_ms = settings.number("policy.backoff_max");
    if StreamUrl::is_meant(settings.required("input.path")?) {
        let (lease_ms, margin_ms) = (settings.number("policy.lease"), settings.number("policy.margin"));
        let take_over_ms = margin_ms.saturating_mul(2).saturating_add(lease_ms);
        settings.derive("input.take_over", Value::Ms(take_over_ms));
        pause_ms = pause_ms.max(settings.number("input.take_over"));
    }
    // Twice the longest pause, or attempts would be forgotten between two deliveries.
    let keep_ms = settings.number("policy.window").max(pause_ms.saturating_mul(2));
    settings.derive("policy.keep", Value::Ms(keep_ms));
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    settings.derive("run.threads", Value::Number(threads));
    // What an instance gathers in one call more has to fit into what is left.
    let half = settings.number("limits.memory") / 2;
    settings.derive("run.reuse_memory", Value::Number(half));
    Ok(())
}
