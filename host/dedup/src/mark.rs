//! A mark that somebody else made, on which an attempt relies.

use crate::record::{Record, State};
use crate::{Fingerprint, Key, Origin};

/// What an attempt was told of a key that others had settled. That its delivery may be acknowledged hangs on that mark.
/// Where marks can be forgotten together with acknowledgements, by a failover, this very mark has to be there still when
/// the delivery is acknowledged; another one in its place says nothing of this delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The key.
    pub key: Key,
    /// What it was said to be.
    pub told: Told,
}

/// What a key was said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Committed, with this fingerprint if there was one.
    Committed(Option<Fingerprint>),
    /// Dead with this very delivery.
    Dead(Origin),
}

impl Mark {
    /// Whether the record still says so.
    pub fn stands_in(&self, record: &Record) -> bool {
        match self.told {
            Told::Committed(told) => {
                let same = told.zip(record.fingerprint).is_none_or(|(told, found)| told == found);
                record.state == State::Committed && same
            }
            Told::Dead(origin) => record.state == State::Dead && record.origin == Some(origin),
        }
    }

    /// For a script, which compares with the record's bytes: the state, then fingerprint or origin if there is one.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (state, bytes) = match &self.told {
            Told::Committed(fingerprint) => {
                (State::Committed, fingerprint.as_ref().map(Fingerprint::as_bytes))
            }
            Told::Dead(origin) => (State::Dead, Some(origin.as_bytes())),
        };
        let mut encoded = vec![state.code()];
        encoded.extend(bytes.into_iter().flatten());
        encoded
    }
}
