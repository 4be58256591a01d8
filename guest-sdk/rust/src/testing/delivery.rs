//! What became of a delivery.

use super::Emitted;

/// One delivery that was made. Compares to its [`End`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// How it ended.
    pub end: End,
    /// What the handler emitted if it returned `Ok`, applied or not.
    pub staged: Vec<Emitted>,
}

/// How a delivery ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// The handler returned `Ok`, and what it staged was applied.
    Applied,
    /// A key was in flight or the store unavailable: nothing was applied, whatever the handler returned.
    #[default]
    Deferred,
    /// The handler asked for another delivery with this text, or failed otherwise.
    Retried(String),
    /// The delivery would go to the dead letters with this text.
    Rejected(String),
    /// A key was committed with another payload: nothing was applied, whatever the handler returned.
    Mismatch,
    /// A key was given up earlier, with this reason: nothing was applied, whatever the handler returned.
    Dead(String),
    /// An output's key was not committed: nothing was applied, and the delivery would go to the dead letters.
    EffectWithoutCommit,
}

impl End {
    /// The text that goes with it; empty if none does.
    pub fn reason(&self) -> &str {
        match self {
            End::Retried(reason) | End::Rejected(reason) | End::Dead(reason) => reason,
            End::Applied | End::Deferred | End::Mismatch | End::EffectWithoutCommit => "",
        }
    }
}

impl PartialEq<End> for Delivery {
    fn eq(&self, end: &End) -> bool {
        self.end == *end
    }
}
