//! What a server does with a request that has arrived.

use std::sync::Arc;

use oncegate_broker::Ticket;
use oncegate_dedup::store::{ClaimOutcome, SettleOutcome};

use super::{Answer, From, Link, Parked, Request, StepItem};
use crate::counts::Met;
use crate::encoder::Out;
use crate::facts::By;
use crate::plan::{Broken, Gate, Shape};
use crate::say;
use crate::stream::{Consumer, HandedOut, Whose};
use crate::world::{Slot, World};

impl World {
    pub(super) fn serve(&mut self, from: From, request: Request) -> Answer {
        let Link { host, life, server, hold_until_ms, .. } = self.links[from.link];
        match request {
            Request::Claim(claims) => {
                let mut outcomes = Vec::with_capacity(claims.len());
                for claim in &claims {
                    outcomes.push(self.claim(server, host, claim, hold_until_ms));
                    if matches!(outcomes.last(), Some(ClaimOutcome::First(_))) {
                        let now_us = self.now_us();
                        self.facts.granted(host, life, &claim.key, now_us);
                    }
                }
                if outcomes.iter().any(|outcome| matches!(outcome, ClaimOutcome::First(_))) {
                    self.gate(host, life, Gate::AfterClaim);
                }
                Answer::Claimed(outcomes)
            }
            Request::Check(settlements) => {
                let now_us = self.now_us();
                for settled in settlements.iter().flat_map(|settlement| &settlement.keys) {
                    self.facts.checked(host, &settled.key, now_us);
                }
                Answer::Settled(settlements.iter().map(|one| self.settle(server, host, one, false)).collect())
            }
            Request::Settle(settlements) => {
                let outcomes = settlements.iter().map(|one| self.settle(server, host, one, true)).collect();
                if self.plan.shape == Shape::Ordered {
                    self.gate(host, life, Gate::AfterCommit);
                }
                Answer::Settled(outcomes)
            }
            Request::Step { consumer, items } => {
                let stepped = items.into_iter().map(|item| self.one_step(server, consumer, item)).collect();
                self.gate(host, life, Gate::AfterAck);
                Answer::Stepped(stepped)
            }
            Request::Find { consumer, held, most } => {
                Answer::Entries(self.find(server, consumer, &held, most))
            }
            Request::Keep { consumer, tickets } => {
                let now_ms = self.now_ms();
                let stream = &mut self.servers[server].data.stream;
                Answer::Whose(tickets.iter().map(|ticket| stream.keep(consumer, *ticket, now_ms)).collect())
            }
            Request::Acknowledge { consumer, tickets } => {
                let whose =
                    tickets.iter().map(|ticket| self.acknowledge(server, consumer, *ticket)).collect();
                self.gate(host, life, Gate::AfterAck);
                Answer::Whose(whose)
            }
            Request::HandBack { consumer, tickets } => {
                let stream = &mut self.servers[server].data.stream;
                tickets.iter().for_each(|ticket| stream.hand_back(consumer, *ticket));
                Answer::Done
            }
            Request::Append(outs) => {
                for out in outs {
                    self.append(server, Consumer { host, life }, out);
                }
                self.gate(host, life, Gate::AfterEffect);
                Answer::Done
            }
            // Served where they arrive.
            Request::Read { .. } | Request::Replicate => Answer::Done,
        }
    }

    fn one_step(&mut self, server: usize, consumer: Consumer, item: StepItem) -> Option<SettleOutcome> {
        let StepItem { ticket, settlement, relied_on, outs } = item;
        let mut whose = self.servers[server].data.stream.whose(consumer, ticket);
        if self.plan.broken == Some(Broken::AcknowledgesForAnybody) {
            whose = Whose::Ours;
        }
        if whose != Whose::Ours {
            let settled = self.settled_before(server, &settlement);
            if settled || (whose == Whose::Gone && settlement.keys.is_empty()) {
                return Some(SettleOutcome::Applied { late: 0 });
            }
            self.counts.met(Met::EntriesLost);
            return None;
        }
        let (data, now_ms) = (&self.servers[server].data, self.now_ms());
        if !relied_on.iter().all(|mark| data.has(mark, now_ms)) {
            self.counts.met(Met::MarksMissed);
            return Some(SettleOutcome::Lost { key: 0 });
        }
        let outcome = self.settle(server, consumer.host, &settlement, true);
        if self.plan.broken == Some(Broken::AppendsInAnyCase) && matches!(outcome, SettleOutcome::Lost { .. })
        {
            for out in &outs {
                self.append(server, consumer, out.clone());
            }
        }
        if matches!(outcome, SettleOutcome::Applied { .. }) {
            for out in outs {
                self.append(server, consumer, out);
            }
            self.acknowledged(server, consumer, ticket);
        }
        Some(outcome)
    }

