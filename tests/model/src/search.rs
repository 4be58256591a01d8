//! Breadth first through every state that can be reached. What is broken first is broken by a shortest history.

use std::time::{Duration, Instant};

use crate::canonical::{canonical, plain};
use crate::config::Config;
use crate::graph::Graph;
use crate::invariants::{self, Broken};
use crate::liveness;
use crate::moves::{Kind, Move};
use crate::state::State;
use crate::step::{Next, successors};

/// What came of a search.
#[derive(Debug)]
pub struct Found {
    /// How many states were met.
    pub states: usize,
    /// How many steps were taken from them.
    pub transitions: u64,
    /// The length of the longest shortest history.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// How often each kind of thing happened.
    pub counts: Counts,
    /// What does not hold, and how it comes to be.
    pub violation: Option<Violation>,
}

/// How often each kind of thing happened.
#[derive(Debug, Clone)]
pub struct Counts(Vec<u64>);

impl Counts {
    /// Nothing happened.
    pub fn none() -> Self {
        Self(vec![0; Kind::ALL.len()])
    }

    /// How often this did.
    pub fn of(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// All that happened in another search, too.
    pub fn add(&mut self, other: &Counts) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum += more);
    }
}

/// What does not hold, and its shortest history.
#[derive(Debug)]
pub struct Violation {
    /// What.
    pub broken: Broken,
    /// What happened, in its order.
    pub history: Vec<Move>,
}

/// Searches a world through: first for what must never be, then for what must always be able to end.
pub fn search(config: &Config) -> Found {
    let began = Instant::now();
    let mut graph = Graph::new();
    let mut found = Found {
        states: 0,
        transitions: 0,
        depth: 0,
        took: Duration::ZERO,
        counts: Counts::none(),
        violation: None,
    };
    let broken = explore(config, &mut graph, &mut found);
    found.violation = broken.or_else(|| {
        let stuck = liveness::first_stuck(&graph)?;
        let history = history(config, &graph.way_to(stuck), None);
        Some(Violation { broken: Broken::Stuck, history })
    });
    found.states = graph.len();
    found.took = began.elapsed();
    found
}

fn explore(config: &Config, graph: &mut Graph, found: &mut Found) -> Option<Violation> {
    let mut first = State::first(config);
    canonical(config, &mut first);
    graph.add(&first, None);
    let (mut next, mut nexts, mut course) = (0, Vec::new(), Vec::new());
    let mut level_ends = 1;
    while next < graph.len() {
        let state = graph.state(next);
        successors(config, &state, &mut nexts);
        course.clear();
        for Next { happens, state: mut after } in nexts.drain(..) {
            found.transitions += 1;
            found.counts.0[happens.kind as usize] += 1;
            let step = invariants::of_step(config, &state, happens, &after);
            canonical(config, &mut after);
            let (number, new) = graph.add(&after, Some((next, &state)));
            if let Some(broken) =
                step.or_else(|| if new { invariants::of_state(config, &after) } else { None })
            {
                let mut way = graph.way_to(next);
                way.push(after);
                let history = history(config, &way, Some(happens.kind));
                return Some(Violation { broken, history });
            }
            if happens.kind.is_course() {
                course.push(number as u32);
            }
        }
        graph.note_course(&course);
        next += 1;
        if next == level_ends && next < graph.len() {
            found.depth += 1;
            level_ends = graph.len();
        }
    }
    None
}

/// What happened between states that follow each other; in the last step this, if it is said. The states on the way have
/// their workers in an order of their own: here each keeps its number.
fn history(config: &Config, way: &[State], last: Option<Kind>) -> Vec<Move> {
    let (mut nexts, mut history) = (Vec::new(), Vec::new());
    let mut now = State::first(config);
    for (number, wanted) in way.iter().enumerate().skip(1) {
        successors(config, &now, &mut nexts);
        let kind = last.filter(|_| number + 1 == way.len());
        let found = nexts.iter().find_map(|next| {
            let (mut after, mut in_order) = (next.state, next.state);
            canonical(config, &mut in_order);
            plain(config, &mut after);
            let is_it = in_order == *wanted && kind.is_none_or(|kind| kind == next.happens.kind);
            is_it.then_some((next.happens, after))
        });
        let Some((happens, after)) = found else { break };
        history.push(happens);
        now = after;
    }
    history
}
