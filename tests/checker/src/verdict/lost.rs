//! Nothing is lost: what was sent has had its effect, or died if it had to.

use crate::history::History;
use crate::row::{Row, Violation};

/// Each effect that an entry of the ledger must have is there, and each entry that must die has its dead letter.
pub fn row(history: &History<'_>) -> Row {
    let wanted = History::wanted(&history.ledger);
    let missing = wanted.keys().filter(|id| !history.effects.contains_key(*id));
    let mut violations: Vec<Violation<'_>> =
        missing.map(|id| Violation::of_effect(id, format!("the effect {id} is not there"))).collect();
    for sent in history.not_dead() {
        let what = format!("{} (event {}) must be a dead letter and is none", sent.entry, sent.event);
        violations.push(Violation::of_entry(sent.entry, what));
    }
    let condemned = history.ledger.values().filter(|sent| sent.condemned()).count();
    let found = format!(
        "{} lost of {} effects and {condemned} dead letters that {} entries must have",
        violations.len(),
        wanted.len(),
        history.ledger.len()
    );
    Row::of("lost", history, found, &violations)
}
