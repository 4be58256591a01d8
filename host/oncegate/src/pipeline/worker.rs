//! What runs handlers.
//!
//! Each delivery is begun where it is taken and polled at once: most end there, because claims and cached
//! duplicates are answered without waiting. Only what has to wait is kept in a set of futures, so that the
//! usual message costs no task, no timer and no channel.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use oncegate_broker::{Delivery, Malformed, Ticket};
use oncegate_dedup::store::SettleOutcome;
use oncegate_dedup::{Attempt, HandlerEnd};
use oncegate_sandbox::{Invocation, Logs, Permit, Usage};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::conclude::{self, Concluded};
use super::group::{Ready, Settled};
use super::order::Turns;
use super::quarantine::Entry;
use super::reader::Batch;
use super::retry::{Waitlist, random};
use super::task::{Item, Plan, Task};
use super::{Invoke, Shared};
use crate::exit::Exit;
use crate::fail;
use crate::settle::Outcome;
use crate::summary::{End, Event};

/// Deliveries that are handed to the settler at once: so many, if each has one key and writes little.
const READY: usize = 256;

/// What deliveries of one worker that wait for the settler may weigh, before it begins no more.
const UNSETTLED: usize = 4 * READY;

/// The pause of a delivery that is put off without anybody knowing for how long, in milliseconds.
const PUT_OFF_MS: u64 = 20;

/// A part that runs handlers. There may be several.
#[derive(Debug)]
pub struct WorkStage {
    /// Which of them it is.
    pub(super) index: usize,
    pub(super) groups: UnboundedSender<Ready>,
    pub(super) shared: Arc<Shared>,
}

impl WorkStage {
    /// Runs handlers until the input has ended and everything is settled, or the run is stopped.
    pub async fn run<I: Invoke>(self, invoke: &I) {
        let Self { index, groups, shared } = self;
        Worker::new(invoke, &shared, index, groups).run().await;
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = (Box<Task>, Invocation)> + 'a>>;

struct Worker<'a, I> {
    invoke: &'a I,
    shared: &'a Shared,
    /// Which of the lanes is its own; one that all share if there is only one.
    lane: usize,
    groups: UnboundedSender<Ready>,
    reply: UnboundedSender<Settled>,
    settled: UnboundedReceiver<Settled>,
    /// Taken from the reader, not begun.
    queue: VecDeque<Delivery>,
    input_ended: bool,
    turns: Turns<'a>,
    running: FuturesUnordered<Running<'a>>,
    waitlist: Waitlist<'a>,
    ready: Vec<Item>,
    /// What those weigh together.
    ready_weight: usize,
    unsettled: usize,
    /// What those weigh together.
    unsettled_weight: usize,
}

/// What comes next.
enum Next {
    Begin(Box<Task>),
    /// It waits behind another delivery that it is to come after.
    Behind,
    Malformed(Malformed),
}

/// What a worker waits for when it can begin nothing.
enum Woken {
    Ran(Box<Task>, Box<Invocation>),
    Settled(Option<Settled>),
    Batch(Option<Batch>),
    Due,
    Stopped,
}

impl<'a, I: Invoke> Worker<'a, I> {
    fn new(invoke: &'a I, shared: &'a Shared, index: usize, groups: UnboundedSender<Ready>) -> Self {
        let (reply, settled) = mpsc::unbounded_channel();
        Self {
            invoke,
            shared,
            lane: index % shared.lanes.len().max(1),
            groups,
            reply,
            settled,
            queue: VecDeque::new(),
            input_ended: false,
            turns: Turns::new(shared.rules.order, &shared.waiting),
            running: FuturesUnordered::new(),
            waitlist: Waitlist::new(&shared.waiting),
            ready: Vec::with_capacity(READY),
            ready_weight: 0,
            unsettled: 0,
            unsettled_weight: 0,
        }
    }

