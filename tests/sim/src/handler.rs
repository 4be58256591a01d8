//! Handlers of one process: native ones that do what a message's body says.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use oncegate::pipeline::Invoke;
use oncegate_dedup::{Attempt, DuplicateBy, HandlerEnd, Refusal, SeenError, Sighting};
use oncegate_sandbox::{Invocation, Logs, Message, StagedOutput, Usage};

use crate::counts::Met;
use crate::facts::{body_of, effect_text, key_name};
use crate::plan::{Body, BodyEnd, Plan};
use crate::wire::Wire;

/// Does what a message's body says.
#[derive(Debug, Clone)]
pub struct SimHandler {
    /// The store's, whose answers are looked at.
    pub wire: Wire,
    pub plan: Arc<Plan>,
}

impl Invoke for SimHandler {
    async fn invoke(&self, message: &Message, mut attempt: Attempt) -> Invocation {
        self.wire.sim.world().counts.met(Met::Invocations);
        let mut outputs = Vec::new();
        let limit_ms = self.plan.policy.handler_limit_ms;
        let end = match body_of(&message.payload) {
            None => HandlerEnd::Rejected("no body".to_owned()),
            Some(body) => {
                let work = pin!(self.handle(body, &mut attempt, &mut outputs));
                match select(work, self.wire.sim.sleep_us(limit_ms * 1000)).await {
                    Either::Left((end, _)) => end,
                    Either::Right(_) => HandlerEnd::OutOfTime("out of time".to_owned()),
                }
            }
        };
        // Whoever stood still too long is stopped before it does anything else.
        let late =
            attempt.acts_until_ms().is_some_and(|until_ms| attempt.gate().clock().now_ms() >= until_ms);
        let end =
            if late && end == HandlerEnd::Ok { HandlerEnd::OutOfTime("too late".to_owned()) } else { end };
        if end != HandlerEnd::Ok {
            outputs.clear();
        }
        let faulted = !matches!(end, HandlerEnd::Ok | HandlerEnd::Rejected(_));
        let (logs, usage) = (Logs::default(), Usage::default());
        Invocation { attempt, end, faulted, outputs, refused_topic: None, logs, usage, recycled: None }
    }
}

impl SimHandler {
    async fn handle(
        &self,
        number: usize,
        attempt: &mut Attempt,
        outputs: &mut Vec<StagedOutput>,
    ) -> HandlerEnd {
        let body = &self.plan.bodies[number];
        self.work(body).await;
        if body.keys.is_empty() {
            outputs.extend((0..body.outputs).map(|index| output(number, None, index, None)));
            return HandlerEnd::Ok;
        }
        let mut new = Vec::new();
        for &key in &body.keys {
            let sighting = attempt.seen(key_name(key).as_bytes()).await;
            // Only the first key tells who knew it.
            if key == body.keys[0] && attempt.duplicate_by() == Some(DuplicateBy::L1) {
                self.wire.sim.world().look_at_cached(self.wire.link, key, number);
            }
            match sighting {
                Ok(Sighting::New) => {
                    let under = attempt.last_new();
                    outputs.extend((0..body.outputs).map(|index| output(number, Some(key), index, under)));
                    new.push(key);
                }
                Ok(Sighting::Duplicate(_)) => {}
                // "Not new, fine": the host must know better.
                Ok(Sighting::InFlight(_)) => return HandlerEnd::Ok,
                Err(SeenError::Refused(Refusal::Unavailable(_))) if number.is_multiple_of(2) => {
                    return HandlerEnd::Ok;
                }
                Err(SeenError::Refused(refusal)) => return HandlerEnd::Failed(refusal.to_string()),
                Err(SeenError::Aborted) => return HandlerEnd::Aborted,
            }
            self.work(body).await;
        }
        if new.is_empty() {
            return HandlerEnd::Ok;
        }
        if body.end == BodyEnd::Rejects {
            return HandlerEnd::Rejected("as its body says".to_owned());
        }
        if self.wire.sim.world().facts.fails(number) {
            return HandlerEnd::Failed("as its body says".to_owned());
        }
        for key in new {
            let receipt = Some(vec![number as u8]);
            if let Err(refusal) = attempt.commit(key_name(key).as_bytes(), receipt) {
                return HandlerEnd::Failed(refusal.to_string());
            }
        }
        HandlerEnd::Ok
    }

    async fn work(&self, body: &Body) {
        if body.work_ms > 0 {
            self.wire.sim.sleep_us(body.work_ms * 1000).await;
        }
    }
}

fn output(body: usize, key: Option<u32>, index: u32, under: Option<usize>) -> StagedOutput {
    StagedOutput {
        topic: "out".to_owned(),
        key: None,
        headers: Vec::new(),
        payload: effect_text(body, key, index).into_bytes(),
        under,
        index,
    }
}
