//! The policy of a pipeline, and what the pipeline itself works by.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use oncegate_broker::NdjsonEncoder;
use oncegate_dedup::{Namespace, Outage, Policy};
use oncegate_sandbox::{Level, Limits, Reuse};

use super::{Input, Scope, Share};
use crate::pipeline::{Backoff, Budget, Order, Outputs, QuarantineRules, Rules, WaitingBound};
use crate::settings::Settings;

/// The longest window of a quarantine: it is kept in memory.
const MOST_ENDS: usize = 100_000;

/// The policy; what scope host adds to the namespace is in it.
pub(super) fn policy(settings: &Settings, scope: &Scope, input: &Input) -> Result<Policy> {
    let namespace = Namespace::new(&scope.own(settings.required("policy.namespace")?))?;
    let policy = Policy {
        window_ms: settings.number("policy.window"),
        lease_ms: settings.number("policy.lease"),
        margin_ms: settings.number("policy.margin"),
        handler_limit_ms: settings.number("policy.handler_limit"),
        keep_ms: settings.number("policy.keep"),
        in_flight_wait_ms: settings.number("policy.in_flight_wait"),
        max_backoff_ms: settings.number("policy.backoff_max"),
        max_attempts: settings.count("policy.attempts"),
        host_deaths: settings.count("policy.host_deaths"),
        keys_per_delivery: settings.count("limits.keys"),
        key_bytes: settings.count("limits.key_bytes"),
        receipt_bytes: settings.count("limits.receipt_bytes"),
        redelivery_ms: input.redelivery_ms(),
        outage: match settings.text("policy.outage") {
            Some("open") => Outage::Open,
            _ => Outage::Closed,
        },
        shadow: settings.is_on("policy.shadow"),
        ..Policy::new(namespace)
    };
    policy.validate().context("the policy does not hold")?;
    let (min, max) = (settings.number("policy.backoff_min"), settings.number("policy.backoff_max"));
    if min > max {
        bail!(
            "policy.backoff_min ({min} ms) is longer than policy.backoff_max ({max} ms): the pause before a \
             redelivery is doubled from the one up to the other"
        );
    }
    Ok(policy)
}

pub(super) fn rules(settings: &Settings, limits: Limits, order: Order) -> Result<Rules> {
    Ok(Rules {
        name: String::new(),
        source: String::new(),
        topic: String::new(),
        output_encoder: Arc::new(NdjsonEncoder),
        dead_letter_encoder: Arc::new(NdjsonEncoder),
        order,
        outputs: match settings.text("policy.outputs") {
            Some("free") => Outputs::Free,
            _ => Outputs::Gated,
        },
        fingerprint: settings.text("policy.fingerprint").unwrap_or_default().parse()?,
        backoff: Backoff {
            min_ms: settings.number("policy.backoff_min"),
            max_ms: settings.number("policy.backoff_max"),
        },
        waiting: WaitingBound {
            count: positive(settings, "limits.waiting")?,
            bytes: positive(settings, "limits.waiting_bytes")?,
        },
        quarantine: quarantine(settings)?,
        budget: Budget::default(),
        threads: a_few(settings, "run.threads")?,
        concurrency: a_few(settings, "run.concurrency")?,
        nice: 0,
        log_level: log_level(settings.text("run.log_level").unwrap_or_default()),
        limits,
    })
}

/// When a handler is quarantined. Whether a run ever ends because of it, its source decides.
fn quarantine(settings: &Settings) -> Result<QuarantineRules> {
    let count = |path| positive(settings, path).map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let rules = QuarantineRules {
        percent: match settings.count("quarantine.percent") {
            0 => QuarantineRules::NEVER.percent,
            percent if percent > 100 => {
                bail!("quarantine.percent is {percent}: set at most 100, or 0 for never")
            }
            percent => percent,
        },
        window: count("quarantine.window")?,
        least: count("quarantine.least")?,
        pause_min_ms: positive(settings, "quarantine.pause_min")?,
        pause_max_ms: positive(settings, "quarantine.pause_max")?,
        probes: Some(u32::try_from(positive(settings, "quarantine.probes")?).unwrap_or(u32::MAX)),
    };
    let (window, least) = (rules.window, rules.least);
    if window > MOST_ENDS || least > window {
        bail!(
            "quarantine.window is {window} and quarantine.least is {least}: the first is at most {MOST_ENDS}, the \
             second at most the first"
        );
    }
    if rules.pause_min_ms > rules.pause_max_ms {
        bail!(
            "quarantine.pause_min is longer than quarantine.pause_max: the pause is doubled from one to the other"
        );
    }
    Ok(rules)
}

pub(super) fn limits(settings: &Settings, policy: &Policy) -> Result<Limits> {
    let bytes = |path: &str| usize::try_from(settings.number(path)).unwrap_or(usize::MAX);
    let limits = Limits {
        component_bytes: bytes("limits.component_bytes"),
        memory_bytes: bytes("limits.memory"),
        cpu_ms: settings.number("limits.cpu"),
        wall_ms: policy.handler_limit_ms,
        host_calls: settings.count("limits.host_calls"),
        host_call_bytes: bytes("limits.host_call_data"),
        outputs: settings.count("limits.outputs"),
        output_bytes: bytes("limits.output_bytes"),
        log_bytes: bytes("limits.log_bytes"),
        ..Limits::default()
    };
    limits.validate()?;
    Ok(limits)
}

pub(super) fn positive(settings: &Settings, path: &str) -> Result<u64> {
    match settings.number(path) {
        0 => bail!("{path} is 0: set at least 1"),
        number => Ok(number),
    }
}

/// How many threads or handlers: as many as the engine has room for at the most.
fn a_few(settings: &Settings, path: &str) -> Result<usize> {
    match positive(settings, path)? {
        number if number > 4096 => bail!("{path} is {number}: set at most 4096"),
        number => Ok(usize::try_from(number)?),
    }
}

/// The total is known once all pipelines are.
pub(super) fn share(settings: &Settings) -> Result<Share> {
    match settings.count("run.share") {
        of @ 1..=10_000 => Ok(Share { total: of.into(), of }),
        other => bail!("run.share is {other}: set 1 to 10000"),
    }
}

pub(super) fn reuse(settings: &Settings) -> Reuse {
    match settings.is_on("run.reuse") {
        false => Reuse::Fresh,
        true => Reuse::Reused {
            max_calls: settings.count("run.reuse_calls"),
            max_memory: usize::try_from(settings.number("run.reuse_memory")).ok(),
        },
    }
}

fn log_level(word: &str) -> Option<Level> {
    match word {
        "error" => Some(Level::Error),
        "warn" => Some(Level::Warn),
        "info" => Some(Level::Info),
        "debug" => Some(Level::Debug),
        "trace" => Some(Level::Trace),
        _ => None,
    }
}
