//! The claim log: one line for each claim, handed to the operating system before the claim is answered.
//!
//! A log begins with a header: `OGCLAIM` and the byte 1, the stamp that it begins at, the last group that was
//! settled before it, and the checksum of these. Each line is the length of its body (4 bytes), the body's
//! checksum (8 bytes) and the body; numbers are big endian. A body is one of
//!
//! | byte 0 | then |
//! |---|---|
//! | 1 claim | number, time, deadline (8 bytes each), length of the key (1 byte), key, record |
//! | 2 void | number (8 bytes), key: claims of the key with smaller numbers are settled, and forgotten |
//! | 3 group | number (8 bytes): a group of settles that is on the disk |
//!
//! The groups are there to find out about a tree that lost its end: its library cuts a journal off at the
//! first byte that it cannot read, without a word.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::check;
use super::home::sync_directory;
use super::stamp::Stamp;
use crate::{Key, Record};

pub(super) const MAGIC: [u8; 8] = *b"OGCLAIM\x01";
pub(super) const HEADER_BYTES: usize = 8 + Stamp::BYTES + 8 + 8;
pub(super) const LINE_HEAD_BYTES: usize = 4 + 8;
pub(super) const CLAIM: u8 = 1;
pub(super) const VOID: u8 = 2;
pub(super) const GROUP: u8 = 3;

/// The log that claims are appended to.
#[derive(Debug)]
pub(super) struct ClaimLog {
    file: File,
    path: PathBuf,
    base: Stamp,
    bytes: u64,
    /// The line that is being made, kept for its allocation.
    line: Vec<u8>,
}

/// A claim as it is logged.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimLine<'a> {
    /// Its number.
    pub number: u64,
    /// When it was made, on the store's clock.
    pub at_ms: u64,
    /// When its record is gone.
    pub until_ms: u64,
    /// Its key.
    pub key: &'a Key,
    /// Its record.
    pub record: &'a Record,
}

impl ClaimLog {
    /// A new log in `folder` for claims from `base` on; `group` is the last group settled so far. What an
    /// open that was cut short left under its name is overwritten: no claim was answered then.
    pub fn create(folder: &Path, base: Stamp, group: u64) -> io::Result<Self> {
        let path = folder.join(format!("claims-{:010}-{:020}.log", base.owner, base.number));
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        file.set_len(0)?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&base.encode());
        header.extend_from_slice(&group.to_be_bytes());
        header.extend_from_slice(&check::sum(&header).to_be_bytes());
        file.write_all(&header)?;
        sync_directory(folder)?;
        Ok(Self { file, path, base, bytes: HEADER_BYTES as u64, line: Vec::new() })
    }

    /// The stamp that it begins at.
    pub fn base(&self) -> Stamp {
        self.base
    }

    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a claim.
    pub fn claim(&mut self, claim: &ClaimLine<'_>) -> io::Result<()> {
        let line = self.start(CLAIM, claim.number);
        line.extend_from_slice(&claim.at_ms.to_be_bytes());
        line.extend_from_slice(&claim.until_ms.to_be_bytes());
        let key = claim.key.encoded();
        // An encoded key has at most 1 + 64 + 1 + 128 bytes.
        line.push(key.len() as u8);
        line.extend_from_slice(key);
        line.extend_from_slice(&claim.record.encode());
        self.finish()
    }

    /// Appends that claims of a key with smaller numbers are void.
    pub fn void(&mut self, number: u64, key: &Key) -> io::Result<()> {
        self.start(VOID, number).extend_from_slice(key.encoded());
        self.finish()
    }

    /// Appends that a group is on the disk.
    pub fn group(&mut self, number: u64) -> io::Result<()> {
        self.start(GROUP, number);
        self.finish()
    }

    /// Waits until everything appended is on the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn start(&mut self, kind: u8, number: u64) -> &mut Vec<u8> {
        self.line.clear();
        self.line.resize(LINE_HEAD_BYTES, 0);
        self.line.push(kind);
        self.line.extend_from_slice(&number.to_be_bytes());
        &mut self.line
    }

    fn finish(&mut self) -> io::Result<()> {
        let (head, body) = self.line.split_at_mut(LINE_HEAD_BYTES);
        let (length, sum) = head.split_at_mut(4);
        // A record is bounded by its policy, far below 4 GiB.
        length.copy_from_slice(&(body.len() as u32).to_be_bytes());
        sum.copy_from_slice(&check::sum(body).to_be_bytes());
        // In one call: of a process that is killed, all of it or nothing is left behind.
        self.file.write_all(&self.line)?;
        self.bytes += self.line.len() as u64;
        Ok(())
    }
}
