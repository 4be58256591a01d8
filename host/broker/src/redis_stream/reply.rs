//! What scripts and commands answer, read.

use oncegate_redis::redis::Value;

use super::entry::Fields;

/// What a script says of one question: a word, and what belongs to it.
#[derive(Debug)]
pub struct Said {
    /// The word.
    pub word: String,
    rest: std::vec::IntoIter<Value>,
}

impl Said {
    /// Reads an answer. One of another shape is the word `""`, which nobody expects.
    pub fn of(value: Value) -> Self {
        let Value::Array(values) = value else {
            return Self { word: String::new(), rest: Vec::new().into_iter() };
        };
        let mut rest = values.into_iter();
        let word = rest.next().and_then(text).unwrap_or_default();
        Self { word, rest }
    }

    /// What comes next.
    pub fn value(&mut self) -> Option<Value> {
        self.rest.next()
    }

    /// What comes next, as text; empty if it is none.
    pub fn text(&mut self) -> String {
        self.value().and_then(text).unwrap_or_default()
    }
}

/// A value as text, made UTF-8 where it is not.
pub fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A value as a number.
pub fn number(value: Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(number).ok(),
        other => text(other)?.parse().ok(),
    }
}

/// An entry's id as two numbers.
pub fn entry_id(text: &str) -> Option<(u64, u64)> {
    let (ms, sequence) = text.split_once('-')?;
    Some((ms.parse().ok()?, sequence.parse().ok()?))
}

/// An entry's fields, from a list of names and values by turns.
pub fn fields(value: Value) -> Option<Fields> {
    let Value::Array(values) = value else { return None };
    let mut values = values.into_iter();
    let mut fields = Vec::with_capacity(values.len() / 2);
    while let Some(name) = values.next() {
        fields.push((bytes(name)?, bytes(values.next()?)?));
    }
    Some(fields)
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        other => text(other).map(String::into_bytes),
    }
}

/// What a read of one stream answers: entries' ids and fields; nothing if there was nothing.
pub fn entries(value: Value) -> Option<Vec<((u64, u64), Fields)>> {
    let entries = match value {
        Value::Nil => return Some(Vec::new()),
        Value::Map(streams) => streams.into_iter().next()?.1,
        Value::Array(streams) => match streams.into_iter().next()? {
            Value::Array(stream) => stream.into_iter().nth(1)?,
            _ => return None,
        },
        _ => return None,
    };
    let Value::Array(entries) = entries else { return None };
    entries.into_iter().map(entry).collect()
}

fn entry(value: Value) -> Option<((u64, u64), Fields)> {
    let Value::Array(parts) = value else { return None };
    let mut parts = parts.into_iter();
    let id = entry_id(&text(parts.next()?)?)?;
    // An entry that is gone has none.
    let fields = match parts.next()? {
        Value::Nil => Vec::new(),
        list => fields(list)?,
    };
    Some((id, fields))
}

/// One line of a list of what is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The entry.
    pub entry: (u64, u64),
    /// Whose it is.
    pub consumer: String,
    /// How long nothing was heard of it, in milliseconds.
    pub idle_ms: u64,
    /// How often it was handed over.
    pub count: u64,
}

/// A list of what is pending.
pub fn rows(value: Value) -> Option<Vec<Row>> {
    let Value::Array(rows) = value else { return None };
    rows.into_iter().map(row).collect()
}

fn row(value: Value) -> Option<Row> {
    let Value::Array(parts) = value else { return None };
    let [id, consumer, idle_ms, count] = parts.try_into().ok()?;
    Some(Row {
        entry: entry_id(&text(id)?)?,
        consumer: text(consumer)?,
        idle_ms: number(idle_ms)?,
        count: number(count)?,
    })
}
