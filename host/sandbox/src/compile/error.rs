//! Why a component was not compiled, although it may be a valid one.

use crate::unit::{Size, Span};

/// Why a component was not compiled. Each is one line that reads well behind "PATH: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Beyond [`CompileLimits::wall_ms`](crate::CompileLimits::wall_ms).
    #[error("compiling it took more than {}; compile.time allows more", Span(*limit_ms))]
    Time {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// Beyond [`CompileLimits::cpu_s`](crate::CompileLimits::cpu_s).
    #[error("compiling it took more than {limit_s} s of CPU time; compile.cpu allows more")]
    Cpu {
        /// The limit in seconds.
        limit_s: u64,
    },
    /// Beyond [`CompileLimits::memory_bytes`](crate::CompileLimits::memory_bytes).
    #[error("compiling it needed more than {} of memory; compile.memory allows more", Size(*limit as usize))]
    Memory {
        /// The limit in bytes.
        limit: u64,
    },
    /// More code than is taken from a child.
    #[error(
        "it became more than {} of machine code, a quarter of what compile.memory allows",
        Size(*limit as usize)
    )]
    Code {
        /// The limit in bytes.
        limit: u64,
    },
    /// The child died of it, or gave an answer that is none.
    #[error("compiling it ended the compiler: {0}")]
    Died(String),
    /// Not the component's fault.
    #[error("the compiler cannot be started: {0}")]
    Unavailable(String),
}
