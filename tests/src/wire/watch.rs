//! Somebody who looks at what goes by and changes nothing.

use std::sync::Arc;

use crate::call::Call;

/// What is told of the outcome of a call: the reply, as Redis wrote it, before the client gets it; nothing if the
/// connection ended without one.
pub type Sequel = Box<dyn FnOnce(Option<&[u8]>) + Send>;

/// Is told of each call that the server is about to hear of, and which script it is, if it is one; gives what is to be
/// told of its outcome.
pub type Watch = Arc<dyn Fn(Option<Call>, &[&[u8]]) -> Option<Sequel> + Send + Sync>;
