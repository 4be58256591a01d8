//! Messages from a stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oncegate_redis::{Server, Unfit, wait};

use super::consumer::unique_name;
use super::event::Event;
use super::holding::Holding;
use super::line::{Line, Read};
use super::options::SourceOptions;
use super::place::{Place, Trouble};
use super::reconnects::Reconnects;
use super::rounds::{Rounds, hand_out};
use super::script;
use super::url::StreamUrl;
use crate::acks::Pending;
use crate::message::Delivery;
use crate::source::{Source, SourceError};
use crate::ticket::Ticket;

/// How long a read waits for entries.
const LONGEST_READ: Duration = Duration::from_secs(1);

/// How long to wait where this process holds as much as it may.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// How long to leave a server alone that cannot be read: twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many bytes a read should bring, about.
const BATCH_BYTES: usize = 1 << 20;

/// How large entries are thought to be before any was read, in bytes.
const FIRST_BYTES: usize = 16 << 10;

/// Reads a stream as one consumer of a group.
///
/// It hands out new entries, and those that other consumers left behind: entries of which nobody has heard for
/// [`takeover_idle`](SourceOptions::takeover_idle). What it hands out is held by its [`Holding`] until it has ended, and
/// is handed out to nobody else meanwhile, as long as this process lives. An outage of the server is waited for, for
/// ever; a group that is gone, or a user that may not, ends the source.
///
/// Its connection runs on the runtime that polls [`receive`](Source::receive), which has to be the same each time.
#[derive(Debug)]
pub struct RedisStreamSource {
    holding: Arc<Holding>,
    line: Option<Line>,
    rounds: Rounds,
    /// A round has just brought something: now new entries have their turn.
    read_next: bool,
    /// How large entries have been lately, in bytes.
    usual_bytes: usize,
    outage: Option<Outage>,
    reconnects: Arc<Reconnects>,
}

#[derive(Debug)]
struct Outage {
    pause: Duration,
}

impl RedisStreamSource {
    /// Opens the stream that a URL names, and makes its group if there is none yet: from `start` on, and the stream with
    /// it. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// The URL names no stream, group or start, the server cannot be reached, there is something else under the stream's
    /// name, or the user may not do what reading takes.
    pub fn open(url: &StreamUrl, options: SourceOptions) -> Result<Self, SourceError> {
        let path = url.to_string();
        let refused = |why: String| SourceError::Refused { path: path.clone(), why };
        let away = |why: String| SourceError::Away { path: path.clone(), why };
        let unfit = |unfit: Unfit| match unfit {
            Unfit::Away(why) => away(why),
            Unfit::Refused(why) => refused(why),
        };
        let (stream, group, start) = url.of_source().map_err(|error| refused(error.to_string()))?;
        let reconnects = Arc::new(Reconnects::default());
        let guard = Arc::clone(&reconnects) as _;
        let server = Server::connect(&url.redis, &script::of_source(), Some(guard)).map_err(unfit)?;
        let consumer =
            unique_name().map_err(|error| away(format!("the consumer needs a random name: {error}")))?;
        let place = Place { server, stream: stream.to_owned(), group: group.to_owned(), consumer };
        match wait(place.ask(&script::START, |part| part.args.push(start.id().as_bytes()))) {
            Ok(mut said) if said.word == "unfit" => return Err(refused(said.text())),
            Ok(_) => {}
            Err(Trouble::Away(why)) => return Err(away(why)),
            Err(Trouble::Refused(why)) => return Err(refused(why)),
        }
        Ok(Self {
            holding: Holding::start(place, options).map_err(unfit)?,
            line: None,
            rounds: Rounds::new(),
            read_next: false,
            usual_bytes: FIRST_BYTES,
            outage: None,
            reconnects,
        })
    }

    /// What this source hands out and what becomes of it.
    pub fn holding(&self) -> Arc<Holding> {
        Arc::clone(&self.holding)
    }

