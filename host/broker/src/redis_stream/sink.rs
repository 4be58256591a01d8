//! Outputs and dead letters to streams.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use oncegate_redis::text::Escaped;
use oncegate_redis::{MOST_KEYS, Part, Server, Unfit, wait};

use super::packed::{Entries, Entry};
use super::place::Trouble;
use super::reply::Said;
use super::script;
use super::topics::Topics;
use super::url::StreamUrl;
use crate::acks::Pending;
use crate::sink::{Sink, SinkError};

/// How many bytes of entries go into one call.
const CALL_BYTES: usize = 1 << 20;

/// Appends outputs or dead letters to streams.
///
/// [`append`](Sink::append) keeps what [`StreamEncoder`](super::StreamEncoder) has written, [`flush`](Sink::flush)
/// appends it, each stream's entries in their order. What is not confirmed stays for the next flush, which may append
/// some of it twice, with the same ids. As safe as the server makes its writes. Streams are never trimmed here: that
/// is for whoever operates them.
#[derive(Debug)]
pub struct RedisStreamSink {
    server: Arc<Server>,
    path: String,
    /// What is not known to be appended: one entry each.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    packed: Vec<u8>,
}

impl RedisStreamSink {
    /// Opens the server that a URL names and looks at all streams that `topics` names. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, there is something else under a stream's name, or the user may not append.
    pub fn open(url: &StreamUrl, topics: &Topics) -> Result<Self, SinkError> {
        let path = url.to_string();
        let server = Server::connect(&url.redis, &script::of_sink(), None).map_err(|unfit| match unfit {
            Unfit::Away(why) => SinkError::Unavailable { path: path.clone(), why },
            Unfit::Refused(why) => SinkError::Refused { path: path.clone(), why },
        })?;
        let sink = Self { server, path, waiting: Vec::new() };
        topics.streams().into_iter().try_for_each(|stream| sink.look_at(stream))?;
        Ok(sink)
    }

    /// Where the streams are.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    fn look_at(&self, stream: &str) -> Result<(), SinkError> {
        let mut part = Part::new(&script::SINK_START);
        part.keys.push(stream.as_bytes());
        part.answers = 1;
        let values = wait(self.server.ask(part)).map_err(|why| self.failed(Trouble::of(why)))?;
        let mut said = Said::of(values.into_iter().next().unwrap_or(oncegate_redis::redis::Value::Nil));
        match said.word.as_str() {
            "there" => Ok(()),
            _ => Err(self.refused(stream.as_bytes(), &said.text())),
        }
    }

    fn refused(&self, stream: &[u8], why: &str) -> SinkError {
        let why = format!("the stream {} cannot be appended to: {why}", Escaped(stream));
        SinkError::Refused { path: self.path.clone(), why }
    }

    fn failed(&self, trouble: Trouble) -> SinkError {
        let path = self.path.clone();
        match trouble {
            Trouble::Away(why) => SinkError::Unavailable { path, why },
            Trouble::Refused(why) => SinkError::Refused { path, why },
        }
    }

    /// Appends one stream's entries in their order, until one call fails. Answers which were appended, and the failure.
    async fn append_to(&self, entries: Vec<(usize, Entry<'_>)>) -> (Vec<usize>, Result<(), SinkError>) {
        let mut appended = Vec::with_capacity(entries.len());
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            let (call, behind) = rest.split_at(first_call(rest));
            rest = behind;
            let values = match self.server.ask(part(call)).await {
                Ok(values) => values,
                Err(why) => return (appended, Err(self.failed(Trouble::of(why)))),
            };
            let mut failure = Ok(());
            for ((number, entry), value) in call.iter().zip(values) {
                let mut said = Said::of(value);
                match said.word.as_str() {
                    "appended" => appended.push(*number),
                    "refused" => failure = failure.and(Err(self.refused(entry.stream, &said.text()))),
                    _ => failure = failure.and(Err(self.not_taken(entry.stream, said.text()))),
                }
            }
            if failure.is_err() {
                return (appended, failure);
            }
        }
        (appended, Ok(()))
    }

    /// Full memory, a full disk, too few replicas pass; what the server says of the entry itself does not.
    fn not_taken(&self, stream: &[u8], why: String) -> SinkError {
        match Trouble::of(why) {
            Trouble::Away(why) if !why.starts_with("ERR ") => self.failed(Trouble::Away(why)),
            Trouble::Away(why) | Trouble::Refused(why) => self.refused(stream, &why),
        }
    }
}

/// How many entries go into the next call: at least one.
fn first_call(entries: &[(usize, Entry<'_>)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, entry): &&(usize, Entry<'_>)| {
        bytes += entry.bytes();
        bytes <= CALL_BYTES
    };
    entries.iter().take(MOST_KEYS).take_while(fits).count().max(1)
}

fn part(entries: &[(usize, Entry<'_>)]) -> Part {
    let mut part = Part::new(&script::APPEND);
    for (_, entry) in entries {
        part.keys.push(entry.stream);
        part.args.push_number(2 * entry.count() as u64);
        for (name, value) in entry.fields() {
            part.args.push(name);
            part.args.push(value);
        }
        part.answers += 1;
    }
    part
}

impl Sink for RedisStreamSink {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let mut rest = bytes;
        let mut entries = Entries::new(bytes);
        let mut taken = Vec::new();
        while let Some(entry) = entries.next() {
            let path = self.path.clone();
            entry.map_err(|error| SinkError::Refused { path, why: error.to_string() })?;
            let length = rest.len() - entries.left();
            let (packed, behind) = rest.split_at(length);
            rest = behind;
            taken.push(Waiting { packed: packed.to_vec() });
        }
        self.waiting.append(&mut taken);
        Ok(())
    }

    fn flush(&mut self) -> Pending<'_, Result<(), SinkError>> {
        Box::pin(self.append_all())
    }

    fn give_up(&mut self) {
        self.waiting.clear();
    }
}

impl RedisStreamSink {
    async fn append_all(&mut self) -> Result<(), SinkError> {
        let mut streams: BTreeMap<&[u8], Vec<(usize, Entry<'_>)>> = BTreeMap::new();
        for (number, waiting) in self.waiting.iter().enumerate() {
            for entry in Entries::new(&waiting.packed).flatten() {
                streams.entry(entry.stream).or_default().push((number, entry));
            }
        }
        let outcomes = join_all(streams.into_values().map(|entries| self.append_to(entries))).await;
        let mut appended = vec![false; self.waiting.len()];
        let mut failure = Ok(());
        for (numbers, outcome) in outcomes {
            for number in numbers {
                if let Some(appended) = appended.get_mut(number) {
                    *appended = true;
                }
            }
            // What will not be taken at all is told before what will not be taken for now.
            failure = match (failure, outcome) {
                (Ok(()) | Err(SinkError::Unavailable { .. }), Err(error)) => Err(error),
                (failure, _) => failure,
            };
        }
        let mut appended = appended.into_iter();
        self.waiting.retain(|_| !appended.next().unwrap_or(false));
        failure
    }
}
