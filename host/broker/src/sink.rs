//! Where outputs and dead letters go.

use std::io;

use crate::acks::Pending;

/// Takes whole encoded outputs.
pub trait Sink {
    /// Takes `bytes`, which are what this sink's [`Encoder`](crate::Encoder) has written. They may stay in the sink's
    /// buffer.
    ///
    /// # Errors
    ///
    /// The buffer had to be written and could not be. Everything since the last successful [`flush`] counts
    /// as not written: a file has been cut back to it, a stream may have let some of it out.
    ///
    /// [`flush`]: Sink::flush
    fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError>;

    /// Makes everything appended so far as safe as this sink can make it; each sink says what that is. A sink of files
    /// blocks its thread meanwhile.
    ///
    /// # Errors
    ///
    /// As for [`append`](Sink::append).
    fn flush(&mut self) -> Pending<'_, Result<(), SinkError>>;

    /// Gives up what was appended and is not known to be written, after [`SinkError::Unavailable`].
    fn give_up(&mut self) {}
}

/// Why a sink cannot be opened, resumed or written.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file cannot be opened or created.
    #[error("cannot open the output {path}")]
    Open {
        /// The path as it was given.
        path: String,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// The folder that should hold the file does not exist.
    #[error("cannot create the output {path}: the folder {folder} does not exist; create it first")]
    NoFolder {
        /// The path as it was given.
        path: String,
        /// The folder that is missing.
        folder: String,
    },
    /// The path leads to something that has no length and no end: a directory, a pipe, a device.
    #[error("the output {path} is {found}, not a regular file; name a file, or - for standard output")]
    NotRegular {
        /// The path as it was given.
        path: String,
        /// What it is, with its article.
        found: &'static str,
    },
    /// Someone else holds the file's lock.
    #[error("the output {path} is in use by {}; wait for that to end, or name another file", holder(*.pid))]
    Locked {
        /// The path as it was given.
        path: String,
        /// The process that holds the lock, where the system tells.
        pid: Option<u32>,
    },
    /// The lock cannot be taken for another reason, such as a file system without locks.
    #[error("cannot lock the output {path}")]
    Lock {
        /// The path as it was given.
        path: String,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// The file's end is not the end of a line, and the rest was not written by this program.
    #[error("the output {path} does not end with a line break; add one, or name another file")]
    TornLine {
        /// The path as it was given.
        path: String,
    },
    /// The file is not the one that the recorded position was taken in, or its content has changed.
    #[error(
        "the output {path} was replaced since the last run ({difference}); nothing was changed: put the \
         original back, or start with a new output and a new store"
    )]
    Replaced {
        /// The path as it was given.
        path: String,
        /// What gave it away.
        difference: &'static str,
    },
    /// The file has lost lines that were recorded as written.
    #[error(
        "the output {path} is shorter ({length} bytes) than recorded ({recorded}); nothing was changed: put \
         the original back, or start with a new output and a new store"
    )]
    Shorter {
        /// The path as it was given.
        path: String,
        /// Its length in bytes.
        length: u64,
        /// The recorded length in bytes.
        recorded: u64,
    },
    /// Someone else has written to the file after a run that ended in order.
    #[error(
        "the output {path} grew after a clean stop, from {recorded} to {length} bytes; nothing was changed: \
         move the extra lines elsewhere, or start with a new output and a new store"
    )]
    Grew {
        /// The path as it was given.
        path: String,
        /// Its length in bytes.
        length: u64,
        /// The recorded length in bytes.
        recorded: u64,
    },
    /// Reading, measuring or cutting the file failed while it was made ready.
    #[error("cannot make the output {path} ready")]
    Prepare {
        /// The path as it was given.
        path: String,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// A write or a sync failed: a full disk, a size limit, a broken device. A file with positions has been
    /// cut back to its last synced line.
    #[error("cannot write the output {path}")]
    Write {
        /// The path as it was given, or "standard output".
        path: String,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// A write failed, and so did cutting the file back: it may end within a line until it is resumed.
    #[error(
        "cannot write the output {path}, nor cut it back to {length} bytes ({cut}); the next run will do so"
    )]
    NotCutBack {
        /// The path as it was given.
        path: String,
        /// Where the last whole line that counts ends, in bytes.
        length: u64,
        /// Why it could not be cut back.
        cut: io::Error,
        /// Why the write failed.
        #[source]
        cause: io::Error,
    },
    /// The sink was used before it was resumed, or after it could not be cut back.
    #[error("the output {path} is not ready to be written; it must be resumed first")]
    NotReady {
        /// The path as it was given.
        path: String,
    },
    /// An earlier write failed half-way and could not be taken back.
    #[error("nothing more can be written to {path}: an earlier write failed half-way")]
    Failed {
        /// The path as it was given, or "standard output".
        path: String,
    },
    /// The server cannot be used for now. What is not known to be written stays in the sink's buffer: a later flush
    /// writes it, with the same ids, and may so write some of it twice.
    #[error("cannot write the output {path} for now ({why})")]
    Unavailable {
        /// The stream or server.
        path: String,
        /// Why, in words.
        why: String,
    },
    /// The server will not take it.
    #[error("cannot write the output {path}: {why}")]
    Refused {
        /// The stream or server.
        path: String,
        /// Why, in words, and what to do.
        why: String,
    },
    /// Whoever read the other end of the pipe has closed it.
    #[error("the reader of {path} has closed it; nothing more can be written there")]
    Closed {
        /// The path as it was given, or "standard output".
        path: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) if pid == std::process::id() => "this very run, which names it twice".to_owned(),
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
