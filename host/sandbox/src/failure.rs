//! How a handler says that it failed, whatever version of the contract it was built for.

/// What a handler returned instead of `ok`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It may work later.
    Retry(String),
    /// It can never work.
    Reject(String),
}
