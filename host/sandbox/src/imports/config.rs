//! Values that the operator set.

use crate::bindings::oncegate::plugin::config::Host;
use crate::invocation::State;

impl Host for State {
    async fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let (_, settings) = self.enter(name.len())?;
        Ok(settings.config.get(&name).cloned())
    }
}
