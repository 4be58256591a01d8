//! Entries of Redis Streams as messages, read as one consumer of a group among many, and appended.
//!
//! How an entry stands for a message is said in `docs/streams.md`. What is done with an entry that was handed out is
//! done by scripts that look first whether it still is ours: Redis itself acknowledges, claims and drops whatever it
//! is told to.

mod acks;
mod consumer;
mod encoder;
pub(crate) mod entry;
mod event;
mod held;
mod holding;
mod keeper;
mod line;
mod options;
mod packed;
mod place;
mod reconnects;
mod rendering;
pub(crate) mod reply;
mod rounds;
mod script;
mod sink;
mod source;
mod topics;
mod url;

pub use encoder::StreamEncoder;
pub use event::{Event, Figures};
pub use holding::{Closed, Holding};
pub use options::SourceOptions;
pub use packed::{Entries, Entry, Fields, MOST_FIELDS, Unpackable};
pub use script::FRAGMENT;
pub use sink::RedisStreamSink;
pub use source::RedisStreamSource;
pub use topics::Topics;
pub use url::{InvalidStreamUrl, Start, StreamUrl};
