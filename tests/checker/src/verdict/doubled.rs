//! Nothing happens twice, except where a fault explains it.

use crate::history::{Copy, History};
use crate::row::{Row, Violation};

/// Inside the transaction each effect is there once. Outside it, each further copy needs a fault that struck between
/// the effect and its mark.
pub fn row(history: &History<'_>) -> Row {
    if history.pipeline.transaction { inside(history) } else { outside(history) }
}

fn inside(history: &History<'_>) -> Row {
    let doubled = history.effects.iter().filter(|(_, copies)| copies.len() > 1);
    let what = |id: &str, copies: usize| format!("the effect {id} is there {copies} times");
    let violations: Vec<Violation<'_>> =
        doubled.map(|(id, copies)| Violation::of_effect(id, what(id, copies.len()))).collect();
    let found = format!("{} doubled of {} effects", violations.len(), history.effects.len());
    Row::of("doubled in the transaction", history, found, &violations)
}

fn outside(history: &History<'_>) -> Row {
    let (mut violations, mut explained) = (Vec::new(), 0);
    for (id, copies) in history.effects.iter().filter(|(_, copies)| copies.len() > 1) {
        if history.explained(id, copies.iter().map(|effect| Copy { at: effect.at, unclaimed: false })) {
            explained += 1;
        } else {
            let what =
                format!("the effect {id} is there {} times, and too few faults explain it", copies.len());
            violations.push(Violation::of_effect(id, what));
        }
    }
    let found = format!(
        "{} unexplained and {explained} explained of {} effects",
        violations.len(),
        history.effects.len()
    );
    Row::of("doubled outside it", history, found, &violations)
}
