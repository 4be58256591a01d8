//! How a process asks a server, over a connection that may be lost.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{Either, select};

use crate::counts::Met;
use crate::link::{Answer, LinkId, Request};
use crate::plan::Gate;
use crate::sim::Sim;

/// One process's end of a connection.
#[derive(Debug, Clone)]
pub struct Wire {
    pub sim: Arc<Sim>,
    pub link: LinkId,
    pub host: usize,
    pub life: u64,
    /// How long it asks, in microseconds.
    pub patience_us: u64,
}

impl Wire {
    /// Asks once. Fails if there is no connection within its patience, if it is lost, or if the answer takes too long:
    /// then what was asked may have been done.
    pub async fn ask(&self, request: Request) -> Result<Answer, String> {
        let until_us = self.sim.world().now_us() + self.patience_us;
        self.ask_until(&request, until_us).await
    }

    /// Asks until there is an answer or patience ends. For what may be repeated.
    pub async fn ask_again(&self, request: Request) -> Result<Answer, String> {
        let until_us = self.sim.world().now_us() + self.patience_us;
        loop {
            let answer = self.ask_until(&request, until_us).await;
            match answer {
                Err(why) if self.sim.world().now_us() >= until_us => {
                    self.sim.world().counts.met(Met::Unavailable);
                    return Err(why);
                }
                Err(_) => self.sim.sleep_us(500).await,
                Ok(answer) => return Ok(answer),
            }
        }
    }

    async fn ask_until(&self, request: &Request, until_us: u64) -> Result<Answer, String> {
        let work = async {
            Up(self).await;
            let sent = self.sim.world().send(self.link, request.clone());
            sent?.taken().await
        };
        let left_us = until_us.saturating_sub(self.sim.world().now_us());
        match select(std::pin::pin!(work), self.sim.sleep_us(left_us)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err("there was no answer in time".to_owned()),
        }
    }

    /// Passes a gate: the process may die there, or stand still.
    pub async fn pass(&self, gate: Gate) {
        let goes_on = self.sim.world().gate(self.host, self.life, gate);
        if !goes_on {
            Once(false).await;
        }
    }
}

/// Waits for a connection.
struct Up<'a>(&'a Wire);

impl Future for Up<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut world = self.0.sim.world();
        let link = &mut world.links[self.0.link];
        if link.up {
            return Poll::Ready(());
        }
        link.waiters.push(cx.waker().clone());
        Poll::Pending
    }
}

/// Lets others go on once.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
