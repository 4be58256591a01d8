//! Settles that are asked for at the same time share one write to the disk.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::{FileStore, fault};
use crate::store::{SettleOutcome, Settlement};

type Reply = Arc<Mutex<Option<Vec<SettleOutcome>>>>;

/// Settles that nobody has begun yet.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Vec<Request>>);

#[derive(Debug)]
struct Request {
    settlements: Vec<Settlement>,
    reply: Reply,
}

/// One caller's settle. It queues up when it is first polled and lets the others do the same; whoever is
/// polled next settles for all. Dropped in between, it may be settled all the same.
#[derive(Debug)]
pub(super) struct Settling<'a> {
    store: &'a FileStore,
    settlements: &'a [Settlement],
    reply: Option<Reply>,
}

impl<'a> Settling<'a> {
    /// To be polled.
    pub fn new(store: &'a FileStore, settlements: &'a [Settlement]) -> Self {
        Self { store, settlements, reply: None }
    }
}

impl Future for Settling<'_> {
    type Output = Vec<SettleOutcome>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(reply) = &self.reply else {
            let reply = Reply::default();
            let request = Request { settlements: self.settlements.to_vec(), reply: reply.clone() };
            lock(&self.store.queue.0).push(request);
            self.reply = Some(reply);
            context.waker().wake_by_ref();
            return Poll::Pending;
        };
        let done = lock(reply).take();
        let outcomes = done.unwrap_or_else(|| {
            // Returns when this one is settled too, by whomever.
            self.store.settle_queue();
            lock(reply).take().unwrap_or_default()
        });
        Poll::Ready(outcomes)
    }
}

impl FileStore {
    /// Settles everything that is in the queue once it has the turn.
    fn settle_queue(&self) {
        let turn = self.turn();
        let requests = std::mem::take(&mut *lock(&self.queue.0));
        let (settlements, replies): (Vec<_>, Vec<_>) =
            requests.into_iter().map(|request| (request.settlements, request.reply)).unzip();
        let counts: Vec<_> = settlements.iter().map(Vec::len).collect();
        let settlements = settlements.concat();
        let prepared = self.prepare_in(turn, &settlements);
        let mut outcomes = match prepared.finish(&[]) {
            Ok(outcomes) => outcomes,
            Err(error) => vec![SettleOutcome::Unavailable(fault::reason(error)); settlements.len()],
        }
        .into_iter();
        for (count, reply) in counts.into_iter().zip(replies) {
            *lock(&reply) = Some(outcomes.by_ref().take(count).collect());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change under these locks is a single one: a panic leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
