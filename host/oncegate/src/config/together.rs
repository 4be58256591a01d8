//! What several pipelines of one process must not do to each other.

use anyhow::{Result, bail};

use super::place::real;
use super::{Config, Input, same_server};

/// Refuses pipelines that would be in each other's way.
pub(super) fn check(configs: &[Config]) -> Result<()> {
    for (index, config) in configs.iter().enumerate() {
        for earlier in configs.iter().take(index) {
            host(earlier, config)?;
            namespaces(earlier, config)?;
            stores(earlier, config)?;
            targets(earlier, config)?;
            inputs(earlier, config)?;
        }
    }
    Ok(())
}

fn host(one: &Config, other: &Config) -> Result<()> {
    match one.host.difference(&other.host) {
        Some(setting) => bail!(
            "the pipelines {one} and {other} differ in {setting}, which is of the whole process: set it once, above \
             the pipelines"
        ),
        None => Ok(()),
    }
}

fn namespaces(one: &Config, other: &Config) -> Result<()> {
    let namespace = one.policy.keys_of();
    if namespace != other.policy.keys_of() || !one.store.url.is_same_place(&other.store.url) {
        return Ok(());
    }
    if !(one.shares_namespace && other.shares_namespace) {
        bail!(
            "the pipelines {one} and {other} have the same namespace {namespace} on the same store, so that each \
             takes the other's keys for duplicates: each needs a namespace of its own, or policy.share_namespace \
             = true in both if that is what they are meant to do"
        );
    }
    let (a, b) = (&one.policy, &other.policy);
    if (a.window_ms, a.lease_ms, a.keep_ms) != (b.window_ms, b.lease_ms, b.keep_ms)
        || one.rules.fingerprint != other.rules.fingerprint
    {
        bail!(
            "the pipelines {one} and {other} share the namespace {namespace}, and differ in policy.window, lease, \
             keep or fingerprint: what one of them commits would be forgotten too early for the other, or not \
             match: set them to the same"
        );
    }
    Ok(())
}

/// A store is opened once for all pipelines that name it.
fn stores(one: &Config, other: &Config) -> Result<()> {
    let (a, b) = (&one.store, &other.store);
    if !a.url.is_same_place(&b.url) {
        return Ok(());
    }
    let differs = [
        ("store.hash_tag", a.hash_tag != b.hash_tag),
        ("store.replicas", a.replicas != b.replicas),
        ("store.replica_timeout", a.replica_timeout_ms != b.replica_timeout_ms),
        ("store.ca_file", a.ca_file != b.ca_file),
    ];
    if let Some((setting, _)) = differs.into_iter().find(|(_, differs)| *differs) {
        bail!(
            "the pipelines {one} and {other} have one store, {}, and differ in {setting}: it is opened once for \
             both; set it at the top level",
            a.url
        );
    }
    Ok(())
}

/// Files have one writer. Streams have as many as there are, and dead letters say which pipeline they are of.
fn targets(one: &Config, other: &Config) -> Result<()> {
    for (what, target) in one.targets() {
        for (also, same) in other.targets() {
            if target.is_stdout() && same.is_stdout() {
                bail!(
                    "the {what} of the pipeline {one} and the {also} of {other} both go to standard output: give one \
                     of them a file"
                );
            }
            if let (Some(path), Some(same)) = (target.file(), same.file())
                && real(path) == real(same)
            {
                bail!(
                    "the {what} of the pipeline {one} and the {also} of {other} are the same file, {}: name two",
                    path.display()
                );
            }
        }
    }
    Ok(())
}

fn inputs(one: &Config, other: &Config) -> Result<()> {
    for (reader, writer) in [(one, other), (other, one)] {
        let Some(path) = reader.input.file() else { continue };
        let mut written = writer.targets().into_iter().filter_map(|(_, target)| target.file());
        if written.any(|written| real(written) == real(path)) {
            bail!(
                "the pipeline {reader} reads {}, which {writer} writes: its input would end before the other has \
                 written all of it: run one after the other, or let a stream join them",
                path.display()
            );
        }
    }
    match (&one.input, &other.input) {
        (Input::Ndjson { path, .. }, Input::Ndjson { path: also, .. })
            if path.as_os_str() == "-" && also.as_os_str() == "-" =>
        {
            bail!("the pipelines {one} and {other} both read standard input: give one of them a file")
        }
        (Input::Stream { url, .. }, Input::Stream { url: also, .. })
            if same_server(&url.redis, &also.redis)
                && url.stream == also.stream
                && url.group == also.group =>
        {
            bail!(
                "the pipelines {one} and {other} read {url} as the same group, so that each gets only some of its \
                 entries: give each a group of its own"
            )
        }
        _ => Ok(()),
    }
}
