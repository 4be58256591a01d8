//! Runs message handlers that nobody has to trust.
//!
//! A handler is a WebAssembly component of the world `oncegate:plugin/handler`, in one of the [`contract_versions`]. It
//! is granted that contract, a coarse clock, random numbers, and nothing else: no files, no environment, no network, no memory of
//! earlier messages. Whatever else it imports of `wasi:*` is answered with nothing or traps. Every call of it
//! ends, within its [`Limits`] and in a way that can be told in one line, and nothing that it did has happened
//! until somebody applies what it staged.
//!
//! ```text
//! Compiler              bytes to machine code, in a child process
//! Engine                one for a process: room for instances, the clock of computing guests
//!   └ Component         code, checked: form, imports, exports, types
//!       └ Handler       with limits, configuration, topics, reuse
//!           └ Worker    one for a thread: keeps idle instances
//!               └ invoke(&Message, Attempt) → Invocation
//! ```
//!
//! An [`Admission`] permit comes first, before the message is taken from wherever it is.

#![deny(missing_docs)]

mod admission;
mod census;
mod compile;
mod component;
mod contract;
mod cpu;
mod engine;
mod failure;
mod form;
mod grants;
mod handler;
mod imports;
mod instance;
mod invocation;
mod limits;
mod load_error;
mod log;
mod memory;
mod message;
mod output;
mod producers;
mod ticker;
mod trap;
mod unit;
mod wasi;
mod watch;

pub use admission::{Admission, Permit};
pub use compile::{Cache, CacheError, CompileError, CompileLimits, Compiler, Program, serve_compilation};
pub use component::{Component, Inspection};
pub use contract::contract_versions;
pub use engine::{Allocation, Engine, EngineError};
pub use form::read;
pub use grants::{ClockGrant, Grants, RandomGrant, Seed};
pub use handler::{Handler, Reuse, Settings, Topics};
pub use instance::Worker;
pub use invocation::{Invocation, Usage};
pub use limits::{Limits, ZeroLimit};
pub use load_error::LoadError;
pub use log::{Level, LogLine, Logs};
pub use message::{Header, Message};
pub use output::StagedOutput;
pub use producers::{Producer, producers};
pub use wasi::Capability;
