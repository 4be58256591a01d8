//! The counts agree: what was sent, read, ended and acknowledged.

use std::collections::BTreeSet;

use crate::evidence::{Ack, Fault, Group, Phase, Summary};
use crate::history::History;
use crate::row::{Row, Violation};

/// Every entry of the source is in the ledger, was read and is acknowledged; nothing was acknowledged that was not sent,
/// nothing twice without a fault; every delivery that a host counts has exactly one end, and every host that nobody killed
/// has counted.
pub fn row(history: &History<'_>) -> Row {
    let groups: Vec<&Group> = ours(&history.evidence.groups, |group| group.pipeline == history.pipeline.name);
    let summaries: Vec<&Summary> =
        ours(&history.evidence.summaries, |summary| summary.pipeline == history.pipeline.name);
    let mut violations = sources(history, &groups);
    violations.extend(acknowledgements(history));
    violations.extend(summaries.iter().filter_map(|summary| ends(summary)));
    violations.extend(uncounted(history, &summaries));
    let found = format!(
        "{} entries, {} acknowledgements seen, {} deliveries in {} summaries",
        history.ledger.len(),
        history.acks.values().map(Vec::len).sum::<usize>(),
        summaries.iter().map(|summary| summary.read).sum::<u64>(),
        summaries.len()
    );
    Row::of("conservation", history, found, &violations)
}

fn ours<T>(all: &[T], is_ours: impl Fn(&T) -> bool) -> Vec<&T> {
    all.iter().filter(|one| is_ours(one)).collect()
}

fn sources<'a>(history: &History<'_>, groups: &[&Group]) -> Vec<Violation<'a>> {
    let mut violations = Vec::new();
    for group in groups {
        // A server that lost count of the lag says nothing; what was read says the same.
        let lag = group.lag.unwrap_or(group.length.abs_diff(group.read));
        if group.read != group.length || group.pending != 0 || lag != 0 {
            violations.push(Violation::of_pipeline(format!(
                "the stream {} has {} entries, of which {} were read; {} are pending, {lag} are still to be read",
                group.stream, group.length, group.read, group.pending
            )));
        }
    }
    let held: u64 = groups.iter().map(|group| group.length).sum();
    if held != history.ledger.len() as u64 {
        let what = format!("the source holds {held} entries and the ledger {}", history.ledger.len());
        violations.push(Violation::of_pipeline(what));
    }
    violations
}

fn acknowledgements<'a>(history: &History<'_>) -> Vec<Violation<'a>> {
    let mut violations = Vec::new();
    for (&entry, acks) in &history.acks {
        if !history.ledger.contains_key(&entry) && !history.forgotten.contains_key(&entry) {
            let what = format!("{entry} was acknowledged by {} and never sent", acks[0].host);
            violations.push(Violation::of_entry(entry, what));
        }
        if let Some(pair) = acks.windows(2).find(|pair| !repeated_for_a_reason(history, pair[0], pair[1])) {
            let what = format!(
                "{entry} was acknowledged by {} and then by {}, and no fault explains it",
                pair[0].host, pair[1].host
            );
            violations.push(Violation::of_entry(entry, what));
        }
    }
    violations
}

/// A host that did not get the reply asks again, and the server confirms again what the same attempt had done: any
/// fault that can have struck that host's connections explains it. Another host is only ever told that the entry is
/// gone, unless the server has forgotten the first acknowledgement, and only a failover makes it forget what it
/// confirmed. A fault that lasts may have begun before the first of the two.
fn repeated_for_a_reason(history: &History<'_>, first: &Ack, second: &Ack) -> bool {
    let since = first.ms.saturating_sub(history.evidence.run.settle_bound_ms);
    let mut faults = history.evidence.faults.iter().filter(|fault| (since..=second.ms).contains(&fault.ms));
    match first.host == second.host {
        true => faults.any(|fault| fault.strikes(&first.host)),
        false => faults.any(|fault| fault.fault == "failover"),
    }
}

fn ends<'a>(summary: &Summary) -> Option<Violation<'a>> {
    let ended: u64 = summary.ends.values().sum();
    let what = || format!("{} read {} deliveries, and {ended} of them ended", summary.host, summary.read);
    (ended != summary.read).then(|| Violation::of_pipeline(what()))
}

/// Hosts that were at work when no fault struck any more, and did not end in order. A control's hosts may be of any kind.
fn uncounted<'a>(history: &History<'_>, summaries: &[&Summary]) -> Vec<Violation<'a>> {
    if history.evidence.run.control.is_some() {
        return Vec::new();
    }
    let is_tail = |ack: &Ack| history.ledger.get(&ack.entry).is_some_and(|sent| sent.phase == Phase::Tail);
    let at_work: BTreeSet<&str> =
        history.acks.values().flatten().filter(|ack| is_tail(ack)).map(|ack| ack.host.as_str()).collect();
    let counted = |host: &str| summaries.iter().any(|summary| summary.host == host);
    let kills = |host: &str, fault: &Fault| fault.fault == "kill" && fault.strikes(host);
    let killed = |host: &str| history.evidence.faults.iter().any(|fault| kills(host, fault));
    let lost = at_work.into_iter().filter(|host| !counted(host) && !killed(host));
    lost.map(|host| Violation::of_pipeline(format!("{host} did not end in order, and nobody killed it")))
        .collect()
}
