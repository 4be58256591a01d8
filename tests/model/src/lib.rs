//! The protocol as a small model, searched through and through; and what breaks without each rule.
//!
//! # What is in it
//!
//! A [`State`](state::State) is one moment of a small world: what the store [holds](record::Record) for each key, whose the
//! source's entries are, what the sink has been given, and where each worker is. [`step`] finds everything that can happen
//! next, each in a file of its own:
//!
//! | file | what happens |
//! |---|---|
//! | [`record`] | the store's rules for one key: claim, settle, forget, requeue |
//! | [`source`] | an entry is given to a worker, and again if that one stands still |
//! | [`handler`] | a handler asks for its keys: cache, then its process, then the store |
//! | [`settle`] | a delivery ends in one step, or its claims are released |
//! | [`ordered`] | it ends in several: fences, outputs, marks, replicas, acknowledgement |
//! | [`time`] | a lease, a keep, a window, a quarantine ends |
//! | [`operator`] | a key is forgotten, a dead letter requeued, an emptied store accepted |
//! | [`fault`] | crash, pause, lag and failover, an empty store, a slow handler, a delivery too many |
//!
//! [`search`] goes through every state that can be reached, breadth first, so that what does not hold is told by a
//! shortest history. [`invariants`] says what must never be, [`liveness`] what must always be able to end. Numbers that
//! could grow for ever (attempt ids, sequences, delivery counts) are only ever compared, so that [`canonical`] keeps what
//! the comparison needs; that makes the worlds finite, and the searches complete.
//!
//! [`mutation`] takes one rule out at a time, and [`scenarios`] has for each a small world in which that must show.
//! [`walk`] plays the same record rules against the real stores.
//!
//! # What it leaves out
//!
//! A handler emits one output for each new key and commits it (rules 8 and 13 are the host's own tests), a payload is a
//! number, a redelivery comes when it likes, and time has no length: only what must come before what. A host notices at
//! once that its connection is gone.

pub mod canonical;
pub mod config;
pub mod fault;
pub mod graph;
pub mod handler;
pub mod intern;
pub mod invariants;
pub mod liveness;
pub mod moves;
pub mod mutation;
pub mod operator;
pub mod ordered;
pub mod parallel;
pub mod program;
pub mod record;
pub mod scenarios;
pub mod search;
pub mod settle;
pub mod source;
pub mod state;
pub mod step;
pub mod time;
pub mod walk;
