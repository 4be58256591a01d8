//! Everything that can happen next.

use crate::config::Config;
use crate::moves::{Kind, Move};
use crate::state::State;
use crate::{fault, handler, operator, ordered, settle, source, time};

/// Something that can happen, and the world afterwards.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    /// What happens.
    pub happens: Move,
    /// The world afterwards, not yet made [canonical](crate::canonical).
    pub state: State,
}

/// A world, and what can happen in it.
#[derive(Debug)]
pub struct Steps<'a> {
    /// What kind of world it is.
    pub config: &'a Config,
    /// As it is now.
    pub now: &'a State,
    found: &'a mut Vec<Next>,
}

impl Steps<'_> {
    /// This can happen, and changes the world so.
    pub fn can(&mut self, kind: Kind, who: usize, what: usize, change: impl FnOnce(&mut State)) {
        let mut state = *self.now;
        change(&mut state);
        self.found.push(Next { happens: Move { kind, who: who as u8, what: what as u8 }, state });
    }
}

/// Finds everything that can happen next.
pub fn successors(config: &Config, now: &State, found: &mut Vec<Next>) {
    found.clear();
    let mut steps = Steps { config, now, found };
    source::steps(&mut steps);
    for worker in 0..config.workers() {
        if now.is_awake(config, worker) {
            handler::steps(&mut steps, worker);
            settle::steps(&mut steps, worker);
            ordered::steps(&mut steps, worker);
        }
    }
    time::steps(&mut steps);
    operator::steps(&mut steps);
    fault::steps(&mut steps);
}
