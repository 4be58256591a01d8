//! A client of Redis that knows nothing of the host's: it follows a cluster where that sends it, and waits out what
//! passes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue, RedisError, RedisResult, Value};

/// How long a server may be away, or a cluster without an owner for a slot.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a server may take for an answer.
const REPLY: Duration = Duration::from_secs(5);

/// A client of the server on a port, or of the cluster that it belongs to.
#[derive(Default)]
pub struct Client {
    /// The nodes that may be asked first; the first of them is asked as long as it answers.
    seeds: Vec<u16>,
    connections: HashMap<u16, Connection>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({:?})", self.seeds)
    }
}

impl Client {
    /// A client that begins on this port of this machine.
    pub fn to(seed: u16) -> Self {
        Self::to_any(vec![seed])
    }

    /// A client that begins on one of these, whichever answers.
    pub fn to_any(seeds: Vec<u16>) -> Self {
        Self { seeds, connections: HashMap::new() }
    }

    /// Asks, and goes where the cluster says. What is away is waited for: a command may have been done twice.
    pub fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        let value = self
            .wait(|client, port| client.send(port, words))
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
        redis::from_redis_value(value).unwrap()
    }

    /// Asks once.
    pub fn try_ask<T: FromRedisValue>(&mut self, words: &[&str]) -> RedisResult<T> {
        let value = self.send(self.seeds[0], words)?;
        Ok(redis::from_redis_value(value)?)
    }

    /// Asks until a server has taken it or may have taken it: it goes where the cluster says, and elsewhere than to a
    /// replica. The error says that nobody knows whether it was done, or that nobody does it now. The next question
    /// goes to another server.
    pub fn try_once<T: FromRedisValue>(&mut self, words: &[&str]) -> RedisResult<T> {
        let mut port = self.seeds[0];
        for _ in 0..self.seeds.len() + 2 {
            let error = match self.send(port, words) {
                Ok(value) => return Ok(redis::from_redis_value(value)?),
                Err(error) => error,
            };
            if let Some(moved) = moved_to(&error) {
                port = moved;
                continue;
            }
            self.connections.remove(&port);
            self.seeds.rotate_left(1);
            let refused = error.is_connection_refusal() || error.code() == Some("READONLY");
            if !refused {
                return Err(error);
            }
            port = self.seeds[0];
        }
        Err((redis::ErrorKind::Client, "no server takes it").into())
    }

    /// Sends many commands that concern one key, one behind the other without waiting.
    pub fn ask_all(&mut self, key: &str, commands: &[Vec<String>]) {
        let send = |client: &mut Self, port: u16| {
            // Says whose the key is, before anything is written.
            client.send(port, &["TYPE", key])?;
            let mut pipe = redis::pipe();
            for words in commands {
                pipe.add_command(command(words)).ignore();
            }
            pipe.query::<()>(client.connection(port)?)?;
            Ok(Value::Nil)
        };
        self.wait(send).unwrap_or_else(|error| panic!("{key}: {error}"));
    }

    fn wait(&mut self, mut send: impl FnMut(&mut Self, u16) -> RedisResult<Value>) -> RedisResult<Value> {
        let end = Instant::now() + PATIENCE;
        let mut port = self.seeds[0];
        loop {
            let error = match send(self, port) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if let Some(moved) = moved_to(&error) {
                port = moved;
            } else if passes(&error) && Instant::now() < end {
                self.connections.remove(&port);
                std::thread::sleep(Duration::from_millis(50));
                // Whoever was asked may be dead for good.
                self.seeds.rotate_left(1);
                port = self.seeds[0];
            } else {
                return Err(error);
            }
        }
    }

    fn send(&mut self, port: u16, words: &[&str]) -> RedisResult<Value> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        command(&words).query(self.connection(port)?)
    }

    fn connection(&mut self, port: u16) -> RedisResult<&mut Connection> {
        match self.connections.entry(port) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(none) => {
                let client = redis::Client::open(format!("redis://127.0.0.1:{port}/"))?;
                let connection = client.get_connection_with_timeout(REPLY)?;
                connection.set_read_timeout(Some(REPLY))?;
                Ok(none.insert(connection))
            }
        }
    }

    /// Begins elsewhere from now on.
    pub fn move_to(&mut self, seed: u16) {
        self.seeds = vec![seed];
    }
}

fn command(words: &[String]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    command
}

/// `MOVED SLOT HOST:PORT`.
fn moved_to(error: &RedisError) -> Option<u16> {
    let code = error.code().filter(|code| *code == "MOVED")?;
    let detail = error.detail().unwrap_or_else(|| panic!("{code} says where: {error}"));
    detail.rsplit(':').next()?.parse().ok()
}

fn passes(error: &RedisError) -> bool {
    let words = ["CLUSTERDOWN", "TRYAGAIN", "LOADING", "READONLY", "MASTERDOWN", "ASK"];
    error.is_io_error()
        || error.is_unrecoverable_error()
        || error.code().is_some_and(|code| words.contains(&code))
}
