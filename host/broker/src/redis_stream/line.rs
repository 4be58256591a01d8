//! The connection that reads: one of its own, because a read waits for entries and all behind it would, too.

use std::time::Duration;

use oncegate_redis::explained;
use oncegate_redis::redis::aio::MultiplexedConnection;
use oncegate_redis::redis::{Pipeline, RedisError, Value, pipe};

use super::entry::Fields;
use super::holding::millis;
use super::place::{Place, Trouble};
use super::reply::{self, Said};
use super::script;

/// A connection to the server that has the stream.
#[derive(Debug)]
pub struct Line {
    connection: MultiplexedConnection,
}

/// What a read brought.
#[derive(Debug)]
pub struct Read {
    /// How many entries left the stream unread, behind which one and before which one.
    pub gap: Option<(u64, String, Option<String>)>,
    /// New entries.
    pub entries: Vec<((u64, u64), Fields)>,
}

impl Line {
    /// Opens it. An answer may take as long as the longest read and what the server may take for any.
    pub async fn open(place: &Place, longest_read: Duration) -> Result<Self, Trouble> {
        let patience = longest_read + place.server.options().reply_timeout;
        let opened = place.server.open(place.stream.as_bytes(), Some(patience)).await;
        // Whatever is wrong with it, it was good when the source was opened.
        let connection = opened.map_err(|unfit| Trouble::Away(unfit.why().to_owned()))?;
        Ok(Self { connection })
    }

    /// Reads at most so many new entries, and waits so long for the first.
    pub async fn read(&mut self, place: &Place, most: usize, longest: Duration) -> Result<Read, Trouble> {
        let commands = commands(place, most, longest);
        let answers = self.connection.send_packed_commands(&commands, 0, 2).await;
        let mut answers = answers.map_err(|error| trouble(&error))?.into_iter();
        let gap = answers.next().and_then(gap);
        let entries = match answers.next() {
            Some(Value::ServerError(error)) => return Err(trouble(&error.into())),
            Some(value) => reply::entries(value),
            None => None,
        };
        let entries =
            entries.ok_or_else(|| Trouble::Away("the server's answer is no list of entries".to_owned()))?;
        Ok(Read { gap, entries })
    }
}

fn commands(place: &Place, most: usize, longest: Duration) -> Pipeline {
    let (stream, group) = (place.stream.as_str(), place.group.as_str());
    let mut commands = pipe();
    commands.cmd("EVAL").arg(script::GAP).arg(1).arg(stream).arg(group);
    commands.cmd("XREADGROUP").arg("GROUP").arg(group).arg(&place.consumer).arg("COUNT").arg(most);
    // To Redis, 0 means to wait for ever.
    if let longest @ 1.. = millis(longest) {
        commands.arg("BLOCK").arg(longest);
    }
    commands.arg("STREAMS").arg(stream).arg(">");
    commands
}

fn gap(answer: Value) -> Option<(u64, String, Option<String>)> {
    let mut said = Said::of(answer);
    let count = said.word.parse().ok()?;
    let (after, before) = (said.text(), said.text());
    Some((count, after, Some(before).filter(|before| !before.is_empty())))
}

fn trouble(error: &RedisError) -> Trouble {
    match error.code() {
        Some(_) => Trouble::of(explained(error, None)),
        None => Trouble::Away(explained(error, None)),
    }
}
