//! A host's source: a stream on a server, read as one consumer of a group.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oncegate_broker::{Acked, Acks, Delivery, Message, Notice, Pending, Source, SourceError, Ticket};

use crate::counts::Met;
use crate::facts::payload;
use crate::link::{Answer, Request};
use crate::stream::{Consumer, HandedOut, Whose};
use crate::wire::Wire;

/// How long a read waits for something to come.
const LONGEST_READ_US: u64 = 200_000;

/// How long to look away where nothing can be read.
const PAUSE_US: u64 = 20_000;

/// What a process holds: handed out, and not ended.
#[derive(Debug)]
pub struct SimHolding {
    wire: Wire,
    consumer: Consumer,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<(u64, u64), Held>,
    closed: bool,
}

#[derive(Debug)]
struct Held {
    count: u64,
    fresh_us: u64,
    lost: bool,
}

impl SimHolding {
    /// Nothing is held yet.
    pub fn new(wire: Wire) -> Arc<Self> {
        let consumer = Consumer { host: wire.host, life: wire.life };
        Arc::new(Self { wire, consumer, state: Mutex::default() })
    }

    /// Who reads.
    pub fn consumer(&self) -> Consumer {
        self.consumer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn takeover_us(&self) -> u64 {
        self.wire.sim.world().plan.policy.takeover_ms * 1000
    }

    /// Keeps what is held fresh, until the end.
    pub async fn keep(self: Arc<Self>) {
        let every_us = self.takeover_us() / 4;
        loop {
            self.wire.sim.sleep_us(every_us / 2).await;
            if self.state().closed {
                return;
            }
            let now_us = self.wire.sim.world().now_us();
            let is_stale = |held: &Held| !held.lost && now_us.saturating_sub(held.fresh_us) >= every_us;
            let tickets: Vec<Ticket> = (self.state().held.iter())
                .filter(|(_, held)| is_stale(held))
                .map(|(&entry, held)| Ticket { entry, count: held.count })
                .collect();
            if !tickets.is_empty() {
                self.keep_these(tickets, now_us).await;
            }
        }
    }

    async fn keep_these(&self, tickets: Vec<Ticket>, then_us: u64) {
        let request = Request::Keep { consumer: self.consumer, tickets: tickets.clone() };
        let Ok(Answer::Whose(whose)) = self.wire.ask_again(request).await else { return };
        let mut state = self.state();
        for (ticket, whose) in tickets.into_iter().zip(whose) {
            let held = state.held.get_mut(&ticket.entry).filter(|held| held.count == ticket.count);
            match (held, whose) {
                (Some(held), Whose::Ours) => held.fresh_us = held.fresh_us.max(then_us),
                (Some(held), _) => held.lost = true,
                (None, _) => {}
            }
        }
    }

    /// The delivery of an entry, which is held from here on; none if it is held already.
    fn hand_out(&self, one: HandedOut) -> Option<Delivery> {
        let mut world = self.wire.sim.world();
        let held = Held { count: one.count, fresh_us: world.now_us(), lost: false };
        match self.state().held.entry(one.entry.id) {
            std::collections::btree_map::Entry::Occupied(_) => return None,
            std::collections::btree_map::Entry::Vacant(free) => drop(free.insert(held)),
        }
        world.counts.met(Met::Deliveries);
        world.slots[self.wire.host].handed_out += 1;
        Some(Delivery::Message(Message {
            id: format!("m{}", one.entry.number),
            topic: "in".to_owned(),
            key: None,
            headers: Vec::new(),
            payload: payload(one.entry.body),
            published_ms: None,
            ticket: Some(Ticket { entry: one.entry.id, count: one.count }),
        }))
    }
}

impl Acks for SimHolding {
    fn acknowledge<'a>(&'a self, tickets: &'a [Ticket]) -> Pending<'a, Vec<Acked>> {
        Box::pin(async move {
            let request = Request::Acknowledge { consumer: self.consumer, tickets: tickets.to_vec() };
            let whose = match self.wire.ask_again(request).await {
                Ok(Answer::Whose(whose)) => whose,
                Ok(_) => return vec![Acked::Unavailable("a strange answer".to_owned()); tickets.len()],
                Err(why) => return vec![Acked::Unavailable(why); tickets.len()],
            };
            let acked = |whose: Whose| match whose {
                Whose::Ours => Acked::Done,
                Whose::Gone => Acked::Gone,
                Whose::Other => Acked::Lost,
            };
            whose.into_iter().map(acked).collect()
        })
    }

