//! Looks at the wires of all hosts and keeps what the checker will ask for: which effects were sent and not known to be
//! marked when a fault struck, and which entries were acknowledged.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use oncegate_tests::{Call, Sequel, Watch};
use redis::Value;

use crate::asked::{self, Ended};
use crate::book::{Book, Stage};
use crate::fault::{Fault, Struck};
use crate::shape::Pipeline;

pub use crate::book::Reach;

/// Milliseconds of the wall clock.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// A reply that takes so long may find that its host waits for it no more: they wait for a second.
const LATE: Duration = Duration::from_millis(900);

/// A fault in the witness's book.
#[derive(Debug, Clone, Copy)]
pub struct Entry(usize);

/// An acknowledgement that a host was told of.
#[derive(Debug, Clone)]
pub struct Ack {
    /// When, by the wall clock.
    pub ms: u64,
    /// By whom.
    pub host: u32,
    /// Of which pipeline.
    pub pipeline: Pipeline,
    /// Of which entry.
    pub entry: String,
}

/// Whoever has one looks into the same book.
#[derive(Clone, Default)]
pub struct Witness(Arc<Mutex<Book>>);

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} faults", self.book().struck.len())
    }
}

impl Witness {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What looks at the wires of a host.
    pub fn watch(&self, host: u32) -> Watch {
        let witness = self.clone();
        Arc::new(move |call, words| witness.sees(host, call, words))
    }

    fn sees(&self, host: u32, call: Option<Call>, words: &[&[u8]]) -> Option<Sequel> {
        match call {
            Some(Call::Check) => self.sees_check(host, words),
            Some(Call::Append) => self.sees_append(host, words),
            Some(Call::Mark) => self.sees_mark(host, words),
            Some(Call::Take) => self.sees_take(host, words),
            Some(Call::Settle) => self.sees_end(host, self.understood(asked::settled(words)), is_settled),
            Some(Call::Acknowledge) => {
                let ended = self.understood(asked::acknowledged(words));
                self.book().is_replicated(host, &ended);
                self.sees_end(host, ended, is_acknowledged)
            }
            Some(_) => {
                self.book().at_work.insert(host);
                None
            }
            None => self.sees_plain(host, words),
        }
    }

    /// What a call asks for; nothing, and that is noted, if it is not understood.
    fn understood<T>(&self, asked: Option<Vec<T>>) -> Vec<T> {
        asked.unwrap_or_else(|| {
            self.book().strange += 1;
            Vec::new()
        })
    }

    /// How many calls were not understood.
    pub fn strange(&self) -> usize {
        self.book().strange
    }

    fn sees_check(&self, host: u32, words: &[&[u8]]) -> Option<Sequel> {
        let deliveries = effects_of(self.understood(asked::settlements(words)));
        deliveries.iter().flatten().for_each(|effect| self.book().is_checked(host, effect));
        let witness = self.clone();
        Some(Box::new(move |reply| {
            let refused = answers(reply).into_iter().zip(deliveries).filter(|(answer, _)| !is_good(answer));
            for (answer, effects) in refused {
                witness.notes_refusal(host, &answer);
                effects.into_iter().for_each(|effect| witness.book().is_dropped(host, effect));
            }
        }))
    }

    fn sees_append(&self, host: u32, words: &[&[u8]]) -> Option<Sequel> {
        let ids = self.understood(asked::appended(words)).into_iter().map(|appended| appended.id);
        let send = |id: String| {
            let sending = self.book().is_sent(host, &id);
            (id, sending)
        };
        let sent: Vec<(String, u64)> = ids.map(send).collect();
        let (witness, since) = (self.clone(), Instant::now());
        Some(Box::new(move |reply| {
            let mut book = witness.book();
            if reply.is_none() || since.elapsed() >= LATE {
                book.reply_is_lost(host, &sent);
            } else {
                sent.iter().for_each(|(id, sending)| book.is_heard(host, id, *sending));
            }
        }))
    }

    fn sees_take(&self, host: u32, words: &[&[u8]]) -> Option<Sequel> {
        let asked = self.understood(asked::taken(words));
        let witness = self.clone();
        Some(Box::new(move |reply| {
            let taken = answers(reply).into_iter().zip(asked).filter(|(answer, _)| says(answer, "taken"));
            taken.for_each(|(_, taken)| witness.notes_held(host, taken));
        }))
    }

