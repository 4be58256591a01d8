//! Check, act, mark: three steps that anything may come between.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use redis::{Client, Connection, RedisResult, cmd};

use crate::message::Message;

/// How long a key is remembered.
const WINDOW_S: u64 = 3600;

/// How long a read waits for an entry.
const BLOCK_MS: u64 = 200;

/// How long any answer may take.
const REPLY: Duration = Duration::from_secs(2);

/// An entry of the stream with its fields.
type Entry = (String, Vec<(String, String)>);

/// Where everything is.
pub struct Places {
    /// What is read.
    pub stream: String,
    /// By whom.
    pub group: String,
    /// Under which name.
    pub consumer: String,
    /// Where effects go.
    pub effects: String,
    /// What keys begin with.
    pub namespace: String,
    /// How long an entry lies before it is taken over.
    pub min_idle: Duration,
}

/// A consumer with its connection.
pub struct Adapter<'a> {
    places: &'a Places,
    connection: Connection,
    took_over: Instant,
}

impl<'a> Adapter<'a> {
    /// Connects, and makes the group.
    pub fn connect(client: &Client, places: &'a Places) -> RedisResult<Self> {
        let mut connection = client.get_connection_with_timeout(REPLY)?;
        connection.set_read_timeout(Some(REPLY))?;
        connection.set_write_timeout(Some(REPLY))?;
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&places.stream).arg(&places.group).arg("0").arg("MKSTREAM");
        match create.query::<()>(&mut connection) {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
            _ => Ok(Self { places, connection, took_over: Instant::now() }),
        }
    }

    /// Handles entries until the connection, or the server, fails.
    pub fn run(mut self) -> RedisResult<Infallible> {
        loop {
            let entries = match self.took_over.elapsed() < self.places.min_idle {
                true => self.read()?,
                false => self.take_over()?,
            };
            for (id, fields) in entries {
                self.handle(&id, &fields)?;
            }
        }
    }

    fn read(&mut self) -> RedisResult<Vec<Entry>> {
        let places = self.places;
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(&places.group).arg(&places.consumer).arg("COUNT").arg(1);
        read.arg("BLOCK").arg(BLOCK_MS).arg("STREAMS").arg(&places.stream).arg(">");
        let streams: Option<Vec<(String, Vec<Entry>)>> = read.query(&mut self.connection)?;
        Ok(streams.unwrap_or_default().into_iter().flat_map(|(_, entries)| entries).collect())
    }

    fn take_over(&mut self) -> RedisResult<Vec<Entry>> {
        let places = self.places;
        let idle = u64::try_from(places.min_idle.as_millis()).unwrap_or(u64::MAX);
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(&places.stream).arg(&places.group).arg(&places.consumer).arg(idle).arg("0");
        let (_, entries, _): (String, Vec<Entry>, Vec<String>) = claim.query(&mut self.connection)?;
        // There may be more where these came from.
        if entries.is_empty() {
            self.took_over = Instant::now();
        }
        Ok(entries)
    }

    fn handle(&mut self, id: &str, fields: &[(String, String)]) -> RedisResult<()> {
        let payload = fields.iter().find(|(name, _)| name == "payload").map_or("", |(_, value)| value);
        if let Some(message) = Message::of(payload) {
            self.once(&message)?;
        }
        cmd("XACK").arg(&self.places.stream).arg(&self.places.group).arg(id).query(&mut self.connection)
    }

    /// So it is called. Another consumer may look before this one has set the key, and whoever dies between effect and
    /// key has acted for nobody to know.
    fn once(&mut self, message: &Message) -> RedisResult<()> {
        let places = self.places;
        let key = format!("{}:{}", places.namespace, message.key);
        if cmd("GET").arg(&key).query::<Option<String>>(&mut self.connection)?.is_some() {
            return Ok(());
        }
        let id = format!("{}/k/{}/0", places.namespace, message.key);
        let mut add = cmd("XADD");
        add.arg(&places.effects).arg("*").arg("id").arg(id).arg("topic").arg(&message.topic);
        add.arg("payload").arg(&message.payload).query::<()>(&mut self.connection)?;
        cmd("SET").arg(&key).arg(1).arg("EX").arg(WINDOW_S).query(&mut self.connection)
    }
}
