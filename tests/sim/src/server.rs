//! A server: records, a stream with its group, and what was appended to its other streams.

use std::collections::BTreeMap;
use std::sync::Arc;

use oncegate_dedup::store::{Absent, Claim, ClaimOutcome, SettleOutcome, Settlement};
use oncegate_dedup::transition::{self, Held, KeyEnd, Write};
use oncegate_dedup::{Key, Mark, Record, State as RecordState};

use crate::counts::Met;
use crate::encoder::Out;
use crate::link::Parked;
use crate::plan::Broken;
use crate::say;
use crate::stream::Stream;
use crate::world::World;

/// A server.
#[derive(Debug, Default)]
pub struct Server {
    pub data: Data,
    /// Which process it is, or which replica that took its place.
    pub life: u64,
    pub down_until_us: u64,
    pub stalled_until_us: u64,
    /// It was emptied, and no operator has accepted that.
    pub refused: bool,
    /// What its replica has when it takes its place at that time, in milliseconds.
    replicas: Vec<(u64, Data)>,
    /// Reads that wait for something to come.
    pub parked: Vec<Parked>,
}

/// What a server holds, and a replica copies.
#[derive(Debug, Default, Clone)]
pub struct Data {
    pub records: BTreeMap<Key, Stored>,
    pub stream: Stream,
    pub outs: Vec<Arc<Out>>,
    /// In which life hosts have met it last, and since when they know.
    pub met: (u64, u64),
}

/// A record and its end.
#[derive(Debug, Clone)]
pub struct Stored {
    pub record: Record,
    pub until_ms: u64,
}

impl Data {
    /// A record that has not ended.
    pub fn load(&self, key: &Key, now_ms: u64) -> Option<Held> {
        let stored = self.records.get(key).filter(|stored| stored.until_ms > now_ms)?;
        Some(Held { record: stored.record.clone(), left_ms: stored.until_ms - now_ms, void: false })
    }

    /// Whether a key is settled for good.
    pub fn is_marked(&self, key: &Key, now_ms: u64) -> bool {
        matches!(self.state(key, now_ms), Some(RecordState::Committed | RecordState::Dead))
    }

    /// Whether a mark that somebody was told of still is there.
    pub fn has(&self, mark: &Mark, now_ms: u64) -> bool {
        let stored = self.records.get(&mark.key).filter(|stored| stored.until_ms > now_ms);
        stored.is_some_and(|stored| mark.stands_in(&stored.record))
    }

    /// The state of a key whose record has not ended.
    fn state(&self, key: &Key, now_ms: u64) -> Option<RecordState> {
        let stored = self.records.get(key).filter(|stored| stored.until_ms > now_ms)?;
        Some(stored.record.state)
    }
}

impl Server {
    /// What its replica has now is the last that it gets before it takes its place.
    pub fn replicate(&mut self, at_ms: u64) {
        self.replicas.push((at_ms, self.data.clone()));
    }

    /// The replica that was meant for this time takes its place.
    fn promote(&mut self, at_ms: u64) {
        // Other replicas begin anew with what this one has.
        let replicas = std::mem::take(&mut self.replicas);
        if let Some((_, data)) = replicas.into_iter().find(|(meant_ms, _)| *meant_ms == at_ms) {
            self.data = data;
        }
    }
}