    fn sees_read(&self, host: u32) -> Option<Sequel> {
        let witness = self.clone();
        Some(Box::new(move |reply| read(reply).into_iter().for_each(|read| witness.notes_held(host, read))))
    }

    fn notes_held(&self, host: u32, entry: Ended) {
        if Pipeline::of_stream(entry.stream.as_bytes()) == Some(Pipeline::Ordered) {
            self.book().holds(host, entry.entry);
        }
    }

    /// Notes who asked if it has turned out to be another's.
    fn notes_refusal(&self, host: u32, answer: &Value) {
        if matches!(answer, Value::Int(..0)) || says(answer, "fence") || says(answer, "other") {
            self.book().refused.insert(host);
        }
    }

    fn sees_mark(&self, host: u32, words: &[&[u8]]) -> Option<Sequel> {
        let deliveries = effects_of(self.understood(asked::settlements(words)));
        let witness = self.clone();
        Some(Box::new(move |reply| {
            // A refusal of all, such as that of a full disk, is no answer to any.
            for (answer, effects) in answers(reply).into_iter().zip(deliveries) {
                let is_good = is_good(&answer);
                witness.notes_refusal(host, &answer);
                effects.into_iter().for_each(|effect| witness.book().is_marked(host, effect, is_good));
            }
        }))
    }

    fn sees_end(&self, host: u32, ended: Vec<Ended>, is_done: fn(&Value) -> bool) -> Option<Sequel> {
        let witness = self.clone();
        Some(Box::new(move |reply| {
            for (answer, ended) in answers(reply).into_iter().zip(ended) {
                // Done or somebody else's: nothing is sent for it any more.
                // Two streams may have entries of one id.
                if Pipeline::of_stream(ended.stream.as_bytes()) == Some(Pipeline::Ordered) {
                    witness.book().lets_go(host, &ended.entry);
                }
                witness.notes_refusal(host, &answer);
                if is_done(&answer) {
                    witness.book().is_acked(host, ended);
                }
            }
        }))
    }

    /// Not by a script: a read; or an acknowledgement by whoever uses none.
    fn sees_plain(&self, host: u32, words: &[&[u8]]) -> Option<Sequel> {
        if words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"XREADGROUP")) {
            return self.sees_read(host);
        }
        let [name, stream, _, entry] = words else { return None };
        if !name.eq_ignore_ascii_case(b"XACK") {
            return None;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ended = Ended { stream: text(stream), entry: text(entry) };
        let witness = self.clone();
        Some(Box::new(move |reply| {
            if reply == Some(b":1\r\n") {
                witness.book().is_acked(host, ended);
            }
        }))
    }

    /// A message of the ordered pipeline was sent: these are its keys.
    pub fn knows(&self, entry: &str, keys: &[String], dies: bool) {
        self.book().knows(entry, keys, dies);
    }

    /// A fault strikes now, and goes on until it ends.
    pub fn strikes(&self, fault: Fault, reach: Reach) -> Entry {
        Entry(self.book().strikes(fault, reach))
    }

    /// A fault strikes and is over.
    pub fn struck(&self, fault: Fault, reach: Reach) {
        let entry = self.strikes(fault, reach);
        self.ends(entry);
    }

    /// A fault is over.
    pub fn ends(&self, entry: Entry) {
        self.book().ends(entry.0);
    }

    /// A host is gone: nothing of it is on its way any more.
    pub fn is_gone(&self, host: u32) {
        self.book().is_gone(host);
    }

    /// Whether a host has begun to handle messages.
    pub fn is_at_work(&self, host: u32) -> bool {
        self.book().at_work.contains(&host)
    }

    /// Whether a host was told that what it wanted to settle is another's by now.
    pub fn was_refused(&self, host: u32) -> bool {
        self.book().refused.contains(&host)
    }

    /// Whether any of these records belongs to an effect that this host has sent and not marked.
    pub fn has_sent(&self, host: u32, records: &[&[u8]]) -> bool {
        let book = self.book();
        let is_sent = |key: &str| book.stage(host, Pipeline::Ordered.effect_of(key)) == Some(Stage::Sent);
        records.iter().filter_map(|record| Pipeline::Ordered.key_of(record)).any(is_sent)
    }

    /// How often a fault has struck.
    pub fn count(&self, is: impl Fn(&Fault) -> bool) -> usize {
        self.book().struck.iter().filter(|struck| is(&struck.fault)).count()
    }

    /// Whether somebody was told that the entry is acknowledged.
    pub fn is_acked(&self, pipeline: Pipeline, entry: &str) -> bool {
        self.book().acked.contains(&(pipeline, entry.to_owned()))
    }

    /// How many entries somebody was told are acknowledged.
    pub fn acked(&self) -> usize {
        self.book().acked.len()
    }

    /// All faults.
    pub fn faults(&self) -> Vec<Struck> {
        self.book().faults()
    }

    /// All acknowledgements, but for the first so many.
    pub fn acks_after(&self, known: usize) -> Vec<Ack> {
        self.book().acks.iter().skip(known).cloned().collect()
    }
}

