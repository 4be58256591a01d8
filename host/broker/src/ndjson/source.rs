//! Messages from lines of JSON.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;

use crate::acks::Pending;
use crate::message::{Delivery, Malformed, Message};
use crate::source::{Source, SourceError};

use super::envelope::{self, Fields};
use super::format::InputFormat;
use super::line_error::LineError;
use super::lines::{Line, Lines};

/// How long a line may be by default, in bytes without its line ending: 1 MiB. A longer one is malformed,
/// and is passed over without being held in memory.
pub const DEFAULT_LINE_LIMIT: usize = 1 << 20;

/// How many bytes of input one batch holds before it is handed out, though `max` is not reached.
const BATCH_BYTES: usize = 1 << 20;
/// For how many deliveries there is room in a batch at once; a larger one grows.
const USUAL_BATCH: usize = 64;
/// How many bytes of a malformed line are kept.
const KEPT_BYTES: usize = 64 * 1024;

/// Reads newline-delimited JSON from a file or standard input.
///
/// Blank lines, CRLF, a byte order mark and a last line without a line break are fine. A line that is no
/// message is delivered as [`Malformed`] and stops nothing.
pub struct NdjsonSource {
    /// For errors: the path as given, or "standard input".
    path: String,
    lines: Lines<Box<dyn Read + Send>>,
    decoder: Decoder,
}

impl NdjsonSource {
    /// Opens a file, or standard input if `path` is `-`. Lines longer than `line_limit` bytes are malformed.
    ///
    /// The source is called by the path's last component, or `stdin`; a message without a topic gets the
    /// name without its extension. Opening a named pipe waits for its writer.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is a directory.
    pub fn open(path: &Path, format: InputFormat, line_limit: usize) -> Result<Self, SourceError> {
        let shown = path.display().to_string();
        if path == Path::new("-") {
            let cannot = |cause| SourceError::Open { path: "standard input".to_owned(), cause };
            let input = io::stdin().as_fd().try_clone_to_owned().map_err(cannot)?;
            return Ok(Self::new(
                "standard input".to_owned(),
                "stdin",
                File::from(input),
                format,
                line_limit,
            ));
        }
        let cannot = |cause| SourceError::Open { path: shown.clone(), cause };
        let file = File::open(path).map_err(cannot)?;
        if file.metadata().map_err(cannot)?.is_dir() {
            return Err(SourceError::Directory { path: shown });
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Ok(Self::new(shown, &name, file, format, line_limit))
    }

    /// Reads from anything; `name` is what the source is called.
    pub fn from_reader(
        name: &str,
        input: impl Read + Send + 'static,
        format: InputFormat,
        line_limit: usize,
    ) -> Self {
        Self::new(name.to_owned(), name, input, format, line_limit)
    }

    fn new(
        path: String,
        name: &str,
        input: impl Read + Send + 'static,
        format: InputFormat,
        line_limit: usize,
    ) -> Self {
        let topic = Path::new(name).file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
        let decoder = Decoder { name: name.to_owned(), topic: topic.into_owned(), format, line_limit };
        Self { path, lines: Lines::new(Box::new(input), line_limit), decoder }
    }

    /// The topic of a message that names none, and of malformed lines.
    pub fn default_topic(&self) -> &str {
        &self.decoder.topic
    }

    /// What has been read and is complete, within the bounds of one batch.
    fn buffered(&mut self, max: usize) -> Vec<Delivery> {
        let (mut batch, mut bytes) = (Vec::with_capacity(max.min(USUAL_BATCH)), 0);
        // Blank lines alone must not fill a batch: an empty one would pass for the end.
        while batch.len() < max && (bytes < BATCH_BYTES || batch.is_empty()) {
            let Some(line) = self.lines.next() else { break };
            bytes += line.bytes.len();
            batch.extend(self.decoder.decode(&line));
        }
        batch
    }

    /// What [`Source::receive`] does, for who waits for it anyway.
    ///
    /// # Errors
    ///
    /// As for [`Source::receive`].
    pub fn receive(&mut self, max: usize) -> Result<Vec<Delivery>, SourceError> {
        let mut more = true;
        loop {
            let batch = self.buffered(max.max(1));
            if !batch.is_empty() || !more {
                return Ok(batch);
            }
            let offset = self.lines.read_to();
            more = self.lines.fill().map_err(|cause| SourceError::Read {
                path: self.path.clone(),
                offset,
                cause,
            })?;
        }
    }
}

impl Source for NdjsonSource {
    fn name(&self) -> &str {
        &self.decoder.name
    }

    fn receive(&mut self, max: usize) -> Pending<'_, Result<Vec<Delivery>, SourceError>> {
        Box::pin(async move { NdjsonSource::receive(self, max) })
    }
}

impl fmt::Debug for NdjsonSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NdjsonSource").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Makes a delivery of a line.
struct Decoder {
    name: String,
    topic: String,
    format: InputFormat,
    line_limit: usize,
}

impl Decoder {
    /// Nothing for a blank line.
    fn decode(&self, line: &Line<'_>) -> Option<Delivery> {
        if line.bytes.trim_ascii().is_empty() && !line.too_long {
            return None;
        }
        Some(match self.fields(line) {
            Ok(fields) => Delivery::Message(self.message(fields, line.offset)),
            Err(error) => Delivery::Malformed(self.malformed(line, &error)),
        })
    }

    fn fields(&self, line: &Line<'_>) -> Result<Fields, LineError> {
        if line.too_long {
            return Err(LineError::TooLong { limit: self.line_limit });
        }
        let text = std::str::from_utf8(line.bytes)
            .map_err(|error| LineError::NotUtf8 { at: error.valid_up_to() + 1 })?;
        envelope::parse(text, self.format)
    }

    fn message(&self, fields: Fields, offset: u64) -> Message {
        Message {
            id: fields.id.unwrap_or_else(|| self.id(offset)),
            topic: fields.topic.unwrap_or_else(|| self.topic.clone()),
            key: fields.key,
            headers: fields.headers,
            payload: fields.payload,
            published_ms: None,
            ticket: None,
        }
    }

    fn malformed(&self, line: &Line<'_>, error: &LineError) -> Malformed {
        // How much of a line that is too long has been read by now is chance: its beginning is the same.
        let counted = if line.too_long { line.bytes.get(..self.line_limit) } else { None };
        let counted = counted.unwrap_or(line.bytes);
        Malformed {
            id: self.id(line.offset),
            line: Some(line.number),
            reason: error.to_string(),
            bytes: kept(counted).to_vec(),
            ticket: None,
        }
    }

    fn id(&self, offset: u64) -> String {
        format!("{}:{offset}", self.name)
    }
}

/// The beginning that is kept. Text is not cut within a character, so that it stays text.
fn kept(bytes: &[u8]) -> &[u8] {
    let Some(first) = bytes.get(..KEPT_BYTES) else { return bytes };
    match std::str::from_utf8(first) {
        // An error without a length is a character that the cut has halved.
        Err(error) if error.error_len().is_none() => &first[..error.valid_up_to()],
        _ => first,
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
