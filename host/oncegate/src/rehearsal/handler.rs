//! The handler of a rehearsed host: the real one, whose calls are noted.

use std::sync::Arc;

use oncegate_dedup::Attempt;
use oncegate_sandbox::{Invocation, Message, Worker};

use super::call::Call;
use super::desk::Desk;
use crate::pipeline::Invoke;

/// Calls the handler. Gone with its host, and with it what instances have in memory.
#[derive(Debug)]
pub struct DeskHandler {
    /// Who is told.
    pub desk: Arc<Desk>,
    /// Where instances are.
    pub worker: Worker,
}

impl Invoke for DeskHandler {
    async fn invoke(&self, message: &Message, attempt: Attempt) -> Invocation {
        let invocation = self.worker.invoke(message, attempt).await;
        self.desk.called(Call::of(message, &invocation));
        invocation
    }
}
