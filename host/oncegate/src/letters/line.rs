//! An operator's connection to the server that has a stream.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use oncegate_broker::StreamUrl;
use oncegate_redis::redis::aio::MultiplexedConnection;
use oncegate_redis::redis::{Cmd, Value};
use oncegate_redis::{Server, explained};

use super::letter::Fields;
use crate::stores::set_password;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream and a connection to the primary that has it. Nothing is asked twice: whether a command without an answer
/// had its effect is for the operator to look at.
#[derive(Debug)]
pub struct Line {
    server: Arc<Server>,
    connection: Option<MultiplexedConnection>,
    stream: String,
    shown: String,
}

impl Line {
    /// Finds the server. Blocks, so it is done outside of any runtime.
    pub fn to(url: &StreamUrl) -> Result<Self> {
        let stream = url.stream.clone().with_context(|| format!("{url} names no stream"))?;
        let mut options = url.redis.clone();
        set_password(&mut options);
        let server = Server::connect(&options, &[], None).map_err(|unfit| anyhow!("{}", unfit.why()))?;
        Ok(Self { server, connection: None, stream, shown: url.to_string() })
    }

    /// The stream's name.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Whether a script may change both streams at once.
    pub async fn is_beside(&self, other: &Line) -> bool {
        let slot = |line: &Line| line.server.slot(line.stream.as_bytes());
        match (self.server.identity().await, other.server.identity().await) {
            (Ok(one), Ok(other_one)) => one == other_one && slot(self) == slot(other),
            _ => false,
        }
    }

    /// Asks the server.
    pub async fn ask(&mut self, command: &Cmd) -> Result<Value> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let opened = self.server.open(self.stream.as_bytes(), Some(PATIENCE)).await;
                none.insert(opened.map_err(|unfit| anyhow!("{}: {}", self.shown, unfit.why()))?)
            }
        };
        let error = match connection.send_packed_command(command).await {
            Ok(Value::ServerError(error)) => error.into(),
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let why = explained(&error, self.server.options().password.as_ref());
        Err(anyhow!("{}: {why}", self.shown))
    }
}

/// What XRANGE answers.
pub fn entries(value: Value) -> Option<Vec<(String, Fields)>> {
    let Value::Array(entries) = value else { return None };
    let entry = |entry: Value| {
        let Value::Array(entry) = entry else { return None };
        let [id, fields] = <[Value; 2]>::try_from(entry).ok()?;
        let Value::Array(fields) = fields else { return None };
        let fields: Vec<Vec<u8>> = fields.into_iter().map(bytes).collect::<Option<_>>()?;
        let pairs = fields.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        Some((String::from_utf8(bytes(id)?).ok()?, pairs.collect()))
    };
    entries.into_iter().map(entry).collect()
}

/// A text of the server's.
pub fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}
