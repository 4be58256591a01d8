//! What a handler makes happen.

use crate::invocation::State;
use crate::message::Header;
use crate::output::{Emitted, Refusal};
use crate::trap::Stop;

impl State {
    /// Stages an output.
    pub(crate) fn emit(&mut self, emitted: Emitted) -> Result<Result<(), Refusal>, Stop> {
        // What the host holds of a header counts as well, or empty ones would be for nothing.
        let records = emitted.headers.len().saturating_mul(size_of::<Header>());
        let (call, settings) = self.enter(emitted.bytes().saturating_add(records))?;
        let under = call.attempt.last_new();
        Ok(call.outputs.emit(emitted, under, settings))
    }
}
