//! Whoever is alive in the end works: the last five messages of each consumer are done in time.

use crate::evidence::{Ack, Phase};
use crate::history::History;
use crate::row::{Row, Violation};

/// How many messages at the end each consumer must have.
const LAST: usize = 5;

/// The last five of each consumer that lived to the end, as far as they were sent after all faults, were acknowledged
/// within the bound from being sent. That there *are* five is a matter of the run being no empty one: see [`missing`].
pub fn row(history: &History<'_>) -> Row {
    let bound = history.evidence.run.settle_bound_ms;
    let (mut violations, mut slowest, mut judged) = (Vec::new(), 0, 0);
    let consumers = alive(history);
    for host in &consumers {
        for ack in of_the_tail(history, host).into_iter().rev().take(LAST) {
            let took = ack.ms.saturating_sub(ack.entry.ms);
            slowest = slowest.max(took);
            judged += 1;
            if took > bound {
                let what = format!(
                    "{} took {took} ms until {host} had it done; at most {bound} is right",
                    ack.entry
                );
                violations.push(Violation::of_entry(ack.entry, what));
            }
        }
    }
    let found =
        format!("{judged} messages of {} consumers, the slowest in {slowest} ms of {bound}", consumers.len());
    Row::of("last five of each", history, found, &violations)
}

/// What the run lacks for this to have been tried: five messages for each consumer, and a consumer.
pub fn missing(history: &History<'_>) -> Vec<String> {
    let name = &history.pipeline.name;
    let consumers = alive(history);
    if consumers.is_empty() {
        return vec![format!("a host of `{name}` that lives to the end")];
    }
    let count = |host: &str| of_the_tail(history, host).len();
    let idle = consumers.iter().filter(|host| count(host) < LAST);
    idle.map(|host| format!("five last messages for {host} of `{name}` (it had {})", count(host))).collect()
}

/// The consumers that lived to the end: those that ended in order, and not before the tail.
fn alive<'a>(history: &History<'a>) -> Vec<&'a str> {
    let ours = history.evidence.summaries.iter().filter(|summary| summary.pipeline == history.pipeline.name);
    ours.filter(|summary| !summary.early).map(|summary| summary.host.as_str()).collect()
}

/// What a consumer acknowledged of the messages that were sent last, in time.
fn of_the_tail<'a>(history: &History<'a>, host: &str) -> Vec<&'a Ack> {
    let is_tail = |ack: &Ack| history.ledger.get(&ack.entry).is_some_and(|sent| sent.phase == Phase::Tail);
    let all = history.acks.values().flatten().copied();
    let mut acks: Vec<&Ack> = all.filter(|ack| ack.host == host && is_tail(ack)).collect();
    acks.sort_by_key(|ack| ack.ms);
    acks
}
