//! Looking after what is pending: what is ours without our knowing, and what others left behind.

use std::time::{Duration, Instant};

use super::entry::{self, Fields};
use super::event::Event;
use super::holding::{Shared, millis};
use super::place::Trouble;
use super::reply::{Row, fields, rows};
use super::script;
use crate::message::Delivery;
use crate::ticket::Ticket;

/// How many lines of what is pending are looked at in one step.
const PAGE: usize = 256;

/// How often consumers are looked for that are dead, at most.
const CLEAN_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(600));

/// When to look, and how far the last look came.
#[derive(Debug)]
pub struct Rounds {
    due: Instant,
    clean_due: Instant,
    /// Whose entries are looked at in this round, and behind which one.
    own: bool,
    after: String,
    /// No round is over yet.
    is_first: bool,
}

impl Rounds {
    /// The first round is due at once.
    pub fn new() -> Self {
        Self {
            due: Instant::now(),
            clean_due: Instant::now(),
            own: true,
            after: "-".to_owned(),
            is_first: true,
        }
    }

    /// How long until the next one.
    pub fn due_in(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    /// A new one is due now: a connection was lost, and with it perhaps the reply of a read.
    pub fn begin(&mut self) {
        (self.due, self.own, self.after) = (Instant::now(), true, "-".to_owned());
    }

    /// Whether all that is pending, for whomever, is handed out in its order.
    fn is_in_order(&self, shared: &Shared) -> bool {
        shared.options.alone && self.is_first
    }

    /// Goes on with the round, if one is due, until it is over or there is something to hand out: at most `most`
    /// entries. A round that found something goes on behind the next read, so that neither starves the other.
    pub async fn go_on(&mut self, shared: &Shared, most: usize) -> Result<Vec<Delivery>, Trouble> {
        if !self.due_in().is_zero() {
            return Ok(Vec::new());
        }
        self.clean(shared).await?;
        loop {
            let found = self.page(shared).await?;
            let mut free: Vec<Row> = {
                let state = shared.state();
                found.iter().filter(|row| !state.held.has(row.entry)).cloned().collect()
            };
            let cut = free.len() > most;
            free.truncate(most);
            let in_order = self.is_in_order(shared);
            let (taken, settled) = take(shared, &free, self.left_behind_after(shared), in_order).await?;
            let missed = settled < free.len();
            free.truncate(settled);
            // What did not fit, or has to come before the rest, is found again from behind the last one that did.
            let last = if cut || missed { free.last() } else { found.last() };
            let is_over = !cut && !missed && found.len() < PAGE;
            let last = last.map(|row| format!("({}-{}", row.entry.0, row.entry.1));
            let none_seen_to = missed && last.is_none();
            let is_round_over = !none_seen_to && self.turn(shared, last.filter(|_| !is_over));
            if !taken.is_empty() || is_round_over {
                return Ok(taken);
            }
        }
    }

    /// From here the next page begins; with nothing left, the next half of the round, or the next round: then this one
    /// is over.
    fn turn(&mut self, shared: &Shared, last: Option<String>) -> bool {
        if let Some(last) = last {
            self.after = last;
            return false;
        }
        self.after = "-".to_owned();
        // In order there is one half only, which has all that is pending.
        self.own = !self.own || self.is_in_order(shared);
        if self.own {
            self.is_first = false;
            self.due = Instant::now() + shared.options.look_every();
        }
        self.own
    }

    fn left_behind_after(&self, shared: &Shared) -> Duration {
        // Whoever was stopped for so long that somebody else is alone by now must take nothing back from them.
        if self.is_in_order(shared) { Duration::ZERO } else { shared.options.takeover_idle }
    }

    async fn page(&self, shared: &Shared) -> Result<Vec<Row>, Trouble> {
        let mut said = shared
            .place
            .ask(&script::FIND, |part| {
                part.args.push_number(u64::from(self.own && !self.is_in_order(shared)));
                part.args.push_number(millis(self.left_behind_after(shared)));
                part.args.push(self.after.as_bytes());
                part.args.push_number(PAGE as u64);
            })
            .await?;
        let found = said.value().and_then(rows);
        found.ok_or_else(|| Trouble::Away("the server's answer is no list of what is pending".to_owned()))
    }

    /// Removes the consumers of hosts that are gone, now and then.
    async fn clean(&mut self, shared: &Shared) -> Result<(), Trouble> {
        if Instant::now() < self.clean_due {
            return Ok(());
        }
        let dead_after = shared.options.dead_after();
        self.clean_due = Instant::now() + (dead_after / 4).clamp(CLEAN_EVERY.0, CLEAN_EVERY.1);
        let asked = shared.place.ask(&script::CLEAN, |part| {
            part.args.push(super::consumer::PREFIX.as_bytes());
            part.args.push_number(millis(dead_after));
        });
        let removed = asked.await?.text().parse().unwrap_or(0);
        shared.state().figures.consumers_removed += removed;
        Ok(())
    }
}

/// Takes what is still as it was found, and hands it out; in order only as far as nothing is missed, which may still be
/// somebody's. Says how many of them are seen to.
async fn take(
    shared: &Shared,
    found: &[Row],
    left_behind_after: Duration,
    in_order: bool,
) -> Result<(Vec<Delivery>, usize), Trouble> {
    let (place, takeover_ms) = (&shared.place, millis(left_behind_after));
    let handed_back_ms = millis(shared.options.takeover_idle);
    let asked = |row: &Row| (row.consumer == place.consumer && row.idle_ms < handed_back_ms, row.count);
    let answers = place
        .ask_all(&script::TAKE, found, |row, part| {
            // What is ours without our knowing was not handed out yet: its count stays. Nothing heard of it for as
            // long as of what is left behind, it counts as such; somebody handed it back, perhaps this process.
            let (recovered, count) = asked(row);
            part.args.push(row.consumer.as_bytes());
            part.args.push(format!("{}-{}", row.entry.0, row.entry.1).as_bytes());
            part.args.push_number(count);
            part.args.push_number(if recovered { 0 } else { takeover_ms });
            part.args.push_number(if recovered { count.max(1) } else { count + 1 });
        })
        .await;
    let (mut deliveries, mut trouble, mut settled) = (Vec::new(), None, 0);
    for (row, answer) in found.iter().zip(answers) {
        let mut said = match answer {
            Ok(said) => said,
            Err(why) => {
                trouble = Some(Trouble::of(why));
                if in_order {
                    break;
                }
                continue;
            }
        };
        if in_order && !matches!(said.word.as_str(), "taken" | "trimmed") {
            trouble = (said.word == "refused").then(|| Trouble::of(said.text()));
            break;
        }
        settled += 1;
        match said.word.as_str() {
            "taken" => {
                let count = said.text().parse().ok();
                let Some((count, fields)) = count.zip(said.value().and_then(fields)) else { continue };
                deliveries.extend(hand_out(shared, Ticket { entry: row.entry, count }, fields));
                let figures = &mut shared.state().figures;
                *(if asked(row).0 { &mut figures.recovered } else { &mut figures.taken_over }) += 1;
            }
            "trimmed" => shared.happened(Event::TrimmedPending {
                stream: place.stream.clone(),
                id: Ticket { entry: row.entry, count: row.count }.entry_id(),
                consumer: row.consumer.clone(),
            }),
            "refused" => trouble = Some(Trouble::of(said.text())),
            // Somebody was faster.
            _ => {}
        }
    }
    // What was taken is handed out in any case. The trouble comes again.
    let settled = if in_order { settled } else { found.len() };
    trouble.filter(|_| deliveries.is_empty()).map_or(Ok((deliveries, settled)), Err)
}

/// The delivery of an entry, which is held from here on; none if it is held already.
pub fn hand_out(shared: &Shared, ticket: Ticket, fields: Fields) -> Option<Delivery> {
    let is_new = shared.state().held.take_in(ticket, Instant::now());
    is_new.then(|| entry::delivery(&shared.place.stream, ticket, fields, shared.options.message_limit))
}
