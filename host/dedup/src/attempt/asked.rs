//! What an attempt was told of its keys and what it staged, for whoever tells of it.

use super::{Attempt, Staged, What};
use crate::Key;
use crate::sighting::{Refusal, SeenError, Sighting};

/// A key that a handler asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The key.
    pub key: &'a Key,
    /// What it was told when it asked first.
    pub told: Result<Sighting, SeenError>,
    /// Whether its commit is staged, and with which receipt.
    pub commit: Option<Option<&'a [u8]>>,
}

impl Attempt {
    /// The keys that the handler asked for, in the order in which it did.
    pub fn asked(&self) -> impl Iterator<Item = Asked<'_>> {
        let named = self.known.iter().filter(|known| !self.is_delivery(&known.key));
        named.map(|known| Asked {
            key: &known.key,
            told: self.told(&known.what),
            commit: known.what.staged().map(|staged| staged.receipt.as_deref()),
        })
    }

    /// What a handler is told that asks for the first time.
    pub(super) fn told(&self, what: &What) -> Result<Sighting, SeenError> {
        match what {
            // There is nobody else to blame for the deaths of its hosts: it must not run again.
            What::New { granted, .. } if granted.died_alone && !self.gate.policy.shadow => {
                Err(SeenError::Aborted)
            }
            What::New { .. } | What::Free { .. } => Ok(Sighting::New),
            What::Duplicate { commit, .. } => Ok(Sighting::Duplicate(commit.receipt.clone())),
            What::InFlight(left_ms) => Ok(Sighting::InFlight(*left_ms)),
            What::Unavailable(why) => Err(Refusal::Unavailable(why.clone()).into()),
            What::Mismatch(_) => Err(Refusal::Mismatch.into()),
            What::Dead { reason, .. } => Err(Refusal::Dead(reason.clone()).into()),
            What::Suspect(_) | What::Unreadable(_) => Err(SeenError::Aborted),
        }
    }
}

impl What {
    /// The commit that is staged, if one is.
    pub(super) fn staged(&self) -> Option<&Staged> {
        match self {
            What::New { staged, .. } | What::Free { staged, .. } => staged.as_ref(),
            _ => None,
        }
    }
}
