//! Streams as they lie in Redis, written and read without the host's code.

use serde_json::Value;

use crate::client::Client;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id in the stream.
    pub entry: String,
    /// Its fields, in order.
    pub fields: Vec<(String, String)>,
}

impl Entry {
    /// A field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The stable id of an output, or the id of a message.
    pub fn id(&self) -> &str {
        self.get("id").unwrap_or_else(|| panic!("no id: {self:?}"))
    }

    /// The payload.
    pub fn payload(&self) -> &str {
        self.get("payload").unwrap_or_else(|| panic!("no payload: {self:?}"))
    }

    /// Why it is a dead letter.
    pub fn reason(&self) -> &str {
        self.get("header:oncegate-reason").unwrap_or_else(|| panic!("no reason: {self:?}"))
    }
}

/// All entries of a stream.
pub fn entries(client: &mut Client, stream: &str) -> Vec<Entry> {
    let found: Vec<(String, Vec<(String, String)>)> = client.ask(&["XRANGE", stream, "-", "+"]);
    found.into_iter().map(|(entry, fields)| Entry { entry, fields }).collect()
}

/// Appends messages with these payloads.
pub fn produce(client: &mut Client, stream: &str, payloads: &[Value]) {
    let add =
        |payload: &Value| ["XADD", stream, "*", "payload", &payload.to_string()].map(str::to_owned).to_vec();
    // So many a time keep the server from being busy with nothing else.
    for some in payloads.chunks(500) {
        client.ask_all(stream, &some.iter().map(add).collect::<Vec<_>>());
    }
}

/// What a handler does that has an effect once for this key.
pub fn effect(key: &str) -> Value {
    serde_json::json!({"steps": [{"seen": key}, {"emit": ["t", key]}, {"commit": key}]})
}

/// Messages of which every third has been sent before, and the keys that they name.
pub fn effects(prefix: &str, count: usize) -> (Vec<Value>, Vec<String>) {
    let key = |n: usize| format!("{prefix}{}", if n % 3 == 2 { n / 2 } else { n });
    let messages = (0..count).map(|n| effect(&key(n))).collect();
    let mut keys: Vec<String> = (0..count).map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    (messages, keys)
}