/// The effects of the ordered pipeline's deliveries that are checked or marked.
fn effects_of(settlements: Vec<Vec<&[u8]>>) -> Vec<Vec<String>> {
    let effects = |records: Vec<&[u8]>| {
        let keys = records.into_iter().filter_map(|record| Pipeline::Ordered.key_of(record));
        keys.map(|key| Pipeline::Ordered.effect_of(key)).collect()
    };
    settlements.into_iter().map(effects).collect()
}

/// The answers in a reply; none if there is no reply, or if it is a refusal of everything.
fn answers(reply: Option<&[u8]>) -> Vec<Value> {
    match reply.map(redis::parse_redis_value) {
        Some(Ok(Value::Array(answers))) => answers,
        _ => Vec::new(),
    }
}

/// The entries that a reading host is handed.
fn read(reply: Option<&[u8]>) -> Vec<Ended> {
    let entries = |(stream, entries): (Value, Value)| -> Vec<Ended> {
        let stream: String = redis::from_redis_value(stream).unwrap_or_default();
        let Value::Array(entries) = entries else { return Vec::new() };
        let entry = |parts: Value| match parts {
            Value::Array(mut parts) if !parts.is_empty() => {
                redis::from_redis_value(parts.swap_remove(0)).ok()
            }
            _ => None,
        };
        let ended = |entry| Ended { stream: stream.clone(), entry };
        entries.into_iter().filter_map(entry).map(ended).collect()
    };
    match reply.map(redis::parse_redis_value) {
        Some(Ok(Value::Map(streams))) => streams.into_iter().flat_map(entries).collect(),
        _ => Vec::new(),
    }
}

/// Whether a settlement is, or would be, applied.
fn is_good(answer: &Value) -> bool {
    matches!(answer, Value::Int(0..))
}

fn is_settled(answer: &Value) -> bool {
    is_good(answer) || says(answer, "settled")
}

fn is_acknowledged(answer: &Value) -> bool {
    says(answer, "ours")
}

