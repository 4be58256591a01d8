//! Where the parts of a rehearsed host meet: which delivery is under way, and what has come of it so far.

use std::sync::{Mutex, MutexGuard, PoisonError};

use oncegate_broker::Message;
use tokio::sync::Notify;

use super::call::Call;
use super::crash::Crash;
use super::delivery::{Delivery, is_dead};
use crate::pipeline::{Item, Plan};
use crate::summary::End;

/// One delivery at a time lies here.
#[derive(Debug, Default)]
pub struct Desk {
    state: Mutex<State>,
    /// Something to be handed out has arrived, or nothing more will.
    arrived: Notify,
    /// The delivery is over for its host.
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Not handed out yet.
    waiting: Option<Message>,
    nothing_more: bool,
    /// Where the host is to die.
    planned: Option<Crash>,
    /// What has come of it.
    delivery: Delivery,
    /// How it will have ended once it is settled.
    about_to_end: Option<End>,
    outage: Option<String>,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message here, to be delivered to a host that is to die so.
    pub fn put(&self, message: Message, planned: Option<Crash>) {
        let mut state = self.state();
        *state = State { waiting: Some(message), planned, ..State::default() };
        drop(state);
        self.arrived.notify_one();
    }

    /// Nothing more will be delivered.
    pub fn end(&self) {
        self.state().nothing_more = true;
        self.arrived.notify_one();
    }

    /// What is to be handed out next; none if nothing will be.
    pub async fn take(&self) -> Option<Message> {
        loop {
            {
                let mut state = self.state();
                if state.waiting.is_some() || state.nothing_more {
                    return state.waiting.take();
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Waits until the delivery is over for its host.
    pub async fn closed(&self) {
        self.closed.notified().await;
    }

    /// What came of it, or why the store could not be asked.
    pub fn collect(&self) -> Result<Delivery, String> {
        let State { delivery, outage, .. } = std::mem::take(&mut *self.state());
        outage.map_or(Ok(delivery), Err)
    }

    /// The handler was called.
    pub fn called(&self, call: Call) {
        let mut state = self.state();
        if let Some(why) = call.outage() {
            state.outage = Some(why.to_owned());
            self.closed.notify_one();
        }
        state.delivery.add(call);
    }

    /// It is about to be settled. True if its host dies before that.
    pub fn settles(&self, item: &Item) -> bool {
        let mut state = self.state();
        let Plan::Finish(end) = item.plan else { return false };
        state.about_to_end = Some(end);
        if !item.dead_letter.is_empty() {
            state.delivery.reason = Some(String::from_utf8_lossy(&item.dead_letter).into_owned());
        }
        self.dies(&mut state, Crash::BeforeSettle)
    }

    /// These outputs are out.
    pub fn written(&self, lines: Vec<String>) {
        self.state().delivery.outputs.extend(lines);
    }

    /// It is settled and to be acknowledged. True if its host dies before that.
    pub fn acknowledges(&self) -> bool {
        let mut state = self.state();
        let end = state.about_to_end;
        let State { delivery, .. } = &mut *state;
        delivery.end = end;
        if end == Some(End::Applied)
            && let Some(call) = delivery.calls.last()
        {
            let commits = call.commits().map(|(key, receipt)| (key.to_owned(), receipt.map(<[u8]>::to_vec)));
            delivery.commits = commits.collect();
        }
        self.dies(&mut state, Crash::BeforeAck)
    }

    /// It has come to its end.
    pub fn ended(&self) {
        self.closed.notify_one();
    }

    /// Whether it dies now: that was planned, and the handler returned `ok`.
    fn dies(&self, state: &mut State, now: Crash) -> bool {
        let dies = state.planned == Some(now) && state.about_to_end.is_some_and(|end| !is_dead(end));
        if dies {
            state.delivery.crash = Some(now);
            self.closed.notify_one();
        }
        dies
    }
}
