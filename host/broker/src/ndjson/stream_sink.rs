//! Lines to where no position can be recorded.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::Path;

use crate::acks::Pending;
use crate::sink::{Sink, SinkError};

use super::output_file::{self, BUFFER_BYTES};
use super::torn_line;

/// Appends whole lines to standard output or a regular file, for a settle that writes its outputs before it
/// commits: a crash between the two repeats lines and loses none.
///
/// A flush hands the lines to the operating system and, where they go to a regular file, waits until they
/// are on disk. After an error everything since the last successful flush has to be appended again.
#[derive(Debug)]
pub struct StreamSink {
    file: File,
    path: String,
    /// A regular file, which can be synced.
    regular: bool,
    /// Where the flushed lines end, for a file that is ours to cut.
    flushed: Option<u64>,
    /// What was written since the last flush, in bytes.
    written: u64,
    buffer: Vec<u8>,
    /// A write failed and could not be taken back.
    failed: bool,
}

impl StreamSink {
    /// Writes to standard output.
    ///
    /// # Errors
    ///
    /// There is no standard output.
    pub fn stdout() -> Result<Self, SinkError> {
        let path = "standard output".to_owned();
        // A handle of its own: the standard library's would look for line breaks in all that passes.
        match io::stdout().as_fd().try_clone_to_owned() {
            Ok(handle) => Ok(Self::new(File::from(handle), path, None)),
            Err(cause) => Err(SinkError::Open { path, cause }),
        }
    }

    /// Opens or creates (mode 0644) a regular file and locks it. Lines are appended to its end.
    ///
    /// A last line without a line break is completed if it is a whole JSON value, cut off if it is the
    /// beginning of a line of ours (a crash has left it; it was never committed) and a whole line stands
    /// before it, and refused otherwise.
    ///
    /// # Errors
    ///
    /// The folder is missing, the path leads to something other than a regular file, another process holds
    /// the lock, the last line is torn and not ours, or the operating system refuses.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, SinkError> {
        let path = path.as_ref();
        let mut file = output_file::open(path, true)?;
        let length = torn_line::mend(&mut file, path)?;
        Ok(Self::new(file, path.display().to_string(), Some(length)))
    }

    fn new(file: File, path: String, flushed: Option<u64>) -> Self {
        let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        Self { file, path, regular, flushed, written: 0, buffer: Vec::new(), failed: false }
    }

    /// What [`Sink::flush`] does, for who waits for it anyway.
    ///
    /// # Errors
    ///
    /// As for [`Sink::flush`].
    pub fn flush(&mut self) -> Result<(), SinkError> {
        self.write_out()?;
        if self.regular && self.written > 0 {
            self.file.sync_data().map_err(|e| self.fail(e))?;
        }
        self.flushed = self.flushed.map(|flushed| flushed + self.written);
        self.written = 0;
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), SinkError> {
        if self.failed {
            return Err(SinkError::Failed { path: self.path.clone() });
        }
        self.file.write_all(&self.buffer).map_err(|e| self.fail(e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes a file of ours end with its last flushed line again. Elsewhere the last line may be torn, and
    /// nothing may follow it.
    fn fail(&mut self, cause: io::Error) -> SinkError {
        self.buffer.clear();
        self.written = 0;
        let path = self.path.clone();
        let Some(length) = self.flushed else {
            self.failed = true;
            return match cause.kind() {
                ErrorKind::BrokenPipe => SinkError::Closed { path },
                _ => SinkError::Write { path, cause },
            };
        };
        match self.file.set_len(length) {
            Ok(()) => SinkError::Write { path, cause },
            Err(cut) => {
                self.failed = true;
                SinkError::NotCutBack { path, length, cut, cause }
            }
        }
    }
}

impl Sink for StreamSink {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.write_out() } else { Ok(()) }
    }

    fn flush(&mut self) -> Pending<'_, Result<(), SinkError>> {
        Box::pin(async { StreamSink::flush(self) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::io::Read;
    use std::os::fd::OwnedFd;

    fn pipe() -> (io::PipeReader, StreamSink) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, StreamSink::new(File::from(OwnedFd::from(writer)), "standard output".to_owned(), None))
    }

    #[test]
    fn a_flush_hands_over_everything() {
        let (mut reader, mut sink) = pipe();
        sink.append(b"1\n").unwrap();
        sink.append(b"2\n").unwrap();
        sink.flush().unwrap();
        let mut read = [0; 4];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"1\n2\n");
    }

    #[test]
    fn a_reader_that_has_gone_is_told_apart() {
        let (reader, mut sink) = pipe();
        drop(reader);
        sink.append(b"1\n").unwrap();
        assert!(matches!(sink.flush(), Err(SinkError::Closed { .. })));
        sink.append(b"2\n").unwrap();
        assert!(matches!(sink.flush(), Err(SinkError::Failed { .. })));
    }

    #[test]
    fn a_full_device_is_an_ordinary_error() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut sink = StreamSink::new(full, "standard output".to_owned(), None);
        sink.append(b"1\n").unwrap();
        let error = sink.flush().unwrap_err();
        assert!(matches!(&error, SinkError::Write { cause, .. } if cause.kind() == ErrorKind::StorageFull));
        assert_eq!(error.to_string(), "cannot write the output standard output");
    }

    #[test]
    fn a_file_is_appended_to_and_its_torn_line_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        for (torn, expected) in [("", "1\n"), ("{\"id\":\"2\",", "1\n1\n"), ("3", "1\n1\n3\n1\n")] {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .unwrap()
                .write_all(torn.as_bytes())
                .unwrap();
            let mut sink = StreamSink::file(&path).unwrap();
            sink.append(b"1\n").unwrap();
            sink.flush().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
            assert!(matches!(StreamSink::file(&path), Err(SinkError::Locked { .. })));
        }
    }

    #[test]
    fn a_failed_write_to_a_file_leaves_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut sink = StreamSink::file(&path).unwrap();
        sink.append(b"1\n").unwrap();
        sink.flush().unwrap();
        // As a disk does that fills up within a line.
        sink.file.write_all(b"{\"to").unwrap();
        assert!(matches!(sink.fail(ErrorKind::StorageFull.into()), SinkError::Write { .. }));
        sink.append(b"2\n").unwrap();
        sink.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2\n");
    }
}
