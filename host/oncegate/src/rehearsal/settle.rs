//! The settle of a rehearsed host: the real one, unless the host dies before it.

use std::sync::Arc;

use super::desk::Desk;
use crate::exit::Failure;
use crate::pipeline::Item;
use crate::settle::{Ordered, Outcome, Settle, Settling};

/// Settles in order.
#[derive(Debug)]
pub struct DeskSettle {
    /// Who is told, and knows whether to die.
    pub desk: Arc<Desk>,
    /// What settles.
    pub ordered: Ordered,
}

impl Settle for DeskSettle {
    fn settle<'a>(&'a mut self, group: &'a mut [&mut Item]) -> Settling<'a, Result<Vec<Outcome>, Failure>> {
        Box::pin(async move {
            // One is under way at a time, so that a group is this one.
            if group.iter().any(|item| self.desk.settles(item)) {
                return std::future::pending().await;
            }
            self.ordered.settle(group).await
        })
    }

    fn close(&mut self) -> Settling<'_, Result<(), Failure>> {
        self.ordered.close()
    }
}
