//! A claim of the delivery itself, where its keys cannot tell whom its hosts died over.

use super::{Attempt, Known};
use crate::{Key, Sighting};

impl Attempt {
    /// Claims the delivery itself, before its handler runs. For one that its broker has handed out more often than
    /// hosts may die, and that runs alone now: a handler that takes its host down before it names a key leaves no other
    /// trace. False if the handler is not to be run: the [verdict](Attempt::verdict) then says why.
    ///
    /// Deliveries are told apart by their origin. The claim ends with the attempt: released, or dead with it.
    pub async fn claim_delivery(&mut self) -> bool {
        let key = Key::new(&self.gate.keys_of.deliveries(), self.origin.as_bytes());
        let what = self.look(&key).await;
        let what = self.let_through(what);
        self.known.push(Known { key, what });
        matches!(self.answer(self.known.len() - 1), Ok(Sighting::New))
    }

    /// Whether this key stands for the delivery, and is none that the handler has named.
    pub(super) fn is_delivery(&self, key: &Key) -> bool {
        key.namespace() != self.gate.keys_of.as_str()
    }
}