    fn append(&mut self, server: usize, who: Consumer, out: Out) {
        let Consumer { host, life } = who;
        say!(self, "host {host} appends {}{}", if out.dead { "the dead letter of " } else { "" }, out.id);
        if out.dead {
            self.counts.met(Met::DeadLetters);
        } else {
            let (now_us, is_dead) = (self.now_us(), !self.lives(host, life));
            // Whoever stands still now has something wrong with it now.
            let last = |slot: &Slot| if slot.paused_until_us > now_us { Some(now_us) } else { slot.fault_us };
            let faults: Vec<Option<u64>> = self.slots.iter().map(last).collect();
            self.facts.appended(&out, By { host, life, is_dead }, now_us, &faults);
        }
        self.servers[server].data.outs.push(Arc::new(out));
    }

    fn acknowledge(&mut self, server: usize, consumer: Consumer, ticket: Ticket) -> Whose {
        let mut whose = self.servers[server].data.stream.whose(consumer, ticket);
        if self.plan.broken == Some(Broken::AcknowledgesForAnybody) && whose == Whose::Other {
            whose = Whose::Ours;
        }
        if whose == Whose::Ours {
            self.acknowledged(server, consumer, ticket);
        }
        whose
    }

    fn acknowledged(&mut self, server: usize, consumer: Consumer, ticket: Ticket) {
        let stream = &mut self.servers[server].data.stream;
        stream.pending.remove(&ticket.entry);
        if let Some(entry) = stream.entry(ticket.entry) {
            say!(self, "host {} acknowledges m{}", consumer.host, entry.number);
            self.look_at_acknowledged(entry);
        }
    }

    fn find(
        &mut self,
        server: usize,
        consumer: Consumer,
        held: &[(u64, u64)],
        most: usize,
    ) -> Vec<HandedOut> {
        let (now_ms, idle_ms) = (self.now_ms(), self.plan.policy.takeover_ms);
        let found = self.servers[server].data.stream.find(consumer, held, idle_ms, most, now_ms);
        let mut handed_out = Vec::with_capacity(found.len());
        for (one, taken_over) in found {
            let how = if taken_over { "takes over" } else { "recovers" };
            say!(self, "host {} {how} m{}, count {}", consumer.host, one.entry.number, one.count);
            self.counts.met(if taken_over { Met::EntriesTakenOver } else { Met::EntriesRecovered });
            handed_out.push(one);
        }
        self.acknowledge_at_once(server, consumer, &handed_out);
        handed_out
    }

    fn acknowledge_at_once(&mut self, server: usize, consumer: Consumer, handed_out: &[HandedOut]) {
        if self.plan.broken == Some(Broken::AcknowledgesAtOnce) {
            for one in handed_out {
                let ticket = Ticket { entry: one.entry.id, count: one.count };
                self.acknowledged(server, consumer, ticket);
            }
        }
    }

    /// Reads what is new, or waits for it.
    pub(super) fn read(&mut self, parked: Parked, wait_us: u64) {
        let Parked { from, consumer, most } = parked;
        let server = self.links[from.link].server;
        let now_ms = self.now_ms();
        let handed_out = self.servers[server].data.stream.read(consumer, most, now_ms);
        if handed_out.is_empty() && wait_us > 0 {
            self.servers[server].parked.push(parked);
            return self.after_us(wait_us, move |world| world.wait_no_longer(server, from));
        }
        for one in &handed_out {
            say!(self, "host {} reads m{}", consumer.host, one.entry.number);
        }
        self.acknowledge_at_once(server, consumer, &handed_out);
        self.reply(from, Answer::Entries(handed_out));
    }

    fn wait_no_longer(&mut self, server: usize, from: From) {
        let same = |parked: &Parked| (parked.from.link, parked.from.number) == (from.link, from.number);
        let parked = &mut self.servers[server].parked;
        if let Some(place) = parked.iter().position(same) {
            parked.remove(place);
            self.reply(from, Answer::Entries(Vec::new()));
        }
    }

    /// Something came, or a server goes on: reads that wait are served in their order.
    pub fn serve_parked(&mut self, server: usize) {
        let (now_us, found) = (self.now_us(), &mut self.servers[server]);
        if now_us < found.stalled_until_us {
            return;
        }
        for parked in std::mem::take(&mut found.parked) {
            let Link { conn, broken, .. } = self.links[parked.from.link];
            let stream = &self.servers[server].data.stream;
            if stream.read == stream.entries.len() {
                self.servers[server].parked.push(parked);
            } else if parked.from.last || (conn == parked.from.conn && !broken) {
                self.read(parked, 0);
            }
        }
    }
}
