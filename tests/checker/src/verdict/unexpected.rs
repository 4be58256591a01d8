//! Nothing is there that nobody sent: no effect of its own making, none of what had to die, none that carries something else.

use std::collections::BTreeSet;

use crate::evidence::Effect;
use crate::history::History;
use crate::row::{Row, Violation};

/// Each effect is one that some entry must have, carries what it must, and equals its copies.
///
/// A failover may have forgotten an entry whose effect is out already. That is allowed where effects are outside the
/// transaction, and counted; inside, entry and effect are forgotten together.
pub fn row(history: &History<'_>) -> Row {
    let wanted = History::wanted(&history.ledger);
    let forgotten = History::wanted(&history.forgotten);
    let (mut violations, mut of_forgotten) = (Vec::new(), 0);
    for (id, copies) in &history.effects {
        let payloads = match (wanted.get(id), forgotten.get(id)) {
            (Some(payloads), _) => Some(payloads),
            (None, Some(payloads)) if !history.pipeline.transaction => {
                of_forgotten += 1;
                Some(payloads)
            }
            (None, _) => None,
        };
        if let Some(what) = wrong(id, copies, payloads, forgotten.contains_key(id)) {
            violations.push(Violation::of_effect(id, what));
        }
    }
    let found = format!(
        "{} unexpected of {} effects, {of_forgotten} of forgotten input",
        violations.len(),
        history.effects.len()
    );
    Row::of("unexpected", history, found, &violations)
}

/// What is wrong with an effect that has these copies.
fn wrong(
    id: &str,
    copies: &[&Effect],
    payloads: Option<&BTreeSet<&str>>,
    is_forgotten: bool,
) -> Option<String> {
    let Some(payloads) = payloads else {
        return Some(match is_forgotten {
            true => format!("the effect {id} is there and its entry was forgotten: they share a transaction"),
            false => format!("nobody expects the effect {id}"),
        });
    };
    let carried: BTreeSet<&str> = copies.iter().map(|copy| copy.payload.as_str()).collect();
    if carried.len() > 1 {
        return Some(format!("the copies of {id} differ: {carried:?}"));
    }
    let strange = carried.iter().find(|payload| !payloads.is_empty() && !payloads.contains(*payload))?;
    Some(format!("{id} carries {strange:?} where {payloads:?} was sent"))
}