impl World {
    /// One claim, as the store judges it. What it does not hold in a new epoch may be what it forgot.
    pub fn claim(&mut self, server: usize, host: usize, claim: &Claim, hold_until_ms: u64) -> ClaimOutcome {
        let now_ms = self.now_ms();
        let mut held = self.servers[server].data.load(&claim.key, now_ms);
        let lapsed = |held: &Held| held.record.state == RecordState::Claimed && held.lease_left_ms() == 0;
        if self.plan.broken == Some(Broken::GrantsTwice)
            && let Some(held) = &mut held
            && held.record.state == RecordState::Claimed
            && held.record.fence.attempt != claim.attempt
        {
            held.left_ms = 0;
        }
        let taken_over = held.as_ref().is_some_and(lapsed);
        let (outcome, write) = transition::claim(held.as_ref(), claim);
        // What could be had waits: its last claim may be what this server has forgotten.
        if matches!(outcome, ClaimOutcome::First(_)) && now_ms < hold_until_ms {
            self.counts.met(Met::HeldBackAfterFailover);
            return ClaimOutcome::InFlight { left_ms: hold_until_ms - now_ms };
        }
        match &outcome {
            ClaimOutcome::First(_) if taken_over => self.counts.met(Met::ClaimsTakenOver),
            ClaimOutcome::Committed(_) => self.counts.met(Met::Duplicates),
            _ => {}
        }
        say!(self, "host {host} claims {}: {}", claim.key.name(), word(&outcome));
        if let Some(write) = write {
            self.write(server, host, &claim.key, write);
        }
        outcome
    }

    /// How a settlement ends, and if it is to be, what it writes.
    pub fn settle(
        &mut self,
        server: usize,
        host: usize,
        settlement: &Settlement,
        write: bool,
    ) -> SettleOutcome {
        let now_ms = self.now_ms();
        let ignores_fences = self.plan.broken == Some(Broken::IgnoresFences);
        let data = &self.servers[server].data;
        let (mut outcome, writes) = transition::settle_all(settlement, |key| {
            let mut held = data.load(key, now_ms);
            if ignores_fences
                && let Some(held) = &mut held
                && let Some(settled) = settlement.keys.iter().find(|settled| settled.key == *key)
            {
                (held.record.fence, held.record.state) = (settled.fence, RecordState::Claimed);
            }
            Ok(held)
        });
        let writes: Vec<(Key, Write)> = writes.into_iter().map(|(key, write)| (key.clone(), write)).collect();
        if !write {
            return outcome;
        }
        match &mut outcome {
            SettleOutcome::Lost { .. } => self.counts.met(Met::FencesRefused),
            SettleOutcome::Applied { late } if *late > 0 => self.counts.met(Met::LateCommits),
            _ => {}
        }
        for settled in &settlement.keys {
            say!(self, "host {host} settles {}: {:?}: {outcome:?}", settled.key.name(), settled.action);
        }
        for (key, write) in writes {
            let forgets = self.plan.broken == Some(Broken::ForgetsCommits) && self.rng.chance(200);
            if !(forgets && write.record.state == RecordState::Committed) {
                self.write(server, host, &key, write);
            }
        }
        outcome
    }

    /// Whether this attempt has settled a delivery before: claims that it only gave up say nothing.
    pub fn settled_before(&self, server: usize, settlement: &Settlement) -> bool {
        use oncegate_dedup::store::Action;
        let now_ms = self.now_ms();
        let mut marks =
            settlement.keys.iter().filter(|key| !matches!(key.action, Action::Release { .. })).peekable();
        marks.peek().is_some()
            && marks.all(|settled| {
                let held = self.servers[server].data.load(&settled.key, now_ms);
                transition::settle(held.as_ref(), settled, Absent::Refuse) == KeyEnd::Already
            })
    }

    /// Writes a record, and looks whether it is one that may follow the one before.
    pub fn write(&mut self, server: usize, host: usize, key: &Key, write: Write) {
        let now_ms = self.now_ms();
        let before = self.servers[server].data.load(key, now_ms);
        self.facts.followed(key, before.as_ref().map(|held| &held.record), &write.record);
        if matches!(write.record.state, RecordState::Committed | RecordState::Dead) {
            let fault_us = self.slots[host].fault_us;
            self.facts.marked(key, host, fault_us);
        }
        let stored = Stored { until_ms: now_ms + write.life_ms, record: write.record };
        self.servers[server].data.records.insert(key.clone(), stored);
    }

