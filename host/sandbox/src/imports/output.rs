//! What a handler makes happen.

use crate::bindings::oncegate::plugin::output::{Host, Refusal};
use crate::bindings::oncegate::plugin::types::Header;
use crate::invocation::State;
use crate::output::Emitted;

impl Host for State {
    async fn emit(
        &mut self,
        topic: String,
        key: Option<String>,
        headers: Vec<Header>,
        payload: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Refusal>> {
        let emitted = Emitted { topic, key, headers, payload };
        // What the host holds of a header counts as well, or empty ones would be for nothing.
        let records = emitted.headers.len().saturating_mul(size_of::<Header>());
        let (call, settings) = self.enter(emitted.bytes().saturating_add(records))?;
        let under = call.attempt.last_new();
        Ok(call.outputs.emit(emitted, under, settings))
    }
}
