//! Commits and outputs where no step can hold both: fences, outputs, marks, replicas, acknowledgement, in this order.
//!
//! A crash between outputs and marks repeats an output, with the same id; a crash between marks and acknowledgement
//! makes a delivery again, which then is a duplicate; no crash loses one.

use std::sync::Arc;

use futures_util::future::join;
use oncegate_broker::{Acked, Acks, Sink, SinkError, Ticket};
use oncegate_dedup::store::{SettleOutcome, Settlement};
use oncegate_dedup::{Ending, Gate, Outage};

use super::{Outcome, Settle, Settling};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::pipeline::{Item, Patience, Plan, Stop};

/// Any store, two sinks that it knows nothing of, and a source that may want to hear of the end.
pub struct Ordered {
    gate: Arc<Gate>,
    output: Box<dyn Sink + Send>,
    dead_letters: Box<dyn Sink + Send>,
    acks: Option<Arc<dyn Acks>>,
    stop: Arc<Stop>,
}

impl std::fmt::Debug for Ordered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ordered").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl Ordered {
    /// Joins these.
    pub fn new(
        gate: Arc<Gate>,
        output: Box<dyn Sink + Send>,
        dead_letters: Box<dyn Sink + Send>,
        acks: Option<Arc<dyn Acks>>,
        stop: Arc<Stop>,
    ) -> Self {
        Self { gate, output, dead_letters, acks, stop }
    }

    fn patience(&self) -> Patience<'_> {
        Patience::new(&self.stop, self.gate.clock().as_ref())
    }

    /// Whether the policy goes on without a store that does not answer.
    fn is_open(&self) -> bool {
        self.gate.policy().outage == Outage::Open
    }

    /// Fences first: what has lost its fence belongs to somebody else, and must not be written. A key that is nobody's
    /// by now could still be marked, but while its output is on the way anybody may claim it: that is lost as well.
    async fn check(&self, settlements: &[Settlement]) -> Vec<SettleOutcome> {
        if settlements.iter().all(|settlement| settlement.keys.is_empty()) {
            return vec![SettleOutcome::Applied { late: 0 }; settlements.len()];
        }
        let mut outcomes = self.gate.store().check(settlements).await;
        let is_late = |outcome: &&mut SettleOutcome| matches!(outcome, SettleOutcome::Applied { late: 1.. });
        outcomes.iter_mut().filter(is_late).for_each(|outcome| *outcome = SettleOutcome::Lost { key: 0 });
        outcomes
    }

    /// Writes the outputs of what the store would apply. False if they may not all be out when the first of their
    /// leases has too little left.
    async fn write(&mut self, group: &mut [&mut Item], outcomes: &[SettleOutcome]) -> Result<bool, Failure> {
        let mut until_ms = u64::MAX;
        for (item, outcome) in group.iter_mut().zip(outcomes) {
            if !matches!(outcome, SettleOutcome::Applied { .. }) || !item.writes() {
                continue;
            }
            append(self.output.as_mut(), &item.output)?;
            append(self.dead_letters.as_mut(), &item.dead_letter)?;
            if let Some(ending) = &mut item.ending {
                ending.outputs_are_out();
                until_ms = until_ms.min(ending.acts_until_ms().unwrap_or(u64::MAX));
            }
        }
        let (stop, gate) = (Arc::clone(&self.stop), Arc::clone(&self.gate));
        let mut patience = Patience::new(&stop, gate.clock().as_ref());
        loop {
            let flushed = join(self.output.flush(), self.dead_letters.flush()).await;
            let Some(error) = flushed.0.err().or(flushed.1.err()) else { return Ok(true) };
            if !matches!(error, SinkError::Unavailable { .. }) {
                return Err(error).or_exit(Exit::File);
            }
            if !patience.pause(&error.to_string()).await || self.gate.clock().now_ms() >= until_ms {
                self.output.give_up();
                self.dead_letters.give_up();
                return Ok(false);
            }
        }
    }

    /// Lets go on what the store does not answer for, where the policy says so: with one delivery that waits for the
    /// store, all that come after it would.
    fn unguard<'a>(
        &self,
        endings: impl Iterator<Item = Option<&'a mut Ending>>,
        outcomes: &mut [SettleOutcome],
    ) {
        if !self.is_open() {
            return;
        }
        for (ending, outcome) in endings.zip(outcomes) {
            if let (Some(ending), SettleOutcome::Unavailable(_)) = (ending, &*outcome) {
                ending.unguard(&self.gate);
                *outcome = SettleOutcome::Applied { late: 0 };
            }
        }
    }

    /// Marks until the store has answered for each: once an output may be out, its claim is never released.
    async fn mark(&self, endings: &mut [Ending]) -> Result<Vec<SettleOutcome>, Failure> {
        let mut patience = self.patience();
        loop {
            let mut outcomes = self.gate.try_settle(endings).await;
            self.unguard(endings.iter_mut().map(Some), &mut outcomes);
            let unanswered = outcomes.iter().find_map(|outcome| match outcome {
                SettleOutcome::Unavailable(why) => Some(why.clone()),
                _ => None,
            });
            let Some(why) = unanswered else { return Ok(outcomes) };
            if !patience.pause(&why).await {
                return Err(fail!(
                    Exit::Store,
                    "the store does not answer ({why}): what was written last is not marked, and the next run \
                     will write it again with the same ids"
                ));
            }
        }
    }

    /// Marks, and waits until so many replicas as the store asks for hold the marks. False if a stop gives up first:
    /// then nothing is acknowledged, and what comes again is a duplicate, unless a failover has forgotten it.
    async fn mark_and_replicate(
        &self,
        endings: &mut [Ending],
    ) -> Result<(Vec<SettleOutcome>, bool), Failure> {
        let store = self.gate.store();
        let mut since = store.cache_epoch();
        let mut outcomes = self.mark(endings).await?;
        if store.replicas() == 0 {
            return Ok((outcomes, true));
        }
        let mut patience = self.patience();
        while any_marks(endings, &outcomes)
            && let Err(why) = store.replicated(since).await
        {
            if !patience.pause(&why).await {
                return Ok((outcomes, false));
            }
            let now = store.cache_epoch();
            // Only the wait is repeated, unless another server may answer by now, which may not have the marks.
            if now != since {
                since = now;
                outcomes = self.mark(endings).await?;
            }
        }
        endings.iter_mut().for_each(Ending::is_replicated);
        Ok((outcomes, true))
    }

    /// Acknowledges what is done. What cannot be acknowledged before a stop gives up is delivered again, as a
    /// duplicate. What somebody else has by now is theirs to acknowledge, as a duplicate as well.
    async fn acknowledge(&self, group: &[&mut Item], outcomes: &[Outcome]) {
        let Some(acks) = &self.acks else { return };
        let done = |(item, outcome): (&&mut Item, &Outcome)| match item.plan {
            Plan::Finish(_) if outcome.is_applied() => item.ticket,
            _ => None,
        };
        let mut tickets: Vec<Ticket> = group.iter().zip(outcomes).filter_map(done).collect();
        let mut patience = self.patience();
        while !tickets.is_empty() {
            let acked = acks.acknowledge(&tickets).await;
            let unanswered =
                tickets.iter().zip(acked).filter(|(_, acked)| matches!(acked, Acked::Unavailable(_)));
            tickets = unanswered.map(|(ticket, _)| *ticket).collect();
            if !tickets.is_empty() && !patience.pause("its source does not take acknowledgements").await {
                return;
            }
        }
    }
}

