//! From a component's bytes to code that can be run, away from the process that runs it.
//!
//! A compiler is a large program that reads hostile input. Here it runs in a child process that has nothing
//! else: no file, no network, no environment, so much memory and time and no more. It is given the bytes through
//! a pipe and gives machine code back. The process that runs guests has no compiler in its engine, and reads
//! nothing of a component but its first eight bytes.

mod cache;
mod child;
mod compiler;
mod error;
mod limits;
mod process;
mod program;
mod target;
mod wire;

pub use cache::{Cache, CacheError};
pub use child::serve_compilation;
pub use compiler::Compiler;
pub use error::CompileError;
pub use limits::CompileLimits;
pub use program::Program;
pub(crate) use target::Target;
