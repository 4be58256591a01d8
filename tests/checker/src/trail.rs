//! Everything that the evidence has on one effect or one entry, in the order of time.

use std::collections::BTreeSet;

use crate::entry_id::EntryId;
use crate::evidence::{Fault, Sent};
use crate::history::History;
use crate::row::About;

/// How many faults are told that happened meanwhile and may have nothing to do with it.
const MEANWHILE: usize = 20;

/// The entries and the effects that belong together, because one event made them.
#[derive(Default)]
struct Kin<'a> {
    sent: Vec<&'a Sent>,
    entries: BTreeSet<EntryId>,
    effects: BTreeSet<&'a str>,
}

impl<'a> Kin<'a> {
    fn of(history: &History<'a>, about: About<'a>) -> Self {
        let mut kin = Self::default();
        let names = |sent: &Sent| match about {
            About::Effect(id) => sent.expect.iter().any(|expected| expected == id),
            About::Entry(entry) => sent.entry == entry,
            About::Pipeline => false,
        };
        let events: BTreeSet<&str> =
            history.ever_sent().filter(|sent| names(sent)).map(|sent| sent.event.as_str()).collect();
        for sent in history.ever_sent().filter(|sent| events.contains(sent.event.as_str())) {
            kin.sent.push(sent);
            kin.entries.insert(sent.entry);
            kin.effects.extend(sent.expect.iter().map(String::as_str));
        }
        match about {
            About::Effect(id) => kin.effects.extend([id]),
            About::Entry(entry) => kin.entries.extend([entry]),
            About::Pipeline => {}
        }
        kin
    }

    fn is_held_in(&self, fault: &Fault) -> bool {
        self.entries.iter().any(|entry| fault.held.contains(&entry.to_string()))
    }

    fn is_unmarked_in(&self, fault: &Fault) -> bool {
        let ours = |id: &String| {
            self.effects.contains(id.as_str()) || self.entries.iter().any(|entry| entry.to_string() == *id)
        };
        fault.unmarked.iter().any(ours)
    }
}

/// A line for each thing that happened.
pub fn of<'a>(history: &History<'a>, about: About<'a>) -> Vec<String> {
    let kin = Kin::of(history, about);
    let mut events = own(history, &kin);
    let begin = events.iter().map(|(ms, _)| *ms).min();
    let end = events.iter().map(|(ms, _)| *ms).max();
    let (Some(begin), Some(end)) = (begin, end) else { return Vec::new() };
    let more = meanwhile(history, &kin, begin..=end, &mut events);
    events.sort();
    let line =
        |(ms, what): &(u64, String)| format!("{ms} {:+} ms  {what}", i128::from(*ms) - i128::from(begin));
    let mut lines: Vec<String> = events.iter().map(line).collect();
    if more > 0 {
        lines.push(format!("and {more} more faults in that time"));
    }
    lines
}

/// What was sent, what it did, and how it was acknowledged.
fn own(history: &History<'_>, kin: &Kin<'_>) -> Vec<(u64, String)> {
    let mut events = Vec::new();
    for sent in &kin.sent {
        let fate = match (sent.dead, sent.mismatch) {
            (_, true) => ", must die as a mismatch",
            (true, false) => ", must die",
            (false, false) => "",
        };
        let forgotten =
            if history.forgotten.contains_key(&sent.entry) { ", forgotten by a failover" } else { "" };
        let what =
            format!("sent as {} in the {}: event {}{fate}{forgotten}", sent.entry, sent.phase, sent.event);
        events.push((sent.entry.ms, what));
    }
    for effect in kin.effects.iter().filter_map(|id| history.effects.get(id)).flatten() {
        let what = format!("effect {} at {}, carries {:?}", effect.id, effect.at, effect.payload);
        events.push((effect.at.ms, what));
    }
    for letter in kin.entries.iter().filter_map(|entry| history.dead.get(entry)).flatten() {
        let event = letter.event.as_deref().unwrap_or("unknown");
        let what =
            format!("dead letter of {} at {}: event {event}: {}", letter.entry, letter.at, letter.reason);
        events.push((letter.at.ms, what));
    }
    for ack in kin.entries.iter().filter_map(|entry| history.acks.get(entry)).flatten() {
        events.push((ack.ms, format!("{} acknowledged by {}", ack.entry, ack.host)));
    }
    events
}

/// The faults of that time, and those that say that it was unmarked whenever they were. How many are left out.
fn meanwhile(
    history: &History<'_>,
    kin: &Kin<'_>,
    time: std::ops::RangeInclusive<u64>,
    events: &mut Vec<(u64, String)>,
) -> usize {
    let (concern, others): (Vec<&Fault>, Vec<&Fault>) =
        history.evidence.faults.iter().partition(|fault| kin.is_unmarked_in(fault) || kin.is_held_in(fault));
    let how = |fault: &Fault| if kin.is_unmarked_in(fault) { "unmarked" } else { "held" };
    let concerns = |fault: &&Fault| (fault.ms, format!("{}, this was {}", told(fault), how(fault)));
    events.extend(concern.iter().map(concerns));
    let others: Vec<&Fault> = others.into_iter().filter(|fault| time.contains(&fault.ms)).collect();
    events.extend(others.iter().take(MEANWHILE).map(|fault| (fault.ms, told(fault))));
    others.len().saturating_sub(MEANWHILE)
}

fn told(fault: &Fault) -> String {
    let host = fault.host.map(|number| format!(" of h{number}")).unwrap_or_default();
    let gate = fault.gate.as_ref().map(|gate| format!(" {gate}")).unwrap_or_default();
    let pipeline = fault.pipeline.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    format!("fault: {}{host}{gate}{pipeline}", fault.fault)
}
