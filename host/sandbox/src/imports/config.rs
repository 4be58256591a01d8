//! Values that the operator set.

use crate::invocation::State;
use crate::trap::Stop;

impl State {
    /// The value of that name, if there is one.
    pub(crate) fn config(&mut self, name: &str) -> Result<Option<String>, Stop> {
        let (_, settings) = self.enter(name.len())?;
        Ok(settings.config.get(name).cloned())
    }
}
