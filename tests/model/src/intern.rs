//! States in little room: each part of a state is kept once, and a state is the numbers of its parts.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::config::{KEYS, WORKERS};
use crate::record::Record;
use crate::state::{Around, Broker, Host, Server, Sink, State, Worker};

/// How many numbers a state is.
pub const PARTS: usize = 2 * SERVER_PARTS + 1 + 2 * WORKERS;
const SERVER_PARTS: usize = KEYS + 2;

/// A state as numbers.
pub type Packed = [u16; PARTS];

/// Fast, and good enough for tables that nobody attacks.
#[derive(Debug, Default, Clone, Copy)]
pub struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        // The lower bits of a product are the weaker ones.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_isize(&mut self, value: isize) {
        self.mix(value as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }
}

/// Each value once, with a number.
#[derive(Debug)]
struct Table<T> {
    numbers: HashMap<T, u16, BuildHasherDefault<Mixer>>,
    values: Vec<T>,
}

impl<T: Copy + Eq + Hash> Table<T> {
    fn new() -> Self {
        Self { numbers: HashMap::default(), values: Vec::new() }
    }

    fn number(&mut self, value: T) -> u16 {
        *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            // Thousands of different parts make millions of states; should there ever be too many, it is said.
            let number = u16::try_from(self.values.len() - 1);
            assert!(number.is_ok(), "more different parts than a state has room to name");
            number.unwrap_or_default()
        })
    }

    fn value(&self, number: u16) -> T {
        self.values[usize::from(number)]
    }
}

/// The parts of all states that were met.
#[derive(Debug)]
pub struct Parts {
    records: Table<Option<Record>>,
    brokers: Table<Option<Broker>>,
    sinks: Table<Option<Sink>>,
    arounds: Table<Around>,
    workers: Table<Worker>,
    hosts: Table<Host>,
}

impl Parts {
    /// None yet.
    pub fn new() -> Self {
        Self {
            records: Table::new(),
            brokers: Table::new(),
            sinks: Table::new(),
            arounds: Table::new(),
            workers: Table::new(),
            hosts: Table::new(),
        }
    }

    /// A state as the numbers of its parts. Most of them are those of the state that it came from, which needs no look
    /// into a table.
    pub fn pack(&mut self, state: &State, from: Option<(&State, &Packed)>) -> Packed {
        let mut packed = from.map_or([0; PARTS], |(_, packed)| *packed);
        let from = from.map(|(state, _)| state);
        let (servers, befores) = (
            [Some(&state.server), state.replica.as_ref()],
            [from.map(|from| Some(&from.server)), from.map(|from| from.replica.as_ref())],
        );
        for (number, (server, before)) in servers.into_iter().zip(befores).enumerate() {
            if before == Some(server) {
                continue;
            }
            let first = number * SERVER_PARTS;
            for key in 0..KEYS {
                packed[first + key] = self.records.number(server.and_then(|server| server.records[key]));
            }
            packed[first + KEYS] = self.brokers.number(server.map(|server| server.broker));
            packed[first + KEYS + 1] = self.sinks.number(server.map(|server| server.sink));
        }
        let rest = 2 * SERVER_PARTS;
        if from.is_none_or(|from| from.around != state.around) {
            packed[rest] = self.arounds.number(state.around);
        }
        for number in 0..WORKERS {
            if from.is_none_or(|from| from.workers[number] != state.workers[number]) {
                packed[rest + 1 + number] = self.workers.number(state.workers[number]);
            }
            if from.is_none_or(|from| from.hosts[number] != state.hosts[number]) {
                packed[rest + 1 + WORKERS + number] = self.hosts.number(state.hosts[number]);
            }
        }
        packed
    }

    /// The state with these parts.
    pub fn unpack(&self, packed: &Packed) -> State {
        let server = |from: usize| {
            let records = std::array::from_fn(|key| self.records.value(packed[from + key]));
            let broker = self.brokers.value(packed[from + KEYS])?;
            let sink = self.sinks.value(packed[from + KEYS + 1])?;
            Some(Server { records, broker, sink })
        };
        let rest = 2 * SERVER_PARTS;
        State {
            // The first one is always there.
            server: server(0).unwrap_or_else(Server::nowhere),
            replica: server(SERVER_PARTS),
            around: self.arounds.value(packed[rest]),
            workers: std::array::from_fn(|worker| self.workers.value(packed[rest + 1 + worker])),
            hosts: std::array::from_fn(|host| self.hosts.value(packed[rest + 1 + WORKERS + host])),
        }
    }
}

impl Default for Parts {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a state belongs in a table of states.
pub fn hash(packed: &Packed) -> u64 {
    let mut mixer = Mixer::default();
    for four in packed.chunks(4) {
        mixer.mix(four.iter().fold(0, |word, part| word << 16 | u64::from(*part)));
    }
    mixer.finish()
}
