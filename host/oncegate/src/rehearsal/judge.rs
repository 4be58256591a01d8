//! What is wrong with what became of a message, if anything is.

use std::collections::BTreeSet;

use oncegate_dedup::Sighting;

use super::call::Call;
use super::delivery::{Delivery, is_dead, is_duplicate};
use super::effect::Effect;
use super::expectation::Expectation;
use crate::summary::{ENDS, End};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Of which kind.
    pub kind: FaultKind,
    /// In words.
    pub what: String,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Its effect happened in more than one delivery.
    Twice,
    /// Its effect never happened, although the handler once made it.
    Missing,
    /// The handler made another effect when it ran again.
    Differs,
    /// It was given up, and the handler did not reject it.
    Dead,
    /// It is not what its line expects.
    Unexpected,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Twice, Self::Missing, Self::Differs, Self::Dead, Self::Unexpected];

    /// What it is called in a report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Twice => "twice",
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::Dead => "dead",
            Self::Unexpected => "unexpected",
        }
    }
}

/// Names what is wrong. `is_elsewhere` says whether another message has committed a key.
pub fn faults(
    deliveries: &[Delivery],
    expect: Option<&Expectation>,
    is_elsewhere: &dyn Fn(&str) -> bool,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add = |kind, what: Option<String>| faults.extend(what.map(|what| Fault { kind, what }));
    let twice = twice(deliveries);
    let is_twice = twice.is_some();
    add(FaultKind::Twice, twice);
    if !is_twice {
        add(FaultKind::Differs, differs(deliveries));
    }
    add(FaultKind::Missing, missing(deliveries, is_elsewhere));
    if expect.is_none_or(|expect| expect.end.is_none()) {
        add(FaultKind::Dead, given_up(deliveries));
    }
    for unmet in expect.map(|expect| expect.unmet(deliveries)).unwrap_or_default() {
        add(FaultKind::Unexpected, Some(unmet));
    }
    faults
}

/// How a message ended: in the delivery that had its effect, or else in the first that came to an end.
pub fn end(deliveries: &[Delivery]) -> Option<(&Delivery, End)> {
    let ended = || deliveries.iter().filter_map(|delivery| delivery.end.map(|end| (delivery, end)));
    ended().find(|(_, end)| matches!(end, End::Applied | End::Unkeyed)).or_else(|| ended().next())
}

/// What an end is called, here and in an expectation.
pub fn end_word(end: End) -> String {
    match is_duplicate(end) {
        true => "duplicate".to_owned(),
        false => ENDS[end as usize].2.replace('_', "-"),
    }
}

/// The calls that returned `ok` and made an effect, with the numbers of their deliveries.
fn effective(deliveries: &[Delivery]) -> impl Iterator<Item = (usize, &Call)> {
    let numbered = (1..).zip(deliveries);
    let calls = numbered.flat_map(|(number, delivery)| delivery.calls.iter().map(move |call| (number, call)));
    calls.filter(|(_, call)| call.is_ok() && call.has_effect())
}

fn twice(deliveries: &[Delivery]) -> Option<String> {
    let mut applied = deliveries.iter().enumerate().filter(|(_, delivery)| delivery.is_applied());
    let ((first, earlier), (second, later)) = (applied.next()?, applied.next()?);
    let why = match (earlier.last_call().map(Effect::of), later.last_call().map(Effect::of)) {
        (Some(earlier), Some(later)) => why_twice((first + 1, &earlier), (second + 1, &later)),
        _ => DEFECT.to_owned(),
    };
    let more = applied.count();
    let more = if more > 0 { format!(", and in {more} more") } else { String::new() };
    let (first, second) = (first + 1, second + 1);
    Some(format!("its effect happened in delivery {first} and again in delivery {second}{more}: {why}"))
}

const DEFECT: &str = "the gate let it pass twice, which is a defect of oncegate";

fn why_twice((first, earlier): (usize, &Effect<'_>), (second, later): (usize, &Effect<'_>)) -> String {
    if later.is_unkeyed() {
        return "no key covers it: ask seen(key) first, make the effect only if the key is new, and commit(key) with \
                it"
        .to_owned();
    }
    if let Some(key) = later.uncommitted() {
        return format!("its key {key} was claimed and never committed: commit it with the effect");
    }
    let before: BTreeSet<&str> = earlier.committed().collect();
    let other = later.committed().find(|key| !before.contains(key));
    match (before.first(), other) {
        (Some(before), Some(other)) => format!(
            "delivery {first} committed the key {before}, delivery {second} the key {other}: a key has to come from \
             the event itself and be the same in every delivery of it"
        ),
        _ => DEFECT.to_owned(),
    }
}

fn differs(deliveries: &[Delivery]) -> Option<String> {
    let mut calls = effective(deliveries);
    let (number, first) = calls.next()?;
    let first = Effect::of(first);
    let difference = |(later_number, call): (usize, &Call)| {
        // What another message has done meanwhile is not for this one to do.
        let is_done = |key: &&str| {
            call.keys.iter().any(|asked| asked.name == **key && !matches!(asked.told, Ok(Sighting::New)))
        };
        let duplicates: BTreeSet<&str> = first.committed().filter(is_done).collect();
        let difference =
            first.clone().without(&|key| duplicates.contains(key)).difference(&Effect::of(call))?;
        Some((later_number, difference))
    };
    let (later_number, difference) = calls.find_map(difference)?;
    Some(format!(
        "the handler gives other outputs on its second run (delivery {number}, then delivery {later_number}): \
         {difference}; after a crash a reader may meet either, so make them from the message alone (a clock or random \
         numbers in them: grants.clock_frozen, grants.random_seed)"
    ))
}

fn missing(deliveries: &[Delivery], is_elsewhere: &dyn Fn(&str) -> bool) -> Option<String> {
    let (last, last_end) =
        deliveries.iter().rev().find_map(|delivery| delivery.end.map(|end| (delivery, end)))?;
    if is_dead(last_end) || deliveries.iter().any(Delivery::is_applied) {
        return None;
    }
    let (number, first) = effective(deliveries).next()?;
    let found = last.last_call().into_iter().flat_map(|call| &call.keys);
    let found = found.filter(|key| matches!(key.told, Ok(Sighting::Duplicate(_))));
    let found: BTreeSet<&str> = found.map(|key| key.name.as_str()).collect();
    let effect = Effect::of(first).without(&|key| found.contains(key) || is_elsewhere(key));
    if effect.is_empty() {
        return None;
    }
    Some(format!(
        "{} of delivery {number} never happened: its host died before the settle, and no later delivery made it \
         again; the handler has to do the same in every delivery until seen(key) says duplicate",
        effect.described()
    ))
}

fn given_up(deliveries: &[Delivery]) -> Option<String> {
    let (_, end) = end(deliveries)?;
    let why = match end {
        End::EffectWithoutCommit => {
            "an output without the commit of its key would come again with every further delivery, so nothing is \
             applied: ask seen(key), emit if the key is new, and commit(key) before you return"
        }
        End::AttemptsUsedUp => "the handler failed as often as it may, and nobody tries again",
        End::Mismatch => {
            "two messages with one key and other payloads are not the same event: give each event a key of its own, or \
             say with --fingerprint what makes two of them the same"
        }
        End::Rejected => return None,
        end if is_dead(end) => "it is given up, although the handler did not reject it",
        _ => return None,
    };
    Some(why.to_owned())
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
