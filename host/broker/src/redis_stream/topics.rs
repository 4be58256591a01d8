//! Which stream a topic is.

use std::collections::BTreeMap;

/// Which stream a topic's outputs go to. A handler names topics; only the configuration makes streams of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    /// All topics go to this stream.
    One(String),
    /// Each topic has its stream; other topics have none.
    Map(BTreeMap<String, String>),
}

impl Topics {
    /// The stream of this topic.
    pub fn stream_of(&self, topic: &str) -> Option<&str> {
        match self {
            Topics::One(stream) => Some(stream),
            Topics::Map(streams) => streams.get(topic).map(String::as_str),
        }
    }

    /// All streams, each once.
    pub fn streams(&self) -> Vec<&str> {
        match self {
            Topics::One(stream) => vec![stream],
            Topics::Map(streams) => {
                let mut streams: Vec<&str> = streams.values().map(String::as_str).collect();
                streams.sort_unstable();
                streams.dedup();
                streams
            }
        }
    }
}
