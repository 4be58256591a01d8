//! The one step of the atomic settle, on a simulated server.

use oncegate::exit::Failure;
use oncegate::pipeline::Item;
use oncegate::settle::{OneStep, Outcome, Settling};
use oncegate_dedup::store::{Absent, SettleOutcome, Settlement};

use crate::encoder::outs;
use crate::link::{Answer, Request, StepItem};
use crate::stream::Consumer;
use crate::wire::Wire;

/// Marks, outputs and acknowledgement on a server that has all of them.
#[derive(Debug)]
pub struct SimStep {
    pub wire: Wire,
    pub consumer: Consumer,
}

impl OneStep for SimStep {
    fn fits(&self, _item: &Item) -> Result<bool, Failure> {
        Ok(true)
    }

    fn ask<'a>(&'a self, items: &'a [&'a Item]) -> Settling<'a, Result<Vec<Outcome>, Failure>> {
        Box::pin(async move {
            let request = Request::Step {
                consumer: self.consumer,
                items: items.iter().filter_map(|item| step(item)).collect(),
            };
            let taken_over =
                |outcome: Option<SettleOutcome>| outcome.map_or(Outcome::TakenOver, Outcome::Settled);
            Ok(match self.wire.ask_again(request).await {
                Ok(Answer::Stepped(outcomes)) => outcomes.into_iter().map(taken_over).collect(),
                Ok(_) => unknown(items, "a strange answer"),
                Err(why) => unknown(items, &why),
            })
        })
    }
}

fn step(item: &Item) -> Option<StepItem> {
    let nothing = Settlement { keys: Vec::new(), absent: Absent::Refuse };
    let settlement = item.ending.as_ref().map_or(nothing, |ending| ending.settlement().clone());
    let outs = outs(&item.output).into_iter().chain(outs(&item.dead_letter)).collect();
    // Only those with tickets are settled in one step.
    let relied_on = item.ending.as_ref().map_or(Vec::new(), |ending| ending.relied_on().to_vec());
    Some(StepItem { ticket: item.ticket?, settlement, relied_on, outs })
}

fn unknown(items: &[&Item], why: &str) -> Vec<Outcome> {
    vec![Outcome::Settled(SettleOutcome::Unavailable(why.to_owned())); items.len()]
}
