//! The store's own thread: it collects what is asked from everywhere and joins it into few calls.
//!
//! Callers may sit on any runtime, on many, or on none. While calls are under way, what comes in meanwhile is
//! collected and goes out as the next one; so the busier the store, the more keys share a call, and nobody ever
//! waits for a call to fill up.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::RedisOptions;
use crate::call::{Caller, nobody};
use crate::dialler::Dialler;
use crate::greeting::Unfit;
use crate::order::{Answer, Order, Part};
use crate::place::{Place, Search};
use crate::queues::Lanes;
use crate::target::Target;

/// A thread that makes calls. It ends when this is dropped.
#[derive(Debug)]
pub struct Worker {
    /// As long as callers are: each of them has a bounded number of parts here.
    inbox: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
    runtime: Handle,
    place: Arc<Place>,
    patience: Duration,
}

impl Worker {
    /// Starts the thread and waits until its first connections are open.
    pub fn start(options: &RedisOptions, dialler: Dialler) -> Result<(Self, Search), Unfit> {
        let failed = |error: std::io::Error| Unfit::Away(format!("its thread cannot be started: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (inbox, orders) = mpsc::unbounded_channel();
        let (ready, opened) = std::sync::mpsc::channel();
        let (options, patience) = (options.clone(), options.patience);
        let thread = std::thread::Builder::new().name("oncegate-redis".to_owned()).spawn(move || {
            runtime.block_on(async move {
                match open(&options, dialler).await {
                    Ok((place, search)) => {
                        let _ = ready.send(Ok((Arc::clone(&place), search)));
                        run(Caller::new(place, options.password), orders).await;
                    }
                    Err(unfit) => drop(ready.send(Err(unfit))),
                }
            });
            // A name may still be being resolved: do not wait for that.
            runtime.shutdown_background();
        });
        let thread = Some(thread.map_err(failed)?);
        match opened.recv() {
            Ok(Ok((place, search))) => {
                Ok((Self { inbox: Some(inbox), thread, runtime: handle, place, patience }, search))
            }
            Ok(Err(unfit)) => Err(unfit),
            Err(_) => Err(Unfit::Away("its thread has ended".to_owned())),
        }
    }

    /// Asks, from any thread.
    pub fn ask(&self, part: Part, target: Target) -> impl Future<Output = Answer> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let order = Order { part, target, reply, deadline: self.deadline() };
        if let Some(inbox) = &self.inbox {
            // If the thread is gone, the answer's sender is, too.
            let _ = inbox.send(order);
        }
        async move { answer.await.unwrap_or_else(|_| Err(nobody())) }
    }

    /// Does something else on the thread, for callers without a runtime.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        self.runtime.spawn(async move {
            // Nobody may wait any more.
            let _ = reply.send(work.await);
        });
        answer
    }

    /// Where it sends calls.
    pub fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Until when something that is asked now may take.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
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

async fn open(options: &RedisOptions, dialler: Dialler) -> Result<(Arc<Place>, Search), Unfit> {
    let search = Search::begin(options, dialler.opener()).await?;
    let place = Place::open(search.clone(), dialler).await?;
    Ok((Arc::new(place), search))
}

async fn run(caller: Caller, mut inbox: mpsc::UnboundedReceiver<Order>) {
    let mut lanes = Lanes::new(caller.place.most_calls());
    let mut calls = FuturesUnordered::new();
    loop {
        while let Some((lane, orders)) = lanes.next() {
            calls.push(async {
                caller.perform(orders).await;
                lane
            });
        }
        tokio::select! {
            order = inbox.recv() => {
                let Some(order) = order else { return };
                lanes.push(caller.place.lane(&order.target), order);
                while let Ok(order) = inbox.try_recv() {
                    lanes.push(caller.place.lane(&order.target), order);
                }
            }
            Some(lane) = calls.next(), if !calls.is_empty() => lanes.done(&lane),
        }
    }
}
