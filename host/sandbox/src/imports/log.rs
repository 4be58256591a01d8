//! Lines for the operator.

use crate::bindings::oncegate::plugin::log::{Host, Level};
use crate::invocation::State;

impl Host for State {
    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let (call, settings) = self.enter(message.len())?;
        call.logs.add(level, message.as_bytes(), &settings.limits);
        Ok(())
    }
}
