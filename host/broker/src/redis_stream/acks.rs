//! How a pipeline reports to a stream.

use super::event::Event;
use super::holding::Holding;
use crate::acks::{Acked, Acks, Notice, Pending};
use crate::ticket::Ticket;

impl Acks for Holding {
    fn acknowledge<'a>(&'a self, tickets: &'a [Ticket]) -> Pending<'a, Vec<Acked>> {
        Box::pin(Holding::acknowledge(self, tickets))
    }

    fn ended(&self, ticket: Ticket) {
        Holding::ended(self, ticket);
    }

    fn is_lost(&self, ticket: Ticket) -> bool {
        Holding::is_lost(self, ticket)
    }

    fn leave(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            let held = self.tickets();
            self.hand_back(&held).await;
            // If entries are pending for it still, the consumer is removed by another host, once they are taken over.
            self.close().await;
        })
    }

    fn notices(&self) -> Vec<Notice> {
        let lost = |event: &Event| match event {
            Event::TrimmedPending { .. } => 1,
            Event::TrimmedUnread { count, .. } => *count,
            Event::Away { .. } | Event::Back { .. } => 0,
        };
        self.events().iter().map(|event| Notice { lost: lost(event), what: event.to_string() }).collect()
    }
}