/// Whether the store has marked anything that its replicas should have.
fn any_marks(endings: &[Ending], outcomes: &[SettleOutcome]) -> bool {
    endings.iter().zip(outcomes).any(|(ending, outcome)| {
        matches!(outcome, SettleOutcome::Applied { .. }) && !ending.settlement().keys.is_empty()
    })
}

fn append(sink: &mut dyn Sink, bytes: &[u8]) -> Result<(), Failure> {
    if bytes.is_empty() { Ok(()) } else { sink.append(bytes).or_exit(Exit::File) }
}

impl Settle for Ordered {
    fn settle<'a>(&'a mut self, group: &'a mut [&mut Item]) -> Settling<'a, Result<Vec<Outcome>, Failure>> {
        Box::pin(self.settle_group(group))
    }

    fn close(&mut self) -> Settling<'_, Result<(), Failure>> {
        Box::pin(async {
            self.output.flush().await.or_exit(Exit::File)?;
            self.dead_letters.flush().await.or_exit(Exit::File)
        })
    }
}

impl Ordered {
    pub(super) async fn settle_group(&mut self, group: &mut [&mut Item]) -> Result<Vec<Outcome>, Failure> {
        super::put_off_what_is_late(group.iter_mut(), &self.gate);
        let settlements: Vec<Settlement> = group.iter_mut().map(|item| item.take_settlement()).collect();
        let mut outcomes = self.check(&settlements).await;
        group.iter_mut().zip(settlements).for_each(|(item, settlement)| item.restore(settlement));
        // Once more: a store that was slow to answer has used up leases meanwhile. What it did not answer for hangs on none.
        let answered = group.iter_mut().zip(&outcomes);
        let answered = answered.filter(|(_, outcome)| matches!(outcome, SettleOutcome::Applied { .. }));
        super::put_off_what_is_late(answered.map(|(item, _)| item), &self.gate);
        self.unguard(group.iter_mut().map(|item| item.ending.as_mut()), &mut outcomes);
        let written = self.write(group, &outcomes).await?;

        // What the check refused is not marked; what it could not answer is only released; what may be half
        // written is neither: its claim lapses.
        let (mut marked, mut endings) = (Vec::new(), Vec::new());
        for (index, (item, outcome)) in group.iter_mut().zip(&mut outcomes).enumerate() {
            match outcome {
                SettleOutcome::Lost { .. } | SettleOutcome::Unreadable(_) => continue,
                SettleOutcome::Unavailable(_) => item.put_off(&self.gate),
                SettleOutcome::Applied { .. } if item.writes() && !written => {
                    item.ending = None;
                    *outcome = SettleOutcome::Unavailable("its outputs could not be written".to_owned());
                }
                SettleOutcome::Applied { .. } => {}
            }
            if let Some(ending) = item.ending.take() {
                marked.push(index);
                endings.push(ending);
            }
        }
        let (settled, replicated) = self.mark_and_replicate(&mut endings).await?;
        for ((index, ending), outcome) in marked.into_iter().zip(endings).zip(settled) {
            if let (Some(item), Some(place)) = (group.get_mut(index), outcomes.get_mut(index)) {
                item.ending = Some(ending);
                *place = outcome;
            }
        }
        let outcomes: Vec<Outcome> = outcomes.into_iter().map(Outcome::Settled).collect();
        if replicated {
            self.acknowledge(group, &outcomes).await;
        }
        Ok(outcomes)
    }
}
