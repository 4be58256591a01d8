//! Newline-delimited JSON: one message a line, in files and pipes.

mod dead_letter;
mod encode;
mod envelope;
mod file_sink;
mod format;
mod headers;
mod json;
mod line_error;
mod lines;
mod lock_holder;
mod name;
mod output_file;
mod position;
mod source;
mod stream_sink;
mod tail;
mod torn_line;

#[cfg(test)]
mod round_trip;

pub use dead_letter::{
    DeadLetter, HOST_HEADER_PREFIX, LINE_HEADER, MALFORMED_HEADER, REASON_HEADER, encode_dead_letter,
    encode_malformed,
};
pub use encode::{Output, encode};
pub use file_sink::{FileSink, Resumed};
pub use format::{InputFormat, UnknownInputFormat};
pub use json::MAX_NESTING;
pub use position::{Position, PositionError};
pub use source::{DEFAULT_LINE_LIMIT, NdjsonSource};
pub use stream_sink::StreamSink;
