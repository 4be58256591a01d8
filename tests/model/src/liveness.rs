//! Whether everything can always come to an end.
//!
//! Told on the graph of all states: from every state that can be reached, whatever went wrong before, the protocol's own
//! course (no further fault, no failing handler, no operator) must lead to a state where every message is done, nobody is
//! at anything and no key is claimed. So no key stays claimed for ever, and two deliveries that take two keys in opposite
//! order both make progress. That a way exists, rather than that every way ends, is what can be asked for: deliveries
//! that put each other off are drawn apart by chance (full jitter), which no search through all possible orders knows of.

use crate::graph::Graph;

/// The first state from which nothing leads to an end.
pub fn first_stuck(graph: &Graph) -> Option<usize> {
    let mut ends: Vec<bool> = (0..graph.len()).map(|number| graph.state(number).is_settled()).collect();
    // States lead mostly to later ones, so that a round from the last to the first finds nearly all.
    loop {
        let mut changed = false;
        for number in (0..graph.len()).rev() {
            if !ends[number] && graph.course_of(number).iter().any(|to| ends[*to as usize]) {
                ends[number] = true;
                changed = true;
            }
        }
        if !changed {
            return ends.iter().position(|ends| !ends);
        }
    }
}
