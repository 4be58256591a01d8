//! Why rights could not be dropped.

/// Why rights could not be dropped, although the kernel knows how.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    /// There is a thread that would keep them.
    #[error("rights have to be dropped before the first thread, and there are {0} threads")]
    Threads(usize),
    /// The flag that goes with all of it.
    #[error("no new privileges: {0}")]
    NoNewPrivileges(#[from] rustix::io::Errno),
    /// Landlock.
    #[error("landlock: {0}")]
    Landlock(#[from] landlock::RulesetError),
    /// Seccomp.
    #[error("seccomp: {0}")]
    Seccomp(#[from] seccompiler::Error),
    /// A filter that cannot be made.
    #[error("the seccomp filter cannot be made: {0}")]
    Filter(#[from] seccompiler::BackendError),
}
