//! What happened in a run: as a digest always, in words if somebody wants to read it.

use crate::fnv::Fnv;

/// A run's history.
#[derive(Debug, Default)]
pub struct Trace {
    digest: Fnv,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// With words, or without.
    pub fn new(in_words: bool) -> Self {
        Self { digest: Fnv::default(), lines: in_words.then(Vec::new) }
    }

    /// Something happened that only the digest is to know.
    pub fn mark(&mut self, what: u64, number: u64) {
        self.digest.number(what);
        self.digest.number(number);
    }

    /// Something happened that is worth a line.
    pub fn say(&mut self, now_us: u64, words: impl FnOnce() -> String) {
        self.digest.number(now_us);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>6}.{:03} ms  {}", now_us / 1000, now_us % 1000, words()));
        }
    }

    /// The digest of all that happened.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// The lines, in their order.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