    async fn run(mut self) {
        while !self.shared.stop.has_failed() {
            self.begin_what_can_be_begun().await;
            if self.is_done() {
                break;
            }
            // Nothing more can be begun without waiting: whoever waits for one of these keys waits for this.
            self.hand_over();
            match self.wait().await {
                Woken::Ran(task, invocation) => self.conclude(task, *invocation),
                Woken::Settled(Some(settled)) => self.take_settled(settled),
                // The settler has gone: the run has failed.
                Woken::Settled(None) => break,
                Woken::Batch(Some(batch)) => self.take_batch(batch),
                Woken::Batch(None) => self.input_ended = true,
                Woken::Due | Woken::Stopped => {}
            }
        }
    }

    fn is_done(&self) -> bool {
        let under_way = !self.running.is_empty() || self.unsettled > 0 || !self.ready.is_empty();
        if self.shared.stop.is_draining() {
            return !under_way;
        }
        let waiting = !self.queue.is_empty() || !self.waitlist.is_empty() || !self.turns.is_empty();
        !under_way && !waiting && self.input_ended
    }

    fn take_batch(&mut self, batch: Batch) {
        self.shared.tally.add(Event::Read, batch.len() as u64);
        self.queue.extend(batch);
    }

    async fn begin_what_can_be_begun(&mut self) {
        while self.has_room() && !self.shared.stop.is_draining() {
            if !self.begin_one() {
                return;
            }
            if self.ready_weight >= READY {
                self.hand_over();
                // Timers and wakers get their turn, too.
                tokio::task::yield_now().await;
                while let Ok(settled) = self.settled.try_recv() {
                    self.take_settled(settled);
                }
            }
            if !self.running.is_empty() {
                self.poll_running();
            }
        }
    }

    /// Whether what is begun now could be settled, and could wait for a retry if it came to that.
    fn has_room(&self) -> bool {
        let settling = self.unsettled + self.ready.len();
        let weight = self.unsettled_weight + self.ready_weight;
        weight < UNSETTLED && (settling == 0 || !self.shared.waiting.is_full(settling))
    }

    /// Begins the next delivery. False if there is none, or no permit for it.
    fn begin_one(&mut self) -> bool {
        let now_ms = self.shared.gate.clock().now_ms();
        let probe = match self.shared.quarantine.enter(self.invoke.version(), now_ms) {
            Entry::Free => None,
            Entry::Probe(probe) => Some(probe),
            Entry::Closed => return false,
        };
        let due = self.waitlist.due_ms().is_some_and(|due_ms| due_ms <= now_ms);
        if !due && self.queue.is_empty() && !self.turns.has_next() {
            return false;
        }
        if !self.shared.is_within_budget() {
            return false;
        }
        // The permit comes first: a delivery that is taken can be run.
        let Some(permit) = self.shared.admission.try_acquire() else { return false };
        // What waits comes first when it is due. But a probe is better something new: what waits may be what failed.
        let next = match probe {
            None => self.next_due(now_ms).or_else(|| self.next_new()),
            Some(_) => self.next_new().or_else(|| self.next_due(now_ms)),
        };
        match next {
            Some(Next::Begin(mut task)) => {
                task.probe = probe;
                self.begin(task, permit);
            }
            Some(Next::Behind) => {}
            Some(Next::Malformed(malformed)) => self.settle(conclude::malformed(self.shared, &malformed)),
            None => return false,
        }
        true
    }

    fn next_due(&mut self, now_ms: u64) -> Option<Next> {
        self.waitlist.pop_due(now_ms).map(Next::Begin)
    }

    fn next_new(&mut self) -> Option<Next> {
        if let Some(message) = self.turns.next() {
            return Some(Next::Begin(Box::new(Task::new(message))));
        }
        // While too much waits, nothing new is begun.
        if self.shared.waiting.is_full(0) {
            return None;
        }
        Some(match self.queue.pop_front()? {
            Delivery::Malformed(malformed) => Next::Malformed(malformed),
            Delivery::Message(message) => match self.turns.admit(message) {
                Some(message) => Next::Begin(Box::new(Task::new(message))),
                None => Next::Behind,
            },
        })
    }