    /// At most `room` deliveries, or none within a second or so.
    async fn step(&mut self, room: usize) -> Result<Vec<Delivery>, Trouble> {
        let shared = Arc::clone(self.holding.shared());
        let most = room.min(BATCH_BYTES / self.usual_bytes.max(1)).max(1);
        if self.line.is_none() {
            let line = Line::open(&shared.place, LONGEST_READ).await?;
            self.line = Some(line);
            self.reconnects.add();
            // The reply of the last read may be lost, and what it brought is ours without our knowing.
            self.rounds.begin();
        }
        if !std::mem::take(&mut self.read_next) {
            let found = self.rounds.go_on(&shared, most).await?;
            if !found.is_empty() {
                // Alone, what is pending comes before anything new: its order is known then.
                self.read_next = !shared.options.alone;
                return Ok(found);
            }
        }
        let longest = self.rounds.due_in().min(LONGEST_READ);
        let Some(line) = &mut self.line else { return Ok(Vec::new()) };
        let read = line.read(&shared.place, most, longest).await?;
        Ok(self.take(read))
    }

    fn take(&mut self, read: Read) -> Vec<Delivery> {
        let shared = self.holding.shared();
        if let Some((count, after, before)) = read.gap {
            let stream = shared.place.stream.clone();
            shared.happened(Event::TrimmedUnread { stream, count, after, before });
        }
        if !read.entries.is_empty() {
            let fields = read.entries.iter().flat_map(|(_, fields)| fields);
            let bytes: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
            // Large ones are noticed at once, small ones after a while.
            self.usual_bytes = (self.usual_bytes * 3 / 4).max(bytes / read.entries.len()).max(64);
        }
        shared.state().figures.read += read.entries.len() as u64;
        let first = |entry| Ticket { entry, count: 1 };
        read.entries.into_iter().filter_map(|(id, fields)| hand_out(shared, first(id), fields)).collect()
    }

    /// An outage is waited for, a little longer each time.
    async fn away(&mut self, why: String) {
        self.line = None;
        let stream = self.holding.stream().to_owned();
        let outage = self.outage.get_or_insert_with(|| {
            self.holding.shared().happened(Event::Away { stream, why });
            Outage { pause: FIRST_PAUSE }
        });
        tokio::time::sleep(outage.pause).await;
        outage.pause = (outage.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Source for RedisStreamSource {
    fn name(&self) -> &str {
        self.holding.stream()
    }

    fn receive(&mut self, max: usize) -> Pending<'_, Result<Vec<Delivery>, SourceError>> {
        Box::pin(self.receive_some(max.max(1)))
    }

    fn reconnects(&self) -> u64 {
        self.reconnects.count()
    }

    fn ends(&self) -> bool {
        false
    }
}

impl RedisStreamSource {
    async fn receive_some(&mut self, max: usize) -> Result<Vec<Delivery>, SourceError> {
        let began = Instant::now();
        loop {
            let room = self.holding.room(FULL_PAUSE).await.min(max);
            if room == 0 {
                return Ok(Vec::new());
            }
            match self.step(room).await {
                Ok(batch) => {
                    if self.outage.take().is_some() {
                        let stream = self.holding.stream().to_owned();
                        self.holding.shared().happened(Event::Back { stream });
                    }
                    // A read may be short because a round is due.
                    if !batch.is_empty() || began.elapsed() >= LONGEST_READ {
                        return Ok(batch);
                    }
                }
                Err(Trouble::Away(why)) => {
                    self.away(why).await;
                    if began.elapsed() >= LONGEST_READ {
                        return Ok(Vec::new());
                    }
                }
                Err(Trouble::Refused(why)) => return Err(self.refused(&why)),
            }
        }
    }

    fn refused(&self, why: &str) -> SourceError {
        let (stream, group) = (self.holding.stream(), self.holding.group());
        let todo = if why.starts_with("NOGROUP") {
            "the stream or its group has vanished, and is not made again in silence; see what became of it, then \
             start again"
        } else {
            "let the user read the stream, or name another one, then start again"
        };
        SourceError::Refused { path: format!("{stream} (group {group})"), why: format!("{why}; {todo}") }
    }
}