    fn ended(&self, ticket: Ticket) {
        let mut state = self.state();
        if state.held.get(&ticket.entry).is_some_and(|held| held.count == ticket.count) {
            state.held.remove(&ticket.entry);
        } else if !state.closed {
            drop(state);
            self.wire.sim.world().facts.violated(format!("CONSERVATION: the hand-over {ticket} ended twice"));
        }
    }

    fn is_lost(&self, ticket: Ticket) -> bool {
        let state = self.state();
        state.held.get(&ticket.entry).is_some_and(|held| held.count == ticket.count && held.lost)
    }

    fn leave(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            let tickets: Vec<Ticket> = {
                let mut state = self.state();
                state.closed = true;
                let held = std::mem::take(&mut state.held).into_iter();
                held.map(|(entry, held)| Ticket { entry, count: held.count }).collect()
            };
            if !tickets.is_empty() {
                // What cannot be handed back is taken over later.
                let _ = self.wire.ask_again(Request::HandBack { consumer: self.consumer, tickets }).await;
            }
        })
    }

    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}

/// Reads a stream.
#[derive(Debug)]
pub struct SimSource {
    holding: Arc<SimHolding>,
    most_held: usize,
    look_due_us: u64,
}

impl SimSource {
    /// What it hands out is held there.
    pub fn new(holding: Arc<SimHolding>, most_held: usize) -> Self {
        Self { holding, most_held, look_due_us: 0 }
    }

    async fn step(&mut self, most: usize) -> Result<Vec<HandedOut>, String> {
        let holding = Arc::clone(&self.holding);
        let wire = &holding.wire;
        let now_us = wire.sim.world().now_us();
        if now_us >= self.look_due_us {
            let held: Vec<(u64, u64)> = holding.state().held.keys().copied().collect();
            let asked = wire.ask(Request::Find { consumer: holding.consumer, held, most }).await?;
            self.look_due_us = now_us + holding.takeover_us() / 4;
            if let Answer::Entries(found) = asked
                && !found.is_empty()
            {
                return Ok(found);
            }
        }
        let wait_us = self.look_due_us.saturating_sub(now_us).clamp(1_000, LONGEST_READ_US);
        let read = Request::Read { consumer: holding.consumer, most, wait_us };
        // A read that waits is not one that fails.
        let wire = Wire { patience_us: wire.patience_us + wait_us, ..wire.clone() };
        match wire.ask(read).await? {
            Answer::Entries(found) => Ok(found),
            _ => Ok(Vec::new()),
        }
    }
}

impl Source for SimSource {
    fn name(&self) -> &str {
        "in"
    }

    fn receive(&mut self, max: usize) -> Pending<'_, Result<Vec<Delivery>, SourceError>> {
        Box::pin(async move {
            let held = self.holding.state().held.len();
            let room = self.most_held.saturating_sub(held).min(max);
            let found = if room == 0 { Ok(Vec::new()) } else { self.step(room).await };
            if room == 0 || found.is_err() {
                self.holding.wire.sim.sleep_us(PAUSE_US).await;
            }
            if found.is_err() {
                // What its reply brought is ours without our knowing.
                self.look_due_us = 0;
            }
            let found = found.unwrap_or_default();
            Ok(found.into_iter().filter_map(|one| self.holding.hand_out(one)).collect())
        })
    }

    fn reconnects(&self) -> u64 {
        self.holding.wire.sim.world().links[self.holding.wire.link].epoch
    }

    fn ends(&self) -> bool {
        false
    }
}
