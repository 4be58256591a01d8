//! Scripts that run inside Redis.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Tells scripts apart without comparing their code.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A script.
///
/// It takes any number of keys, and arguments for each of them or for groups of them, one behind the other, and
/// answers a list with one value for each question. So calls of different tasks can be joined into one by putting
/// them behind one another. Its last argument is not the caller's: see [`Admitted::hold_ms`](crate::Admitted).
///
/// Every script may be sent again when its reply was lost: it must find out by itself what it has done already.
#[derive(Clone)]
pub struct Script(Arc<Inner>);

struct Inner {
    number: usize,
    source: String,
    digest: String,
}

impl Script {
    /// A script with this code.
    pub fn new(source: impl Into<String>) -> Self {
        let source = source.into();
        let digest = redis::Script::new(&source).get_hash().to_owned();
        Self(Arc::new(Inner { number: MADE.fetch_add(1, Ordering::Relaxed), source, digest }))
    }

    /// Tells it from other scripts of this process.
    pub(crate) fn number(&self) -> usize {
        self.0.number
    }

    /// The code.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What Redis calls it: the SHA-1 of its code.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }
}

impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        self.0.number == other.0.number
    }
}

impl Eq for Script {}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({})", self.digest())
    }
}