    fn begin(&mut self, mut task: Box<Task>, permit: Permit) {
        if self.is_lost(task.ticket) {
            return self.finish(Some(&task), task.ticket, End::TakenOver);
        }
        task.message.attempt = task.message.attempt.saturating_add(1);
        task.version = self.invoke.version();
        task.alone |= task.was_handed_over_more_often_than(self.shared.gate.policy().host_deaths);
        let run = run_one(self.invoke, self.shared, task, permit);
        let mut run: Running<'a> = Box::pin(run);
        // Polled here once, with nobody to wake: what is not ready then is polled again as soon as it is in the
        // set, which listens.
        let mut context = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
        match run.as_mut().poll(&mut context) {
            Poll::Ready((task, invocation)) => self.conclude(task, invocation),
            Poll::Pending => self.running.push(run),
        }
    }

    fn poll_running(&mut self) {
        let mut context = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
        while let Poll::Ready(Some((task, invocation))) = self.running.poll_next_unpin(&mut context) {
            self.conclude(task, invocation);
        }
    }

    fn conclude(&mut self, task: Box<Task>, invocation: Invocation) {
        match conclude::conclude(self.shared, self.invoke, task, invocation) {
            Concluded::Done(task, end) => self.finish(Some(&task), None, end),
            Concluded::Settle(item) => self.settle(*item),
            Concluded::Again(task, plan) => self.redeliver(task, plan),
            Concluded::Stop(why) => self.shared.stop.fail(fail!(Exit::Store, "{why}")),
        }
    }

    fn settle(&mut self, item: Item) {
        self.shared.charge(&item);
        self.ready_weight += item.weight();
        self.ready.push(item);
    }

    fn hand_over(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        let weight = std::mem::take(&mut self.ready_weight);
        let items = std::mem::replace(&mut self.ready, Vec::with_capacity(READY));
        self.unsettled += items.len();
        self.unsettled_weight += weight;
        // Fails only if the settler has gone, and then the run has failed.
        let _ = self.groups.send(Ready { items, weight, reply: self.reply.clone() });
    }

    async fn wait(&mut self) -> Woken {
        let shared = self.shared;
        let wants_more = self.has_room()
            && !shared.waiting.is_full(0)
            && self.queue.is_empty()
            && !self.input_ended
            && !shared.stop.is_draining();
        let pause = shared.gate.clock().sleep(self.pause_ms());
        // In this order, which none of them can keep the next from: what is settled makes room for what is begun.
        tokio::select! {
            biased;
            () = shared.stop.wait(), if !shared.stop.is_draining() => Woken::Stopped,
            settled = self.settled.recv(), if self.unsettled > 0 => Woken::Settled(settled),
            Some((task, invocation)) = self.running.next() => Woken::Ran(task, Box::new(invocation)),
            batch = next_batch(shared, self.lane), if wants_more => Woken::Batch(batch),
            () = pause => Woken::Due,
        }
    }

    /// Until the next delivery is due. Bounded, because permits and room come back on other threads.
    fn pause_ms(&self) -> u64 {
        const LONGEST_MS: u64 = 20;
        if !self.shared.is_within_budget() {
            return LONGEST_MS;
        }
        let now_ms = self.shared.gate.clock().now_ms();
        let due_ms = self.waitlist.due_ms().map_or(LONGEST_MS, |due_ms| due_ms.saturating_sub(now_ms));
        due_ms.clamp(1, LONGEST_MS)
    }

    fn take_settled(&mut self, settled: Settled) {
        self.unsettled = self.unsettled.saturating_sub(settled.items.len());
        self.unsettled_weight = self.unsettled_weight.saturating_sub(settled.weight);
        for (item, outcome) in settled.items.into_iter().zip(settled.outcomes) {
            self.settle_one(item, &outcome);
        }
    }

