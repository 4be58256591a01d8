//! Lines for the operator.

use crate::invocation::State;
use crate::log::Level;
use crate::trap::Stop;

impl State {
    /// Writes a line.
    pub(crate) fn log(&mut self, level: Level, message: &str) -> Result<(), Stop> {
        let (call, settings) = self.enter(message.len())?;
        call.logs.add(level, message.as_bytes(), &settings.limits);
        Ok(())
    }
}
