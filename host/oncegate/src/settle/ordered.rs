//! Commits and outputs where no step can hold both: fences, outputs, marks, acknowledgement, in this order.
//!
//! A crash between outputs and marks repeats an output, with the same id; no crash loses one.

use std::sync::Arc;

use oncegate_broker::Sink;
use oncegate_dedup::store::{SettleOutcome, Settlement};
use oncegate_dedup::{Ending, Gate};

use super::Settle;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::pipeline::{Item, STORE_PAUSE, Stop};

/// How long a stop waits for a store that does not answer, before the marks are given up and the next run has to
/// repeat their outputs.
const GIVE_UP_AFTER_STOP: std::time::Duration = std::time::Duration::from_secs(10);

/// Any store, and two sinks that it knows nothing of.
pub struct Ordered {
    gate: Arc<Gate>,
    output: Box<dyn Sink + Send>,
    dead_letters: Box<dyn Sink + Send>,
    stop: Arc<Stop>,
    runtime: tokio::runtime::Runtime,
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
        stop: Arc<Stop>,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.or_exit(Exit::Failed)?;
        Ok(Self { gate, output, dead_letters, stop, runtime })
    }

    /// Fences first: what has lost its fence belongs to somebody else, and must not be written.
    fn check(&self, settlements: &[Settlement]) -> Vec<SettleOutcome> {
        if settlements.iter().all(|settlement| settlement.keys.is_empty()) {
            return vec![SettleOutcome::Applied { late: 0 }; settlements.len()];
        }
        self.runtime.block_on(self.gate.store().check(settlements))
    }

    fn write(&mut self, item: &Item) -> Result<(), Failure> {
        if !item.output.is_empty() {
            self.output.append(&item.output).or_exit(Exit::File)?;
        }
        if !item.dead_letter.is_empty() {
            self.dead_letters.append(&item.dead_letter).or_exit(Exit::File)?;
        }
        Ok(())
    }

    /// Marks until the store has answered for each: once an output may be out, its claim is never released.
    fn mark(&self, endings: &mut [Ending]) -> Result<Vec<SettleOutcome>, Failure> {
        let mut given_up_in = GIVE_UP_AFTER_STOP;
        loop {
            let outcomes = self.runtime.block_on(self.gate.try_settle(endings));
            let unanswered = outcomes.iter().find_map(|outcome| match outcome {
                SettleOutcome::Unavailable(why) => Some(why.clone()),
                _ => None,
            });
            let Some(why) = unanswered else { return Ok(outcomes) };
            if self.stop.is_draining() {
                given_up_in = given_up_in.saturating_sub(STORE_PAUSE);
            }
            if given_up_in.is_zero() {
                return Err(fail!(
                    Exit::Store,
                    "the store does not answer ({why}): what was written last is not marked, and the next run \
                     will write it again with the same ids"
                ));
            }
            std::thread::sleep(STORE_PAUSE);
        }
    }
}

impl Settle for Ordered {
    fn settle(&mut self, group: &mut [&mut Item]) -> Result<Vec<SettleOutcome>, Failure> {
        super::put_off_what_is_late(group, &self.gate);
        let settlements: Vec<Settlement> = group.iter_mut().map(|item| item.take_settlement()).collect();
        let mut outcomes = self.check(&settlements);
        group.iter_mut().zip(settlements).for_each(|(item, settlement)| item.restore(settlement));
        for (item, outcome) in group.iter_mut().zip(&outcomes) {
            if matches!(outcome, SettleOutcome::Applied { .. }) && item.writes() {
                self.write(item)?;
                if let Some(ending) = &mut item.ending {
                    ending.outputs_are_out();
                }
            }
        }
        self.output.flush().or_exit(Exit::File)?;
        self.dead_letters.flush().or_exit(Exit::File)?;

        // What the check refused is not marked; what it could not answer is only released.
        let (mut marked, mut endings) = (Vec::new(), Vec::new());
        for (index, item) in group.iter_mut().enumerate() {
            let refused = matches!(
                outcomes.get(index),
                Some(SettleOutcome::Lost { .. } | SettleOutcome::Unreadable(_))
            );
            if matches!(outcomes.get(index), Some(SettleOutcome::Unavailable(_))) {
                item.put_off(&self.gate);
            }
            if let Some(ending) = item.ending.take_if(|_| !refused) {
                marked.push(index);
                endings.push(ending);
            }
        }
        let settled = self.mark(&mut endings)?;
        for ((index, ending), outcome) in marked.into_iter().zip(endings).zip(settled) {
            if let (Some(item), Some(place)) = (group.get_mut(index), outcomes.get_mut(index)) {
                item.ending = Some(ending);
                *place = outcome;
            }
        }
        Ok(outcomes)
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.output.flush().or_exit(Exit::File)?;
        self.dead_letters.flush().or_exit(Exit::File)
    }
}
