//! Servers, sources and deliveries as the tests want them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oncegate_broker::{
    Acked, Delivery, Holding, Message, RedisStreamSource, Source as _, SourceError, SourceOptions, StreamUrl,
    Ticket,
};
use oncegate_redis::redis::{self, Connection, FromRedisValue};
use oncegate_redis::testing::{RedisServer, ServerOptions};

pub const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough for nothing to be taken over in a test.
pub const HOUR: Duration = Duration::from_secs(3600);

/// A source, and what polls it.
#[derive(Debug)]
pub struct Reader {
    source: RedisStreamSource,
    runtime: tokio::runtime::Runtime,
}

impl Reader {
    pub fn open(url: &StreamUrl, options: SourceOptions) -> Result<Self, SourceError> {
        let source = RedisStreamSource::open(url, options)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Ok(Self { source, runtime })
    }

    pub fn receive(&mut self, max: usize) -> Result<Vec<Delivery>, SourceError> {
        self.runtime.block_on(self.source.receive(max))
    }

    pub fn holding(&self) -> Arc<Holding> {
        self.source.holding()
    }

    pub fn reconnects(&self) -> u64 {
        self.source.reconnects()
    }
}

pub fn server() -> RedisServer {
    RedisServer::start(ServerOptions::default())
}

pub fn url(server: &RedisServer) -> StreamUrl {
    format!("redis-stream://{}/s?group=g&start=0", server.address()).parse().unwrap()
}

pub fn options(takeover_idle: Duration) -> SourceOptions {
    SourceOptions { takeover_idle, ..SourceOptions::default() }
}

pub fn open(server: &RedisServer, takeover_idle: Duration) -> Reader {
    Reader::open(&url(server), options(takeover_idle)).unwrap()
}

pub fn refusal(opened: Result<Reader, SourceError>) -> String {
    match opened {
        Err(error @ SourceError::Refused { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A command's answer.
pub fn say<T: FromRedisValue>(connection: &mut Connection, command: &str) -> T {
    let mut words = command.split(' ');
    let mut cmd = redis::cmd(words.next().unwrap());
    cmd.arg(words.collect::<Vec<_>>());
    cmd.query(connection).unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// Appends entries with these payloads.
pub fn add(server: &RedisServer, payloads: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let mut connection = server.connection();
    let mut add = |payload: &str| say(&mut connection, &format!("XADD s * payload {payload}"));
    payloads.into_iter().map(|payload| add(payload.as_ref())).collect()
}

/// What is pending: entry, consumer and count.
pub fn pending(server: &RedisServer) -> Vec<(String, String, u64)> {
    let rows: Vec<(String, String, u64, u64)> = say(&mut server.connection(), "XPENDING s g - + 10000");
    rows.into_iter().map(|(id, consumer, _, count)| (id, consumer, count)).collect()
}

/// The names of the group's consumers.
pub fn consumers(server: &RedisServer) -> Vec<String> {
    let rows: Vec<Vec<redis::Value>> =
        redis::cmd("XINFO").arg("CONSUMERS").arg("s").arg("g").query(&mut server.connection()).unwrap();
    rows.into_iter().map(|row| String::from_redis_value(row[1].clone()).unwrap()).collect()
}

/// Receives until there are so many messages.
pub fn receive(source: &mut Reader, count: usize) -> Vec<Message> {
    let until = Instant::now() + PATIENCE;
    let mut messages = Vec::new();
    while messages.len() < count {
        assert!(Instant::now() < until, "only {} of {count} came", messages.len());
        for delivery in source.receive(256).unwrap() {
            match delivery {
                Delivery::Message(message) => messages.push(message),
                Delivery::Malformed(malformed) => panic!("{malformed:?}"),
            }
        }
    }
    assert_eq!(messages.len(), count);
    messages
}

/// Receives for so long, which must bring nothing.
pub fn receive_nothing(source: &mut Reader, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        let batch = source.receive(256).unwrap();
        assert!(batch.is_empty(), "{batch:?}");
    }
}

pub fn payload(message: &Message) -> &str {
    std::str::from_utf8(&message.payload).unwrap()
}

pub fn ticket(message: &Message) -> Ticket {
    message.ticket.unwrap()
}

pub fn tickets(messages: &[Message]) -> Vec<Ticket> {
    messages.iter().map(ticket).collect()
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn acknowledge(holding: &Holding, ticket: Ticket) -> Acked {
    block_on(holding.acknowledge(&[ticket])).pop().unwrap()
}

/// Acknowledges and lets go.
pub fn finish(holding: &Holding, messages: &[Message]) {
    let acked = block_on(holding.acknowledge(&tickets(messages)));
    assert_eq!(acked, vec![Acked::Done; messages.len()]);
    tickets(messages).into_iter().for_each(|ticket| holding.ended(ticket));
}

/// Waits until something is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
