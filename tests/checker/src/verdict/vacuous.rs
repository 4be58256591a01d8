//! No empty victory: what the run was for did happen.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::Evidence;
use crate::history::History;
use crate::verdict::last_five;

/// How often everything happened that a run can require, by its name. Nothing here is the driver's own count.
pub fn counts(evidence: &Evidence) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let mut add = |name: String, count: u64| *counts.entry(name).or_insert(0) += count;
    add("duplicates".to_owned(), duplicates(evidence));
    for summary in &evidence.summaries {
        let taken_over = summary.ends.get("taken_over").copied().unwrap_or_default();
        add("taken_over".to_owned(), summary.redelivered);
        add("fence_refused".to_owned(), summary.fences_lost + taken_over);
    }
    for fault in &evidence.faults {
        add(fault.fault.clone(), 1);
        if let Some(gate) = fault.gate.as_ref().filter(|_| ["kill", "stop"].contains(&fault.fault.as_str())) {
            add(format!("gate:{gate}"), 1);
        }
    }
    counts
}

/// Entries of an event that had been sent before.
fn duplicates(evidence: &Evidence) -> u64 {
    let mut seen = BTreeSet::new();
    let sent = evidence.ledger.iter().filter(|sent| !sent.mismatch);
    sent.filter(|sent| !seen.insert((&sent.pipeline, &sent.event))).count() as u64
}

/// What is missing for the run to prove anything. A control has hosts that need not live up to anything.
pub fn missing(
    evidence: &Evidence,
    histories: &[History<'_>],
    counts: &BTreeMap<String, u64>,
) -> Vec<String> {
    let happened = |name: &String| counts.get(name).is_some_and(|&count| count > 0);
    let mut missing: Vec<String> =
        evidence.run.requires.iter().filter(|name| !happened(name)).cloned().collect();
    if evidence.run.requires.is_empty() {
        missing.push("anything that run.json requires".to_owned());
    }
    for history in histories {
        if history.ledger.is_empty() {
            missing.push(format!("a message for `{}`", history.pipeline.name));
        }
        if evidence.run.control.is_none() {
            missing.extend(last_five::missing(history));
        }
    }
    missing
}
