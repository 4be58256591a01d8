//! Sources and sinks of messages.
//!
//! A [`Source`] hands out deliveries, a [`Sink`] takes whole outputs, written down by its [`Encoder`]. There are two kinds
//! of each: lines of JSON in files and pipes, and entries of Redis Streams, whose deliveries a [`Holding`] keeps until
//! they have ended. This crate knows nothing of handlers, claims or keys of business events; whoever joins a source, a
//! store and a sink does so above it. What takes time is a future; those of files and pipes block, so a source belongs to a
//! thread that only reads, a sink to one that only settles.
//!
//! Errors follow one convention: `Display` is one line that says what could not be done, where, and (where
//! there is something to do) what to do; the cause, if there is one, is `source()` and is not repeated in the
//! line. Printed as a chain they read as one sentence.
//!
//! ```
//! use oncegate_broker::{DEFAULT_LINE_LIMIT, Delivery, InputFormat, NdjsonSource, Output, encode};
//!
//! let input = std::io::Cursor::new("{\"id\": 7, \"key\": \"k\", \"payload\": {\"n\": 1.0}}\n");
//! let mut source = NdjsonSource::from_reader("orders", input, InputFormat::Auto, DEFAULT_LINE_LIMIT);
//! let mut lines = Vec::new();
//! for delivery in source.receive(256)? {
//!     match delivery {
//!         Delivery::Message(m) => encode(
//!             &Output { id: &m.id, topic: "copies", key: m.key.as_deref(), headers: &m.headers, payload: &m.payload },
//!             &mut lines,
//!         ),
//!         Delivery::Malformed(line) => eprintln!("{}: {}", line.id, line.reason),
//!     }
//! }
//! assert_eq!(lines, b"{\"id\":\"7\",\"topic\":\"copies\",\"key\":\"k\",\"payload\":{\"n\": 1.0}}\n");
//! # Ok::<(), oncegate_broker::SourceError>(())
//! ```
#![deny(missing_docs)]

mod acks;
mod encoder;
#[doc(hidden)]
pub mod fuzzing;
mod message;
mod ndjson;
mod redis_stream;
mod sink;
mod source;
mod ticket;

pub use acks::{Acked, Acks, Notice, Pending};
pub use encoder::{Encoder, NdjsonEncoder};
pub use message::{Delivery, Header, Malformed, Message};
pub use ndjson::{
    DEFAULT_LINE_LIMIT, DeadLetter, FileSink, HOST_HEADER_PREFIX, InputFormat, LINE_HEADER, MALFORMED_HEADER,
    MAX_NESTING, NdjsonSource, Output, Position, PositionError, REASON_HEADER, Resumed, StreamSink,
    UnknownInputFormat, encode, encode_dead_letter, encode_malformed,
};
pub use redis_stream::{
    Closed, Entries, Entry, Event, FRAGMENT, Fields, Figures, Holding, InvalidStreamUrl, MOST_FIELDS,
    RedisStreamSink, RedisStreamSource, SourceOptions, Start, StreamEncoder, StreamUrl, Topics, Unpackable,
};
pub use sink::{Sink, SinkError};
pub use source::{Source, SourceError};
pub use ticket::Ticket;
