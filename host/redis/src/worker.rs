//! The store's own thread: it collects what is asked from everywhere and joins it into few calls.
//!
//! Callers may sit on any runtime, on many, or on none. While calls are under way, what comes in meanwhile is
//! collected and goes out as the next one; so the busier the store, the more keys share a call, and nobody ever
//! waits for a call to fill up.

use std::collections::VecDeque;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::call::{Caller, nobody};
use crate::greeting::Unfit;
use crate::link::{Dialler, Link};
use crate::order::{Answer, Order, Part};
use crate::{Script, Secret};

/// The most keys that are joined into one call. Redis does nothing else while a script runs; this many take it
/// some 0.5 ms. One delivery with more keys still is one call.
pub const MOST_KEYS: usize = 128;

/// The most bytes that are joined into one call.
const MOST_BYTES: usize = 1 << 20;

/// How many calls are under way at once. Two keep Redis busy while answers travel; more would make them smaller.
const MOST_CALLS: usize = 2;

/// A thread that makes calls. It ends when this is dropped.
#[derive(Debug)]
pub struct Worker {
    /// As long as callers are: each of them has a bounded number of parts here.
    inbox: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
    patience: Duration,
}

impl Worker {
    /// Starts the thread and waits until its first connection is open.
    pub fn start(dialler: Dialler, password: Option<Secret>, patience: Duration) -> Result<Self, Unfit> {
        let failed = |error: std::io::Error| Unfit::Away(format!("its thread cannot be started: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (inbox, orders) = mpsc::unbounded_channel();
        let (ready, opened) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("oncegate-redis".to_owned()).spawn(move || {
            runtime.block_on(async move {
                match Link::open(dialler).await {
                    Ok(link) => {
                        let _ = ready.send(Ok(()));
                        run(Caller::new(link, password), orders).await;
                    }
                    Err(unfit) => drop(ready.send(Err(unfit))),
                }
            });
            // A name may still be being resolved: do not wait for that.
            runtime.shutdown_background();
        });
        let worker = Self { inbox: Some(inbox), thread: Some(thread.map_err(failed)?), patience };
        match opened.recv() {
            Ok(Ok(())) => Ok(worker),
            Ok(Err(unfit)) => Err(unfit),
            Err(_) => Err(Unfit::Away("its thread has ended".to_owned())),
        }
    }

    /// Asks, from any thread.
    pub fn ask(&self, part: Part) -> impl Future<Output = Answer> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let order = Order { part, reply, deadline: Instant::now() + self.patience };
        if let Some(inbox) = &self.inbox {
            // If the thread is gone, the answer's sender is, too.
            let _ = inbox.send(order);
        }
        async move { answer.await.unwrap_or_else(|_| nobody()) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.inbox = None;
        if let Some(thread) = self.thread.take() {
            // It ends at once, calls under way or not. A panic there has been answered to its callers.
            let _ = thread.join();
        }
    }
}

async fn run(caller: Caller, mut inbox: mpsc::UnboundedReceiver<Order>) {
    let mut queues = Queues::default();
    let mut calls = FuturesUnordered::new();
    loop {
        while calls.len() < MOST_CALLS {
            let Some(orders) = queues.next() else { break };
            calls.push(caller.perform(orders));
        }
        tokio::select! {
            order = inbox.recv() => {
                let Some(order) = order else { return };
                queues.push(order);
                while let Ok(order) = inbox.try_recv() {
                    queues.push(order);
                }
            }
            Some(()) = calls.next(), if !calls.is_empty() => {}
        }
    }
}

/// What waits for a call, by script.
#[derive(Debug, Default)]
struct Queues {
    waiting: Vec<(Script, VecDeque<Order>)>,
    /// The script whose turn it is, so that none waits for ever behind a busy one.
    turn: usize,
}

impl Queues {
    fn push(&mut self, order: Order) {
        match self.waiting.iter_mut().find(|(script, _)| *script == order.part.script) {
            Some((_, queue)) => queue.push_back(order),
            None => self.waiting.push((order.part.script.clone(), VecDeque::from([order]))),
        }
    }

    /// The orders of the next call.
    fn next(&mut self) -> Option<Vec<Order>> {
        for _ in 0..self.waiting.len() {
            self.turn = (self.turn + 1) % self.waiting.len();
            let orders = self.waiting.get_mut(self.turn).map(|(_, queue)| joined(queue)).unwrap_or_default();
            if !orders.is_empty() {
                return Some(orders);
            }
        }
        None
    }
}

/// As many orders as fit into one call, at least one.
fn joined(queue: &mut VecDeque<Order>) -> Vec<Order> {
    let (mut orders, mut keys, mut bytes) = (Vec::new(), 0, 0);
    while let Some(order) = queue.pop_front() {
        // Nobody waits any more.
        if order.reply.is_closed() {
            continue;
        }
        keys += order.part.keys.len();
        bytes += order.part.keys.bytes() + order.part.args.bytes();
        if !orders.is_empty() && (keys > MOST_KEYS || bytes > MOST_BYTES) {
            queue.push_front(order);
            break;
        }
        orders.push(order);
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(script: &Script, keys: usize, bytes: usize) -> (Order, oneshot::Receiver<Answer>) {
        let mut part = Part::new(script);
        (0..keys).for_each(|_| part.keys.push(b"k"));
        part.args.push(&vec![0; bytes]);
        let (reply, answer) = oneshot::channel();
        (Order { part, reply, deadline: Instant::now() }, answer)
    }

    fn sizes(orders: Vec<(usize, usize)>) -> Vec<usize> {
        let script = Script::new("return {}");
        let mut queues = Queues::default();
        let mut answers = Vec::new();
        for (keys, bytes) in orders {
            let (order, answer) = order(&script, keys, bytes);
            queues.push(order);
            answers.push(answer);
        }
        std::iter::from_fn(|| queues.next()).map(|orders| orders.len()).collect()
    }

    #[test]
    fn calls_are_bounded_in_keys_and_bytes() {
        assert_eq!(sizes(vec![(1, 10); 300]), [128, 128, 44]);
        assert_eq!(sizes(vec![(100, 0), (28, 0), (1, 0)]), [2, 1]);
        assert_eq!(sizes(vec![(5000, 0), (1, 0)]), [1, 1]);
        assert_eq!(sizes(vec![(1, MOST_BYTES), (1, 1), (1, 1)]), [1, 2]);
    }

    #[test]
    fn what_nobody_waits_for_is_not_asked() {
        let mut queues = Queues::default();
        queues.push(order(&Script::new("return {}"), 1, 1).0);
        assert!(queues.next().is_none());
    }
}
