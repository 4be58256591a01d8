//! The entries that this process holds, and how each of them ends.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oncegate_redis::{Server, Unfit};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::event::{Event, Figures};
use super::held::Held;
use super::keeper;
use super::options::SourceOptions;
use super::place::{Place, Trouble};
use super::reply::Said;
use super::script;
use crate::acks::Acked;
use crate::ticket::Ticket;

/// How many events are kept for somebody to ask for; further ones are only counted.
const MOST_EVENTS: usize = 1_000;

/// What became of the consumer's removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// It is gone.
    Removed,
    /// Entries are pending for it: it stays until they were taken over.
    Pending,
    /// Whether it is gone is unknown, and why.
    Unavailable(String),
}

/// The entries that this process holds: handed out by its [`RedisStreamSource`](super::RedisStreamSource) and not ended
/// yet. For as long as this lives, a thread keeps them fresh, so that no other host takes them for left behind.
///
/// A delivery ends in three steps: it is acknowledged (here, or by the script that settles it, or not at all because
/// it is to come again), whoever holds it lets go of its message, and [`ended`](Holding::ended) is called. An entry that
/// ended without being acknowledged is handed out again within seconds. Usable from any thread.
#[derive(Debug)]
pub struct Holding {
    shared: Arc<Shared>,
}

/// What the keeper sees, too.
#[derive(Debug)]
pub(super) struct Shared {
    pub place: Place,
    pub options: SourceOptions,
    state: Mutex<State>,
    /// Rung when something ended while the source waits for room.
    has_room: Notify,
    /// Rung when the keeper is to stop.
    closing: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub held: Held,
    pub figures: Figures,
    events: Vec<Event>,
    /// The source waits for something to end. Nobody is woken otherwise: that would cost more than what ends.
    waits_for_room: bool,
    /// Nobody is to be kept alive any more.
    pub closed: bool,
}

impl Holding {
    pub(super) fn start(place: Place, options: SourceOptions) -> Result<Arc<Self>, Unfit> {
        let (state, has_room, closing) = (Mutex::default(), Notify::new(), Condvar::new());
        let shared = Arc::new(Shared { place, options, state, has_room, closing });
        keeper::start(Arc::clone(&shared))
            .map_err(|error| Unfit::Away(format!("its keeper's thread cannot be started: {error}")))?;
        Ok(Arc::new(Self { shared }))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The stream's name.
    pub fn stream(&self) -> &str {
        &self.shared.place.stream
    }

    /// The group's name.
    pub fn group(&self) -> &str {
        &self.shared.place.group
    }

    /// What this process is called in the group.
    pub fn consumer(&self) -> &str {
        &self.shared.place.consumer
    }

    /// Where the stream is.
    pub fn server(&self) -> &Arc<Server> {
        &self.shared.place.server
    }

    /// How many entries are held.
    pub fn held(&self) -> usize {
        self.shared.state().held.len()
    }

    /// All entries that are held.
    pub fn tickets(&self) -> Vec<Ticket> {
        self.shared.state().held.tickets()
    }

    /// Whether the entry was found not to be ours any more: pending for somebody else, handed over again, or pending for
    /// nobody. Handling it further is of no use; nothing that it does can be settled.
    pub fn is_lost(&self, ticket: Ticket) -> bool {
        self.shared.state().held.is_lost(ticket)
    }

    /// Acknowledges entries that are still ours and pending for this very hand-over, and answers for each. Nothing
    /// else is touched: Redis would acknowledge for anybody. Entries that end so are still held until
    /// [`ended`](Holding::ended).
    pub fn acknowledge(&self, tickets: &[Ticket]) -> impl Future<Output = Vec<Acked>> + Send + use<> {
        let (shared, tickets) = (Arc::clone(&self.shared), tickets.to_vec());
        async move {
            let answers = shared.place.ask_all(&script::ACKNOWLEDGE, &tickets, Place::ticket).await;
            let acked: Vec<Acked> = answers.into_iter().map(acked).collect();
            for (ticket, acked) in tickets.iter().zip(&acked) {
                if *acked == Acked::Lost {
                    shared.state().lose(*ticket);
                }
            }
            acked
        }
    }

    /// Somebody found the entry not to be ours any more: a settle that checked it in its own script.
    pub fn lose(&self, ticket: Ticket) {
        self.shared.state().lose(ticket);
    }

    /// The delivery is over: its entry is no longer held, and is not kept fresh.
    pub fn ended(&self, ticket: Ticket) {
        self.shared.ended(&[ticket]);
    }

    /// Gives entries back that nobody has begun to handle: other hosts may take them at once, and this hand-over does
    /// not count. They are not held any more. Only for a source that reads no more: it would take them again itself.
    pub fn hand_back(&self, tickets: &[Ticket]) -> impl Future<Output = ()> + Send + use<> {
        let (shared, tickets) = (Arc::clone(&self.shared), tickets.to_vec());
        async move {
            // From here on they are not kept fresh, which would undo it.
            shared.ended(&tickets);
            let idle_ms = millis(shared.options.takeover_idle);
            // What cannot be handed back now is taken over later.
            shared
                .place
                .ask_all(&script::HAND_BACK, &tickets, |ticket, part| {
                    Place::ticket(ticket, part);
                    part.args.push_number(idle_ms);
                    part.args.push(super::consumer::NOBODY.as_bytes());
                })
                .await;
        }
    }

    /// Removes the consumer from its group, unless something is pending for it, and keeps nothing fresh any more. The
    /// last thing to be called, once the source has ended.
    pub fn close(&self) -> impl Future<Output = Closed> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        shared.close();
        async move {
            match shared.place.ask(&script::CLOSE, |_| {}).await {
                Ok(said) if said.word == "removed" => Closed::Removed,
                Ok(_) => Closed::Pending,
                Err(Trouble::Away(why) | Trouble::Refused(why)) => Closed::Unavailable(why),
            }
        }
    }

