//! What must die does, once, and nothing else.

use std::collections::BTreeMap;

use crate::entry_id::EntryId;
use crate::evidence::{DeadLetter, Sent};
use crate::history::{Copy, History};
use crate::row::{Row, Violation};

/// Each entry that must die has one dead letter, and no other entry has any.
///
/// Each *entry*, not each event: a delivery that meets a key that another delivery gave up is a dead letter, too. A
/// repeated dead letter is judged like a doubled effect.
pub fn row(history: &History<'_>) -> Row {
    let mut violations = Vec::new();
    let (mut explained, mut of_forgotten) = (0, 0);
    for sent in history.not_dead() {
        let what = format!("{} (event {}) must be a dead letter and is none", sent.entry, sent.event);
        violations.push(Violation::of_entry(sent.entry, what));
    }
    for (&entry, copies) in &history.dead {
        let expected = may_die(&history.ledger, entry);
        let forgotten = !history.pipeline.transaction && may_die(&history.forgotten, entry);
        of_forgotten += usize::from(forgotten);
        if !expected && !forgotten {
            let what = format!("nobody expects the dead letter of {entry}: {}", reasons(copies));
            violations.push(Violation::of_entry(entry, what));
        } else if copies.len() > 1 {
            let copy = |letter: &&DeadLetter| Copy { at: letter.at, unclaimed: letter.is_unclaimed() };
            if !history.pipeline.transaction && history.explained(&entry.to_string(), copies.iter().map(copy))
            {
                explained += 1;
            } else {
                let what = format!("{entry} has {} dead letters: {}", copies.len(), reasons(copies));
                violations.push(Violation::of_entry(entry, what));
            }
        }
    }
    let found = format!(
        "{} wrong of {}, {explained} doubled and explained, {of_forgotten} of forgotten input",
        violations.len(),
        history.dead.len()
    );
    Row::of("dead letters", history, found, &violations)
}

fn may_die(entries: &BTreeMap<EntryId, &Sent>, entry: EntryId) -> bool {
    entries.get(&entry).is_some_and(|sent| sent.condemned())
}

fn reasons(copies: &[&DeadLetter]) -> String {
    let mut reasons: Vec<&str> = copies.iter().map(|letter| letter.reason.as_str()).collect();
    reasons.dedup();
    reasons.join(" / ")
}
