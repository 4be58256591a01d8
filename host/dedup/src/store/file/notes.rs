//! Notes of the host: names and values that are written with settles, and mean nothing here.

use super::FileStore;
use super::hold::Holds;
use super::prepare::Writes;
use crate::store::StoreError;

/// A name and a value.
pub(super) type Note = (Vec<u8>, Vec<u8>);

/// A note's name in `meta`, where it cannot be taken for the store's own.
pub(super) fn stored_name(name: &[u8]) -> Vec<u8> {
    [b"note/", name].concat()
}

impl FileStore {
    /// The value of a note, if it was ever written.
    pub fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.alive()?;
        Ok(self.engine.meta(&stored_name(name))?.map(|value| value.to_vec()))
    }

    /// Writes a note. It is durable when this returns. Waits for its turn like a settle, so it must not be
    /// called by a thread that holds a [`Prepared`](super::Prepared).
    pub fn put_note(&self, name: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let note = (name.to_vec(), value.to_vec());
        self.apply(&mut self.turn(), Holds::none(self), &Writes::new(), &[note])
    }
}