    /// What happened since the last time somebody asked. More than a thousand things are only counted.
    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut self.shared.state().events)
    }

    /// What became of the stream's entries so far.
    pub fn figures(&self) -> Figures {
        self.shared.state().figures
    }

    /// How much room there is for further entries. Waits a little where there is none.
    pub(super) async fn room(&self, patience: Duration) -> usize {
        let most = self.shared.options.most_held.max(1);
        let free = |state: &State| most.saturating_sub(state.held.len());
        let mut has_room = pin!(self.shared.has_room.notified());
        // Registered before looking: what ends between the look and the wait would be missed otherwise.
        has_room.as_mut().enable();
        {
            let mut state = self.shared.state();
            let free = free(&state);
            state.waits_for_room = free == 0;
            if free > 0 {
                return free;
            }
        }
        // Whichever comes first: the caller looks at how much there is.
        let _ = timeout(patience, has_room).await;
        let mut state = self.shared.state();
        state.waits_for_room = false;
        free(&state)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self, tickets: &[Ticket]) {
        let mut state = self.state();
        tickets.iter().for_each(|ticket| state.held.ended(*ticket));
        if state.waits_for_room {
            self.has_room.notify_waiters();
        }
    }

    fn close(&self) {
        self.state().closed = true;
        self.closing.notify_all();
    }

    /// Waits for so long; false if nothing is to be kept any more.
    pub fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state();
        while !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let waited = self.closing.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    pub fn happened(&self, event: Event) {
        let mut state = self.state();
        match &event {
            Event::TrimmedPending { .. } => state.figures.trimmed_pending += 1,
            Event::TrimmedUnread { count, .. } => state.figures.trimmed_unread += count,
            Event::Away { .. } | Event::Back { .. } => {}
        }
        if state.events.len() < MOST_EVENTS {
            state.events.push(event);
        }
    }
}

impl State {
    /// The entry is not ours any more.
    pub fn lose(&mut self, ticket: Ticket) {
        if self.held.lose(ticket) {
            self.figures.lost += 1;
        }
    }
}

fn acked(said: Result<Said, String>) -> Acked {
    match said {
        Ok(mut said) => match said.word.as_str() {
            "ours" => Acked::Done,
            "gone" => Acked::Gone,
            "other" => Acked::Lost,
            _ => Acked::Unavailable(said.text()),
        },
        Err(why) => Acked::Unavailable(why),
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
