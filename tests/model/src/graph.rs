//! The states that can be reached, and how.

use crate::intern::{Packed, Parts, hash};
use crate::state::State;

const NONE: u32 = u32::MAX;

/// All states that were met, in the order of their distance from the first.
#[derive(Debug)]
pub struct Graph {
    parts: Parts,
    states: Vec<Packed>,
    /// From which state each was met first.
    from: Vec<u32>,
    /// Numbers of states, by their hash; half of it at most is used.
    table: Vec<u32>,
    /// Where each state's steps in the protocol's own course begin in `course`.
    begins: Vec<u64>,
    course: Vec<u32>,
}

impl Graph {
    /// One that knows no state.
    pub fn new() -> Self {
        Self {
            parts: Parts::new(),
            states: Vec::new(),
            from: Vec::new(),
            table: vec![NONE; 1 << 16],
            begins: vec![0],
            course: Vec::new(),
        }
    }

    /// How many states are known.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether no state is known.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// A state by its number.
    pub fn state(&self, number: usize) -> State {
        self.parts.unpack(&self.states[number])
    }

    /// Adds a state that was met from another one, if it is not known. Its number, and whether it is new.
    pub fn add(&mut self, state: &State, from: Option<(usize, &State)>) -> (usize, bool) {
        let near = from.map(|(number, state)| (state, &self.states[number]));
        let packed = self.parts.pack(state, near);
        if self.states.len() * 2 >= self.table.len() {
            self.grow();
        }
        let place = match self.find(&packed) {
            Ok(number) => return (number, false),
            Err(place) => place,
        };
        let number = self.states.len();
        self.table[place] = number as u32;
        self.states.push(packed);
        self.from.push(from.map_or(NONE, |(from, _)| from as u32));
        (number, true)
    }

    /// The number of a state that is known, or the place in the table where it would be.
    fn find(&self, packed: &Packed) -> Result<usize, usize> {
        let mask = self.table.len() - 1;
        let mut place = hash(packed) as usize & mask;
        loop {
            match self.table[place] {
                NONE => return Err(place),
                number if self.states[number as usize] == *packed => return Ok(number as usize),
                _ => place = (place + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        self.table = vec![NONE; size];
        for number in 0..self.states.len() {
            let mut place = hash(&self.states[number]) as usize & (size - 1);
            while self.table[place] != NONE {
                place = (place + 1) & (size - 1);
            }
            self.table[place] = number as u32;
        }
    }

    /// Notes where the steps in the protocol's own course lead from the next state, in the order of the numbers.
    pub fn note_course(&mut self, to: &[u32]) {
        self.course.extend(to);
        self.begins.push(self.course.len() as u64);
    }

    /// Where those of a state lead.
    pub fn course_of(&self, number: usize) -> &[u32] {
        let (begin, end) = (self.begins[number] as usize, self.begins[number + 1] as usize);
        &self.course[begin..end]
    }

    /// The states on the shortest way to this one, from the first.
    pub fn way_to(&self, number: usize) -> Vec<State> {
        let mut way = vec![number as u32];
        while let Some(&last) = way.last()
            && self.from[last as usize] != NONE
        {
            way.push(self.from[last as usize]);
        }
        way.iter().rev().map(|number| self.state(*number as usize)).collect()
    }
}

impl Default for Graph {
    fn default() -> Self {
        Self::new()
    }
}
