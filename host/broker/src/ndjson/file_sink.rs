//! A file whose length is recorded elsewhere, so that it can be cut back to what counts.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::acks::Pending;
use crate::sink::{Sink, SinkError};

use super::output_file::{self, BUFFER_BYTES};
use super::position::Position;
use super::tail::Tail;

/// Appends whole lines to a regular file, and knows the position up to which they are safe on disk.
///
/// The way to exactness: [`append`](Sink::append) the lines of a group, [`sync`](Self::sync), record the new
/// [`position`](Self::position) together with the group's commits. What a crash leaves beyond the recorded
/// position belongs to no commit, and [`resume`](Self::resume) cuts it off.
///
/// The file is locked while the sink lives. Dropping the sink writes nothing: what is not synced does not
/// count.
#[derive(Debug)]
pub struct FileSink {
    file: File,
    path: String,
    device: u64,
    inode: u64,
    /// The end is known and lies after a whole line. False before `resume`, and after a cut that failed.
    ready: bool,
    /// Where the synced bytes end, and how.
    synced: End,
    /// Where everything that was appended ends, the buffer included.
    appended: End,
    /// What was appended and not written yet.
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct End {
    length: u64,
    tail: Tail,
}

impl End {
    /// As a plain assignment, but without a new allocation for each sync.
    fn set(&mut self, to: &Self) {
        self.length = to.length;
        self.tail.clone_from(&to.tail);
    }
}

/// How a file was found when it was resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// Where the next line goes: the file's length in bytes.
    pub length: u64,
    /// How many bytes beyond the recorded position were cut off.
    pub cut: u64,
}