    /// A server's replica takes its place.
    pub fn fail_over(&mut self, server: usize, at_ms: u64, down_ms: u64) {
        self.counts.met(Met::Failovers);
        let now_ms = self.now_ms();
        let before = std::mem::take(&mut self.servers[server].data);
        self.servers[server].data = before.clone();
        self.servers[server].promote(at_ms);
        let forgot = self.marks_lost(&before, server, now_ms);
        say!(self, "SERVER {server} FAILS OVER and forgets {forgot} marks");
        if forgot > 0 {
            self.counts.met(Met::FailoversThatForgot);
        }
        self.new_life(server, down_ms);
    }

    /// Notes which marks a server had before and does not have now. Says how many.
    fn marks_lost(&mut self, before: &Data, server: usize, now_ms: u64) -> usize {
        let after = &self.servers[server].data;
        let lost: Vec<Key> = before
            .records
            .keys()
            .filter(|key| before.is_marked(key, now_ms) && !after.is_marked(key, now_ms))
            .cloned()
            .collect();
        lost.iter().for_each(|key| self.facts.mark_lost(key));
        lost.len()
    }

    /// A server restarts with nothing.
    pub fn empty(&mut self, server: usize, down_ms: u64, accepted_ms: u64) {
        self.counts.met(Met::Emptied);
        let now_ms = self.now_ms();
        let before = std::mem::take(&mut self.servers[server].data);
        self.servers[server].replicas.clear();
        // Claims as well; nothing waits for them, because an operator accepts that.
        before.records.keys().for_each(|key| self.facts.excuse(key));
        let forgot = self.marks_lost(&before, server, now_ms);
        say!(self, "SERVER {server} IS EMPTIED and forgets {forgot} marks");
        self.servers[server].refused = true;
        self.after_us((down_ms + accepted_ms) * 1000, move |world| {
            say!(world, "an operator accepts that server {server} was emptied");
            world.servers[server].refused = false;
            // Made anew: nothing was there to be forgotten.
            world.servers[server].data.met = (world.servers[server].life, 0);
        });
        self.new_life(server, down_ms);
    }

    fn new_life(&mut self, server: usize, down_ms: u64) {
        let down_until_us = self.now_us() + down_ms * 1000;
        self.servers[server].life += 1;
        self.servers[server].down_until_us = down_until_us;
        self.servers[server].parked.clear();
        self.concerns_all();
        self.lose_links_to(server);
    }

    /// A server serves nothing for a while; what is sent to it waits.
    pub fn stall(&mut self, server: usize, ms: u64) {
        say!(self, "SERVER {server} STALLS for {ms} ms");
        self.counts.met(Met::Stalls);
        let until_us = self.now_us() + ms * 1000;
        let stalled = &mut self.servers[server].stalled_until_us;
        *stalled = until_us.max(*stalled);
        self.concerns_all();
        self.after_us(ms * 1000, move |world| {
            world.concerns_all();
            world.serve_parked(server);
        });
    }

    /// An operator forgets a key.
    pub fn forget(&mut self, key: u32) {
        let server = 0;
        let now_ms = self.now_ms();
        let key = self.facts.key(key);
        if self.servers[server].refused || self.now_us() < self.servers[server].down_until_us {
            return;
        }
        let held = self.servers[server].data.load(&key, now_ms);
        let keep_ms = self.plan.policy.keep_ms;
        let (_, write) = transition::forget(held.as_ref().map(|held| &held.record), None, keep_ms);
        if let Some(write) = write {
            say!(self, "an operator forgets {}", key.name());
            self.counts.met(Met::Forgotten);
            self.facts.forgotten(&key);
            self.servers[server]
                .data
                .records
                .insert(key.clone(), Stored { record: write.record, until_ms: now_ms + write.life_ms });
            self.tell_caches(server, &key);
        }
    }
}

fn word(outcome: &ClaimOutcome) -> String {
    match outcome {
        ClaimOutcome::First(granted) => format!("granted, sequence {}", granted.fence.sequence),
        other => format!("{other:?}").chars().take(60).collect(),
    }
}
