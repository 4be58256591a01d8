//! What is asked of a script, ready to be joined with others.

use redis::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::Script;
use crate::target::Target;

/// Byte strings one behind the other: three allocations for a hundred keys, not three hundred.
#[derive(Debug, Default)]
pub struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    /// Adds one.
    pub fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
    }

    /// Adds a number in decimal digits.
    pub fn push_number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(&digits[at..]);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// All of them together, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }
}

/// A part of a call that may be joined with others.
///
/// On a Redis Cluster all its keys have to be in one slot (see [`Server::slot`](crate::Server::slot)); a part whose
/// keys are not is answered with an error and never sent.
#[derive(Debug)]
pub struct Part {
    /// Of which script.
    pub script: Script,
    /// The names of records.
    pub keys: Strings,
    /// The other arguments.
    pub args: Strings,
    /// How many values answer it.
    pub answers: usize,
}

impl Part {
    /// An empty one.
    pub fn new(script: &Script) -> Self {
        Self { script: script.clone(), keys: Strings::default(), args: Strings::default(), answers: 0 }
    }
}

/// What comes of a part: a value for each of its answers, or why the store is unavailable.
pub type Answer = Result<Vec<Value>, String>;

/// A part that somebody waits for.
#[derive(Debug)]
pub struct Order {
    /// What is asked.
    pub part: Part,
    /// Of whom.
    pub target: Target,
    /// Who waits. Closed if nobody does any more.
    pub reply: oneshot::Sender<Answer>,
    /// Until when.
    pub deadline: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_out_as_they_went_in() {
        let mut strings = Strings::default();
        strings.push(b"a");
        strings.push(b"");
        strings.push_number(0);
        strings.push_number(u64::MAX);
        let all: Vec<&[u8]> = strings.iter().collect();
        assert_eq!(all, [b"a".as_slice(), b"", b"0", u64::MAX.to_string().as_bytes()]);
        assert_eq!((strings.len(), strings.bytes()), (4, 22));
    }
}
