//! A host that is rehearsed: the real gate, pipeline and settle, between parts that meet at a desk.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::future::{Either, join, join_all, select};
use oncegate_broker::Acks;
use oncegate_dedup::store::Store;
use oncegate_dedup::{Clock, Gate, L1Limits, Policy};
use oncegate_sandbox::Handler;

use super::desk::Desk;
use super::handler::DeskHandler;
use super::settle::DeskSettle;
use super::sink::{DeskSink, NoSink};
use super::source::{DeskAcks, DeskSource};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::pipeline::{Rules, Stages, Stop, stages};
use crate::settle::Ordered;
use crate::summary::Tally;

/// What every host is made of.
#[derive(Debug)]
pub struct Parts {
    /// What its deliveries come by and go to.
    pub desk: Arc<Desk>,
    /// What it runs.
    pub handler: Handler,
    /// What its gate works by.
    pub policy: Policy,
    /// What its gate remembers.
    pub l1: L1Limits,
    /// What its pipeline works by.
    pub rules: Rules,
}

/// A host that lives. Dropped, it is dead: what it had in memory is gone, what it had begun stays as it is.
pub struct Host {
    life: Pin<Box<dyn Future<Output = Result<(), Failure>>>>,
}

impl Host {
    /// A new one.
    pub fn begin(parts: &Parts, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let Parts { desk, handler, policy, l1, rules } = parts;
        let gate = Gate::new(policy.clone(), *l1, store, clock).or_exit(Exit::Usage)?;
        let (stop, tally) = (Arc::<Stop>::default(), Arc::<Tally>::default());
        let acks: Arc<dyn Acks> = Arc::new(DeskAcks(Arc::clone(desk)));
        let output = Box::new(DeskSink::new(Arc::clone(desk)));
        let ordered = Ordered::new(
            Arc::clone(&gate),
            output,
            Box::new(NoSink),
            Some(Arc::clone(&acks)),
            Arc::clone(&stop),
        );
        let mut settle = DeskSettle { desk: Arc::clone(desk), ordered };
        let mut source = DeskSource::new(&rules.source, Arc::clone(desk));
        let handler = DeskHandler { desk: Arc::clone(desk), worker: handler.worker() };
        let Stages { read, work, settle: settler, last } =
            stages(gate, Some(acks), rules.clone(), tally, stop).without_hints();
        let life = Box::pin(async move {
            let working = join_all(work.into_iter().map(|stage| stage.run(&handler)));
            let working = pin!(join(working, settler.run(&mut settle)));
            let reading = pin!(read.run(&mut source));
            // A reader waits for the desk also when all the others have failed.
            if let Either::Right(((), working)) = select(working, reading).await {
                working.await;
            }
            last.close().await;
            last.leave().await;
            last.end()
        });
        Ok(Self { life })
    }

    /// Lives until what lies on the desk is over, for so long at most.
    pub async fn deliver(&mut self, desk: &Desk, clock: &dyn Clock, limit_ms: u64) -> Result<(), Failure> {
        let (closed, limit) = (pin!(desk.closed()), clock.sleep(limit_ms));
        match select(select(self.life.as_mut(), closed), limit).await {
            Either::Left((Either::Right(_), _)) => Ok(()),
            Either::Left((Either::Left((ended, _)), _)) => {
                ended.and(Err(fail!(Exit::Failed, "the host ended early; this is a defect of oncegate")))
            }
            Either::Right(_) => Err(fail!(
                Exit::Failed,
                "a delivery has not come to its end within {limit_ms} ms: its keys may be held by somebody else, or the \
                 store may not take its settle"
            )),
        }
    }

    /// Ends in good order.
    pub async fn end(self, desk: &Desk) -> Result<(), Failure> {
        desk.end();
        self.life.await
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}
