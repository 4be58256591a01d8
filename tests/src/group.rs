//! A group of consumers, as Redis sees it.

use std::collections::HashMap;

use redis::Value;

use crate::client::Client;
use crate::wait::until;

/// A group on a stream.
#[derive(Debug, Clone)]
pub struct Group {
    stream: String,
    group: String,
}

impl Group {
    /// This group of this stream.
    pub fn of(stream: &str, group: &str) -> Self {
        Self { stream: stream.to_owned(), group: group.to_owned() }
    }

    /// The usual one: `g` of `orders`.
    pub fn orders() -> Self {
        Self::of("orders", "g")
    }

    /// How many entries are pending, for anyone.
    pub fn pending(&self, client: &mut Client) -> i64 {
        self.number(client, "pending")
    }

    /// How many entries are pending for the host with this process number.
    pub fn pending_of(&self, client: &mut Client, pid: u32) -> i64 {
        let consumers = self.rows(client);
        let ours = consumers.iter().filter(|about| is_of(&text(&about["name"]), pid));
        ours.map(|about| redis::from_redis_value::<i64>(about["pending"].clone()).unwrap()).sum()
    }

    /// The consumers' names.
    pub fn consumers(&self, client: &mut Client) -> Vec<String> {
        self.rows(client).iter().map(|about| text(&about["name"])).collect()
    }

    /// Waits until the host with this process number has joined.
    pub fn wait_for(&self, client: &mut Client, pid: u32) {
        until("the host joins the group", || {
            self.exists(client) && self.consumers(client).iter().any(|name| is_of(name, pid))
        });
    }

    /// Waits until everything that is in the stream was read and acknowledged.
    pub fn wait_until_settled(&self, client: &mut Client) {
        until("everything is acknowledged", || self.is_settled(client));
    }

    /// Whether everything that is in the stream was read and acknowledged.
    pub fn is_settled(&self, client: &mut Client) -> bool {
        let stream: HashMap<String, Value> = client.ask(&["XINFO", "STREAM", &self.stream]);
        let Some(about) = self.about(client) else { return false };
        text(&about["last-delivered-id"]) == text(&stream["last-generated-id"]) && self.pending(client) == 0
    }

    /// How many of the entries that are in the stream were read.
    pub fn read(&self, client: &mut Client) -> i64 {
        self.number(client, "entries-read")
    }

    /// Whether there is such a group.
    pub fn exists(&self, client: &mut Client) -> bool {
        client.ask::<String>(&["TYPE", &self.stream]) == "stream" && self.about(client).is_some()
    }

    fn number(&self, client: &mut Client, name: &str) -> i64 {
        let about = self.about(client).unwrap_or_else(|| panic!("no group {self:?}"));
        redis::from_redis_value::<Option<i64>>(about[name].clone()).unwrap().unwrap_or_default()
    }

    fn about(&self, client: &mut Client) -> Option<HashMap<String, Value>> {
        let groups: Vec<HashMap<String, Value>> = client.ask(&["XINFO", "GROUPS", &self.stream]);
        groups.into_iter().find(|about| text(&about["name"]) == self.group)
    }

    fn rows(&self, client: &mut Client) -> Vec<HashMap<String, Value>> {
        client.ask(&["XINFO", "CONSUMERS", &self.stream, &self.group])
    }
}

/// Whether a consumer's name is one of the host with this process number.
fn is_of(name: &str, pid: u32) -> bool {
    name.starts_with("oncegate-") && name.contains(&format!("-{pid}-"))
}

fn text(value: &Value) -> String {
    redis::from_redis_value(value.clone()).unwrap()
}
