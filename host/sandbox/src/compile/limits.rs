//! What compiling one component may cost.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limits of one compilation. A component that reaches one is refused; one line says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Memory in bytes, on top of what the program itself takes. Default 1 GiB. The machine code may be a
    /// quarter of it.
    pub memory_bytes: u64,
    /// CPU time in seconds, of all threads together. Default 120 s.
    pub cpu_s: u64,
    /// Time in milliseconds from start to end. Default 5 min: a busy machine is no fault of a component, and the limit on
    /// CPU time holds besides.
    pub wall_ms: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, cpu_s: 120, wall_ms: 300_000 }
    }
}

/// Address space of a program and its libraries before it has anything to compile.
const PROGRAM_BYTES: u64 = 64 << 20;

impl CompileLimits {
    /// Limits this process, whatever it becomes. Between fork and exec: system calls, and nothing else.
    pub(crate) fn limit_this_process(&self) -> io::Result<()> {
        let Self { memory_bytes, cpu_s, .. } = *self;
        limit(Resource::Core, 0, 0)?;
        limit(Resource::Fsize, 0, 0)?;
        // The signal that tells what happened comes at the first number, the one that nobody can catch at the second.
        limit(Resource::Cpu, cpu_s, cpu_s.saturating_add(1))?;
        // Before the program begins, or what its allocator takes in advance would not count.
        let space = memory_bytes.saturating_add(PROGRAM_BYTES);
        limit(Resource::As, space, space)
    }

    /// The most machine code that is taken from a child, which could otherwise fill this process's memory.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.memory_bytes / 4
    }
}

/// No higher than what this process is allowed itself.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let new = Rlimit { current: Some(soft.min(allowed)), maximum: Some(hard.min(allowed)) };
    Ok(setrlimit(resource, new)?)
}
