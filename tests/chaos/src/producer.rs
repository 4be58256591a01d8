//! Sends without end, whatever becomes of it, and says what it sent.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oncegate_tests::Client;

use crate::dice::Dice;
use crate::event::{Event, Kind};
use crate::ledger::{Ledger, Phase, Sent};
use crate::servers::Finder;
use crate::shape::Pipeline;
use crate::witness::Witness;

/// The pause between two messages of one pipeline.
const PAUSE: Duration = Duration::from_millis(12);

/// How many messages may wait to be handled before the producer waits, too.
const MOST_WAITING: usize = 1_500;

/// How long to wait for them at most.
const WAITS: Duration = Duration::from_secs(10);

/// How much later the copies of an event may come.
const LATEST_MS: u64 = 6_000;

/// How many events a producer remembers to be sent again with another payload.
const REMEMBERED: usize = 200;

/// How often to ask where the primary is, where that changes.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// Which kinds of events there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// All of them.
    All,
    /// None that bears the key of another: a server that takes another's place may not know what was done.
    NoMismatch,
    /// Only such as any consumer understands.
    Plain,
}

/// Where a producer sends to.
pub struct Address {
    /// Who sends.
    pub client: Client,
    /// Who says where the primary is, where that changes.
    pub finder: Option<Finder>,
}

/// What a producer knows and is told.
struct Desk {
    address: Address,
    /// The primary that was found, and when.
    found: (Option<u16>, Instant),
    /// How many messages were lost with a server or are waiting since another took its place.
    written_off: usize,
    had_room: Instant,
    ledger: Ledger,
    witness: Witness,
    phase: Arc<Mutex<Phase>>,
    pipelines: &'static [Pipeline],
    mix: Mix,
    dice: Dice,
    events: u64,
    /// Copies that are sent later.
    later: BTreeMap<(Instant, u64), Event>,
    /// Plain events and an entry of each, by pipeline.
    plain: HashMap<Pipeline, Vec<(Event, String)>>,
}

/// A thread that sends.
#[derive(Debug)]
pub struct Producer {
    ends: Arc<AtomicBool>,
    phase: Arc<Mutex<Phase>>,
    thread: Option<JoinHandle<()>>,
}

impl Producer {
    /// Starts it.
    pub fn start(
        address: Address,
        ledger: &Ledger,
        witness: &Witness,
        dice: Dice,
        pipelines: &'static [Pipeline],
        mix: Mix,
    ) -> Self {
        let (ends, phase) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Phase::Storm)));
        let mut desk = Desk {
            address,
            found: (None, Instant::now()),
            written_off: 0,
            had_room: Instant::now(),
            ledger: ledger.clone(),
            witness: witness.clone(),
            phase: Arc::clone(&phase),
            pipelines,
            mix,
            dice,
            events: 0,
            later: BTreeMap::new(),
            plain: HashMap::new(),
        };
        let told = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                desk.works();
            }
            desk.sends_what_is_left();
        });
        Self { ends, phase, thread: Some(thread) }
    }

    /// Another phase begins.
    pub fn goes_on_in(&self, phase: Phase) {
        *self.phase.lock().unwrap() = phase;
    }

    /// Sends what it has begun, and ends.
    pub fn end(mut self) {
        self.ends.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
    }
}

impl Desk {
    /// A round: one new event for each pipeline, and what is due.
    fn works(&mut self) {
        for pipeline in self.pipelines.iter().copied() {
            self.looks_for_the_primary();
            if self.has_room() {
                self.sends_event(pipeline);
            }
            std::thread::sleep(PAUSE);
        }
        let now = Instant::now();
        while let Some(first) = self.later.first_entry().filter(|first| first.key().0 <= now) {
            let event = first.remove();
            self.sends(event);
        }
    }

    /// Whether few enough messages wait. Those whose acknowledgement nobody saw do so for ever, and are written off.
    fn has_room(&mut self) -> bool {
        let (sent, acked) = (self.ledger.count(), self.witness.acked());
        if sent < acked + self.written_off + MOST_WAITING {
            self.had_room = Instant::now();
        } else if self.had_room.elapsed() > WAITS {
            self.written_off = sent.saturating_sub(acked);
        }
        sent < acked + self.written_off + MOST_WAITING
    }

    /// What a primary took that nobody follows any more is lost, and not waited for.
    fn looks_for_the_primary(&mut self) {
        let Some(finder) = &self.address.finder else { return };
        if self.found.1.elapsed() < ASK_EVERY {
            return;
        }
        let port = finder();
        if let Some(port) = port
            && self.found.0 != Some(port)
        {
            self.address.client.move_to(port);
            self.written_off = self.ledger.count().saturating_sub(self.witness.acked());
        }
        self.found = (port.or(self.found.0), Instant::now());
    }

    fn sends_what_is_left(&mut self) {
        while let Some((_, event)) = self.later.pop_first() {
            self.sends(event);
        }
    }

    fn sends_event(&mut self, pipeline: Pipeline) {
        let mut kind = match self.mix {
            Mix::Plain => Kind::Plain,
            _ => Event::draw(&mut self.dice, pipeline),
        };
        let of = if kind == Kind::Mismatch { self.done(pipeline) } else { None };
        if kind == Kind::Mismatch && of.is_none() {
            kind = Kind::Plain;
        }
        self.events += 1;
        let event = Event::new(pipeline, kind, self.events, of.as_deref());
        for copy in 1..event.copies(&mut self.dice) {
            // Some while the first one is handled, some when it is long done.
            let after_ms =
                if self.dice.happens(50) { self.dice.below(30) } else { self.dice.below(LATEST_MS) };
            let at = Instant::now() + Duration::from_millis(after_ms);
            self.later.insert((at, self.events * 10 + copy), event.clone());
        }
        self.sends(event);
    }

    /// The key of an event that is known to have had its effect.
    fn done(&mut self, pipeline: Pipeline) -> Option<String> {
        if self.mix != Mix::All {
            return None;
        }
        let known = self.plain.entry(pipeline).or_default();
        let done = known.iter().position(|(_, entry)| self.witness.is_acked(pipeline, entry))?;
        known.swap_remove(done).0.keys.pop()
    }

    fn sends(&mut self, event: Event) {
        let phase = *self.phase.lock().unwrap();
        let Some(entry) = send(&mut self.address.client, &self.ledger, &self.witness, event.clone(), phase)
        else {
            return;
        };
        let known = self.plain.entry(event.pipeline).or_default();
        if event.kind == Kind::Plain && known.len() < REMEMBERED {
            known.push((event, entry));
        }
    }
}

/// Sends an event once; gives the entry that it became. None if that is not known: it may be there or not.
pub fn send(
    client: &mut Client,
    ledger: &Ledger,
    witness: &Witness,
    event: Event,
    phase: Phase,
) -> Option<String> {
    let number = ledger.sends(Sent { event: event.clone(), phase });
    let (stream, script) = (event.pipeline.source(), event.script().to_string());
    let number_text = number.to_string();
    let words = [
        "XADD",
        &stream,
        "*",
        "header:number",
        &number_text,
        "header:event",
        &event.name,
        "payload",
        &script,
    ];
    let entry: String = client.try_once(&words).ok()?;
    ledger.accepted(number, &entry);
    if event.pipeline == Pipeline::Ordered {
        witness.knows(&entry, &event.keys, event.dies());
    }
    Some(entry)
}