    fn settle_one(&mut self, item: Item, outcome: &Outcome) {
        let Item { task, ticket, ending, plan, outputs, dead_letter, .. } = item;
        let settled = match outcome {
            Outcome::Settled(settled) => settled,
            // Dropped without a word: whoever waits here for one of its keys asks the store.
            Outcome::TakenOver => return self.finish(task.as_deref(), ticket, End::TakenOver),
        };
        if let Some(ending) = ending {
            if ending.is_unguarded() && matches!(plan, Plan::Finish(_)) {
                self.shared.tally.add(Event::Unguarded, 1);
            }
            self.shared.gate.confirm(ending, settled);
        }
        let tally = &self.shared.tally;
        match settled {
            SettleOutcome::Applied { late } => {
                tally.add(Event::LateCommit, u64::from(*late));
                tally.add(Event::Output, outputs);
                tally.add(Event::DeadLetter, u64::from(!dead_letter.is_empty()));
                match (plan, task) {
                    (Plan::Finish(end), task) => self.finish(task.as_deref(), ticket, end),
                    (plan, Some(task)) => self.redeliver(task, plan),
                    (Plan::Redeliver { .. }, None) => {}
                }
            }
            outcome => {
                if matches!(outcome, SettleOutcome::Lost { .. }) {
                    tally.add(Event::FenceLost, 1);
                }
                // Nothing is applied. Made again, the delivery finds out what its key has become.
                if let Some(task) = task {
                    self.redeliver(task, Plan::Redeliver { failed: false, within_ms: None });
                }
            }
        }
    }

    /// A delivery has come to its final end.
    fn finish(&mut self, task: Option<&Task>, ticket: Option<Ticket>, end: End) {
        self.shared.tally.end(end);
        if let (Some(acks), Some(ticket)) = (&self.shared.acks, ticket) {
            acks.ended(ticket);
        }
        if let Some(task) = task {
            self.turns.ended(task.message.key.as_deref());
        }
    }

    fn is_lost(&self, ticket: Option<Ticket>) -> bool {
        let acks = self.shared.acks.as_ref();
        ticket.is_some_and(|ticket| acks.is_some_and(|acks| acks.is_lost(ticket)))
    }

    fn redeliver(&mut self, mut task: Box<Task>, plan: Plan) {
        let Plan::Redeliver { failed, within_ms } = plan else { return };
        let clock = self.shared.gate.clock();
        let backoff = self.shared.rules.backoff;
        let random = random(clock.as_ref());
        let pause_ms = if failed {
            task.failures = task.failures.saturating_add(1);
            task.deferrals = 0;
            self.shared.tally.add(Event::Failed, 1);
            backoff.pause_ms(task.failures, random)
        } else {
            task.deferrals = task.deferrals.saturating_add(1);
            self.shared.tally.add(Event::Deferred, 1);
            let least_ms = random % PUT_OFF_MS;
            let within_ms = within_ms.unwrap_or(u64::MAX);
            backoff.pause_ms(task.deferrals, random).min(within_ms).max(least_ms)
        };
        self.waitlist.push(task, clock.now_ms().saturating_add(pause_ms));
    }
}

async fn next_batch(shared: &Shared, lane: usize) -> Option<Batch> {
    shared.lanes.get(lane)?.lock().await.recv().await
}

/// How a delivery ends whose handler is not to be run.
fn not_run(attempt: Attempt) -> Invocation {
    let (end, usage) = (HandlerEnd::Aborted, Usage::default());
    let (outputs, logs) = (Vec::new(), Logs::default());
    Invocation { attempt, end, faulted: false, outputs, refused_topic: None, logs, usage, recycled: None }
}

/// One delivery through the handler.
async fn run_one<I: Invoke>(
    invoke: &I,
    shared: &Shared,
    task: Box<Task>,
    permit: Permit,
) -> (Box<Task>, Invocation) {
    let permit = match task.alone {
        false => permit,
        true => {
            // A suspect runs alone: if its host dies then, it is known why.
            drop(permit);
            shared.admission.acquire_alone().await
        }
    };
    let origin = task.origin(&shared.rules.source);
    let fingerprint = shared.rules.fingerprint.of(&task.message);
    let mut attempt = shared.gate.attempt(origin, fingerprint);
    if task.alone {
        attempt = attempt.alone();
    }
    let suspect = task.was_handed_over_more_often_than(shared.gate.policy().host_deaths);
    if suspect && !attempt.claim_delivery().await {
        return (task, not_run(attempt));
    }
    let invocation = invoke.invoke(&task.message, attempt).await;
    drop(permit);
    (task, invocation)
}
