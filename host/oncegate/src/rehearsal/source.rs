//! The source of a rehearsed host: hands out what lies on the desk.

use std::sync::Arc;

use oncegate_broker::{Acked, Acks, Delivery, Notice, Pending, Source, SourceError, Ticket};

use super::desk::Desk;

/// Hands out one delivery after the other, and hears of their ends.
#[derive(Debug)]
pub struct DeskSource {
    name: String,
    desk: Arc<Desk>,
}

impl DeskSource {
    /// It is called like the input.
    pub fn new(name: &str, desk: Arc<Desk>) -> Self {
        Self { name: name.to_owned(), desk }
    }
}

impl Source for DeskSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn receive(&mut self, _max: usize) -> Pending<'_, Result<Vec<Delivery>, SourceError>> {
        Box::pin(async { Ok(self.desk.take().await.map(Delivery::Message).into_iter().collect()) })
    }
}

/// Takes acknowledgements, unless the host dies over one.
#[derive(Debug)]
pub struct DeskAcks(pub Arc<Desk>);

impl Acks for DeskAcks {
    fn acknowledge<'a>(&'a self, tickets: &'a [Ticket]) -> Pending<'a, Vec<Acked>> {
        Box::pin(async move {
            if self.0.acknowledges() {
                return std::future::pending().await;
            }
            vec![Acked::Done; tickets.len()]
        })
    }

    fn ended(&self, _ticket: Ticket) {
        self.0.ended();
    }

    fn is_lost(&self, _ticket: Ticket) -> bool {
        false
    }

    fn leave(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}