fn says(answer: &Value, word: &str) -> bool {
    match answer {
        Value::Array(parts) => {
            parts.first().is_some_and(|first| *first == Value::BulkString(word.as_bytes().to_vec()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sees(witness: &Witness, host: u32, call: Call, text: &str) -> Sequel {
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        witness.watch(host)(Some(call), &words).unwrap()
    }

    const CHECK: &str = "EVALSHA x 1 oncegate:1:ordered:k:e1 2 record 9 0";
    const APPEND: &str = "EVALSHA x 1 ordered-effects 4 id ordered/k/e1/0 payload p 0";
    const GOOD: &[u8] = b"*1\r\n:0\r\n";

    fn unmarked(witness: &Witness) -> Vec<Vec<String>> {
        witness.faults().into_iter().map(|struck| struck.unmarked.into_iter().collect()).collect()
    }

    fn kill(witness: &Witness, host: u32) {
        witness.strikes(Fault::of("kill", host), Reach::Dead(host));
    }

    #[test]
    fn an_effect_is_unmarked_from_its_sending_to_the_reply_of_its_mark() {
        let witness = Witness::default();
        sees(&witness, 1, Call::Check, CHECK)(Some(GOOD));
        kill(&witness, 1);
        sees(&witness, 2, Call::Check, CHECK)(Some(GOOD));
        sees(&witness, 2, Call::Append, APPEND)(Some(b"*1\r\n*2\r\n$8\r\nappended\r\n$3\r\n1-0\r\n"));
        kill(&witness, 2);
        // Another host's fault says nothing of it, nor one after the mark.
        kill(&witness, 3);
        sees(&witness, 2, Call::Mark, CHECK)(Some(GOOD));
        kill(&witness, 2);
        assert_eq!(unmarked(&witness), [vec![], vec!["ordered/k/e1/0".to_owned()], vec![], vec![]]);
    }

    #[test]
    fn a_refused_check_and_a_lost_fence_leave_nothing_unmarked_and_an_error_does() {
        let witness = Witness::default();
        sees(&witness, 1, Call::Check, CHECK)(Some(b"*1\r\n:-1\r\n"));
        witness.struck(Fault::of("stop", 1), Reach::Host(1));
        sees(&witness, 1, Call::Append, APPEND)(Some(b"*0\r\n"));
        sees(&witness, 1, Call::Mark, CHECK)(Some(b"-MISCONF no disk\r\n"));
        witness.struck(Fault::of("stop", 1), Reach::Host(1));
        sees(&witness, 1, Call::Mark, CHECK)(Some(b"*1\r\n:-1\r\n"));
        witness.struck(Fault::of("stop", 1), Reach::Host(1));
        assert_eq!(unmarked(&witness), [vec![], vec!["ordered/k/e1/0".to_owned()], vec![]]);
    }

    #[test]
    fn each_sending_is_covered_by_one_fault() {
        let witness = Witness::default();
        let append = || sees(&witness, 1, Call::Append, APPEND);
        // Its reply is lost: that is a fault of its own.
        append()(None);
        assert_eq!(unmarked(&witness).len(), 1);
        // Its reply is lost, because its connection was cut.
        let lost = append();
        witness.struck(Fault::of("cut", 1), Reach::Host(1));
        lost(None);
        assert_eq!(unmarked(&witness).len(), 2);
        // Twice while one fault goes on: the second time is another loss.
        let goes_on = witness.strikes(Fault::of_server("redis_stopped", ""), Reach::All);
        append()(None);
        append()(None);
        witness.ends(goes_on);
        let found = unmarked(&witness);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found.iter().all(|ids| ids.len() == 1), "{found:?}");
    }

    #[test]
    fn a_fault_that_goes_on_covers_what_is_sent_meanwhile() {
        let witness = Witness::default();
        let stop = witness.strikes(Fault::of("stop", 1), Reach::Host(1));
        let _ = sees(&witness, 1, Call::Append, APPEND);
        witness.ends(stop);
        witness.struck(Fault::of_server("redis_killed", ""), Reach::Nobody);
        assert_eq!(unmarked(&witness), [vec!["ordered/k/e1/0".to_owned()], vec![]]);
    }

    #[test]
    fn a_reply_that_comes_late_or_after_the_next_sending_is_lost() {
        let witness = Witness::default();
        let append = || sees(&witness, 1, Call::Append, APPEND);
        const DONE: Option<&[u8]> = Some(b"*1\r\n*2\r\n$8\r\nappended\r\n$3\r\n1-0\r\n");
        // Sent again, although the host has heard that it was done: nothing explains that.
        append()(DONE);
        append()(DONE);
        assert_eq!(unmarked(&witness).len(), 0);
        // Sent again, because the host has heard nothing for a second.
        let first = append();
        let second = append();
        first(DONE);
        second(DONE);
        assert_eq!(unmarked(&witness).len(), 1);
        // Late, and what is asked meanwhile is refused: that does not undo what was sent.
        let late = append();
        sees(&witness, 1, Call::Check, CHECK)(Some(b"*1\r\n:-1\r\n"));
        std::thread::sleep(LATE);
        late(DONE);
        assert_eq!(unmarked(&witness).len(), 2);
    }

    #[test]
    fn a_host_that_stands_still_has_what_it_read_and_took_over_and_did_not_end() {
        let witness = Witness::default();
        ["1-0", "2-0", "3-0"]
            .iter()
            .for_each(|entry| witness.knows(entry, &["e1".to_owned()], *entry != "3-0"));
        let words: Vec<&[u8]> = vec![b"XREADGROUP"];
        let read = witness.watch(1)(None, &words).unwrap();
        let entry = |id: &str| format!("*2\r\n$3\r\n{id}\r\n*2\r\n$7\r\npayload\r\n$1\r\np\r\n");
        let reply = format!("%1\r\n$14\r\nordered-orders\r\n*2\r\n{}{}", entry("1-0"), entry("3-0"));
        read(Some(reply.as_bytes()));
        let take = sees(&witness, 1, Call::Take, "EVALSHA x 1 ordered-orders g c o 2-0 1 9 2 0");
        take(Some(b"*1\r\n*1\r\n$5\r\ntaken\r\n"));
        let held = || witness.faults().into_iter().map(|struck| struck.held).next_back().unwrap();
        witness.struck(Fault::of("stop", 1), Reach::Host(1));
        assert_eq!(held().into_iter().collect::<Vec<_>>(), ["1-0", "2-0"]);
        // Another stream's entry of the same id says nothing of it.
        let ended = sees(&witness, 1, Call::Acknowledge, "EVALSHA x 1 {chaos}atomic-orders g c 1-0 1 0");
        ended(Some(b"*1\r\n*2\r\n$4\r\nours\r\n$0\r\n\r\n"));
        witness.struck(Fault::of("stop", 1), Reach::Host(1));
        assert_eq!(held().into_iter().collect::<Vec<_>>(), ["1-0", "2-0"]);
        let ended = sees(&witness, 1, Call::Acknowledge, "EVALSHA x 1 ordered-orders g c 1-0 1 0");
        ended(Some(b"*1\r\n*2\r\n$4\r\nours\r\n$0\r\n\r\n"));
        witness.struck(Fault::of("stop", 1), Reach::Host(1));
        assert_eq!(held().into_iter().collect::<Vec<_>>(), ["2-0"]);
        // Handed over while it stands still.
        let stands = witness.strikes(Fault::of("stop", 1), Reach::Host(1));
        let take = sees(&witness, 1, Call::Take, "EVALSHA x 1 ordered-orders g c o 1-0 1 9 2 0");
        take(Some(b"*1\r\n*1\r\n$5\r\ntaken\r\n"));
        assert_eq!(held().into_iter().collect::<Vec<_>>(), ["1-0", "2-0"]);
        witness.ends(stands);
        // What becomes a dead letter of a claim is on its way from its check on.
        sees(&witness, 1, Call::Check, CHECK)(Some(GOOD));
        witness.struck(Fault::of("stop", 1), Reach::Host(1));
        assert_eq!(unmarked(&witness).last().unwrap()[..2], ["1-0", "2-0"]);
        // Nothing comes of it any more, and others have nothing to do with it.
        witness.struck(Fault::of("kill", 1), Reach::Dead(1));
        assert_eq!(held().len(), 0);
        witness.struck(Fault::of("stop", 2), Reach::Host(2));
        assert_eq!(held().len(), 0);
    }

    #[test]
    fn what_one_server_has_marked_is_known_to_all_when_it_is_acknowledged() {
        let witness = Witness::default();
        witness.knows("7-0", &["e1".to_owned()], false);
        sees(&witness, 1, Call::Check, CHECK)(Some(GOOD));
        sees(&witness, 1, Call::Mark, CHECK)(Some(GOOD));
        witness.struck(Fault::of_server("failover", ""), Reach::Unreplicated);
        let call = "EVALSHA x 1 ordered-orders g c 7-0 1 0";
        sees(&witness, 1, Call::Acknowledge, call)(Some(b"*1\r\n*2\r\n$4\r\nours\r\n$0\r\n\r\n"));
        witness.struck(Fault::of_server("failover", ""), Reach::Unreplicated);
        assert_eq!(unmarked(&witness), [vec!["ordered/k/e1/0".to_owned()], vec![]]);
        assert!(witness.is_acked(Pipeline::Ordered, "7-0"));
        // Whoever made the mark may be gone by the time that it is forgotten.
        sees(&witness, 1, Call::Check, CHECK)(Some(GOOD));
        sees(&witness, 1, Call::Mark, CHECK)(Some(GOOD));
        witness.is_gone(1);
        witness.struck(Fault::of_server("failover", ""), Reach::Unreplicated);
        assert_eq!(unmarked(&witness)[2], ["ordered/k/e1/0"]);
    }
}