impl FileSink {
    /// Opens or creates (mode 0644) the file, locks it, and makes a new file durable in its folder. Nothing
    /// can be appended before [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// The folder is missing, the path leads to something other than a regular file, another process holds
    /// the lock, or the operating system refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SinkError> {
        let path = path.as_ref();
        let file = output_file::open(path, false)?;
        let path = path.display().to_string();
        let metadata = file.metadata().map_err(|cause| SinkError::Prepare { path: path.clone(), cause })?;
        Ok(Self {
            file,
            path,
            device: metadata.dev(),
            inode: metadata.ino(),
            ready: false,
            synced: End::default(),
            appended: End::default(),
            buffer: Vec::new(),
        })
    }

    /// Finds the place to go on from. With a recorded position, whatever lies beyond it is cut off; without
    /// one (the file is new to the store) the present end is synced and kept. It can be called again at any
    /// time, to take back what was synced but could not be recorded.
    ///
    /// # Errors
    ///
    /// Nothing is cut, and the sink cannot be written, if the file is not the recorded one, has other bytes
    /// before the position, is shorter, or is longer although the run that recorded the position ended in
    /// order; if there is no position and the file does not end with a line break; or if the operating system
    /// refuses.
    pub fn resume(&mut self, recorded: Option<&Position>) -> Result<Resumed, SinkError> {
        self.ready = false;
        self.buffer.clear();
        let found = self.file.metadata().map_err(|e| self.prepare(e))?.len();
        let length = match recorded {
            Some(position) => {
                self.verify(position, found)?;
                position.length
            }
            None => found,
        };
        let tail = Tail::read(&self.file, length).map_err(|e| self.prepare(e))?;
        match recorded {
            None if !tail.ends_a_line() => return Err(SinkError::TornLine { path: self.path.clone() }),
            // Another program has written these bytes; the position is to promise them.
            None => self.file.sync_all().map_err(|e| self.prepare(e))?,
            Some(_) if found > length => self.cut(length).map_err(|e| self.prepare(e))?,
            Some(_) => {}
        }
        self.synced = End { length, tail };
        self.appended = self.synced.clone();
        self.ready = true;
        Ok(Resumed { length, cut: found - length })
    }

    /// Whether the file is the one that `position` was taken in, and may be cut back to it.
    fn verify(&self, position: &Position, length: u64) -> Result<(), SinkError> {
        let path = || self.path.clone();
        let recorded = position.length;
        if (self.device, self.inode) != (position.device, position.inode) {
            return Err(SinkError::Replaced { path: path(), difference: "another device or inode" });
        }
        if length < recorded {
            return Err(SinkError::Shorter { path: path(), length, recorded });
        }
        if Tail::read(&self.file, recorded).map_err(|e| self.prepare(e))?.digest() != position.tail {
            return Err(SinkError::Replaced { path: path(), difference: "other content" });
        }
        if position.clean && length > recorded {
            return Err(SinkError::Grew { path: path(), length, recorded });
        }
        Ok(())
    }

    /// Writes what was appended and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// As for [`Sink::append`]: the file has been cut back to the last successful sync, and the lines since
    /// are gone from it.
    pub fn sync(&mut self) -> Result<(), SinkError> {
        self.write_out()?;
        if self.appended.length > self.synced.length {
            self.file.sync_data().map_err(|e| self.cut_back(e))?;
            self.synced.set(&self.appended);
        }
        Ok(())
    }

    /// The position after the last successful sync: to be recorded with what the lines before it belong to.
    /// `clean` says that the run ends here in order; it is recorded only if nothing unsynced is left.
    ///
    /// # Errors
    ///
    /// The sink is not ready: nothing is known about the file's end.
    pub fn position(&self, clean: bool) -> Result<Position, SinkError> {
        self.require_ready()?;
        Ok(Position {
            length: self.synced.length,
            tail: self.synced.tail.digest(),
            device: self.device,
            inode: self.inode,
            clean: clean && self.appended.length == self.synced.length,
        })
    }

    /// Takes back everything since the last successful sync, for instance the lines of a group that turned
    /// out not to be settled.
    ///
    /// # Errors
    ///
    /// The file cannot be cut; the sink must then be resumed.
    pub fn take_back(&mut self) -> Result<(), SinkError> {
        self.require_ready()?;
        self.forget_unsynced();
        self.cut(self.synced.length).map_err(|e| {
            self.ready = false;
            self.prepare(e)
        })
    }

    fn write_out(&mut self) -> Result<(), SinkError> {
        self.require_ready()?;
        let from = self.appended.length - self.buffer.len() as u64;
        self.file.write_all_at(&self.buffer, from).map_err(|e| self.cut_back(e))?;
        self.buffer.clear();
        Ok(())
    }

    /// After a write or sync that failed for `cause`, part of it may be in the file: makes the file end with
    /// its last whole synced line again.
    fn cut_back(&mut self, cause: io::Error) -> SinkError {
        self.forget_unsynced();
        let path = self.path.clone();
        match self.cut(self.synced.length) {
            Ok(()) => SinkError::Write { path, cause },
            Err(cut) => {
                self.ready = false;
                SinkError::NotCutBack { path, length: self.synced.length, cut, cause }
            }
        }
    }

    fn forget_unsynced(&mut self) {
        self.buffer.clear();
        self.appended.set(&self.synced);
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.sync_all()
    }

    fn require_ready(&self) -> Result<(), SinkError> {
        if self.ready { Ok(()) } else { Err(SinkError::NotReady { path: self.path.clone() }) }
    }

    fn prepare(&self, cause: io::Error) -> SinkError {
        SinkError::Prepare { path: self.path.clone(), cause }
    }
}

impl Sink for FileSink {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.require_ready()?;
        self.buffer.extend_from_slice(bytes);
        self.appended.length += bytes.len() as u64;
        self.appended.tail.push(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.write_out() } else { Ok(()) }
    }

    /// The same as [`FileSink::sync`].
    fn flush(&mut self) -> Pending<'_, Result<(), SinkError>> {
        Box::pin(async { self.sync() })
    }
}

#[cfg(test)]
#[path = "file_sink_tests.rs"]
mod tests;
