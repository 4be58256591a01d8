//! Reading claim logs back: which claims did the processes before leave behind?

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::OpenError;
use super::check;
use super::claim_log::{CLAIM, GROUP, HEADER_BYTES, LINE_HEAD_BYTES, MAGIC, VOID};
use super::stamp::Stamp;
use crate::Key;

/// What claim logs say.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// The last claim of each encoded key that no line says is void.
    pub claims: HashMap<Vec<u8>, LoggedClaim>,
    /// The latest time that a claim bears, on the store's clock.
    pub last_ms: u64,
    /// The last group that is known to have been on the disk.
    pub group: u64,
    /// All log files, those that are too old to matter too.
    pub files: Vec<PathBuf>,
}

/// A claim as it was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoggedClaim {
    /// When it was made, in the order of all claims.
    pub stamp: Stamp,
    /// When its record is gone, on the store's clock.
    pub until_ms: u64,
    /// Its record, encoded.
    pub record: Vec<u8>,
}

/// Reads the logs of the store at `store` that begin at `from` or later.
pub(super) fn read(store: &Path, from: Stamp) -> Result<Replayed, OpenError> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(store).map_err(OpenError::io(store, "list it"))? {
        let path = entry.map_err(OpenError::io(store, "list it"))?.path();
        if let Some(stamp) = path.file_name().and_then(|name| named(name.to_str()?)) {
            logs.push((stamp, path));
        }
    }
    logs.sort();
    let mut replayed = Replayed::default();
    for (stamp, path) in logs {
        if stamp >= from {
            let bytes = fs::read(&path).map_err(OpenError::io(store, "read a claim log"))?;
            replayed.log(&bytes).map_err(|at| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                OpenError::damaged(store, format!("its claim log {name} cannot be read at byte {at}"))
            })?;
        }
        replayed.files.push(path);
    }
    Ok(replayed)
}

/// The stamp in a log's file name.
fn named(name: &str) -> Option<Stamp> {
    let (owner, number) = name.strip_prefix("claims-")?.strip_suffix(".log")?.split_once('-')?;
    Some(Stamp { owner: owner.parse().ok()?, number: number.parse().ok()? })
}

impl Replayed {
    /// Takes one log in. The error is where it cannot be read. A line that was cut short by the end of its
    /// process or by a power cut is no error: its claim was never answered, or was not promised to last.
    pub(super) fn log(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let Some((header, mut rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Ok(()) };
        if header.iter().all(|byte| *byte == 0) && is_zero(rest) {
            return Ok(());
        }
        let owner = self.header(header).ok_or(0usize)?;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let Some((body, after)) = split_line(rest) else { return Ok(()) };
            match body {
                Some(body) => self.line(owner, body).ok_or(at)?,
                None if after.is_empty() || is_zero(rest) => return Ok(()),
                None => return Err(at),
            }
            rest = after;
        }
        Ok(())
    }

    fn header(&mut self, header: &[u8; HEADER_BYTES]) -> Option<u32> {
        let (signed, sum) = header.split_last_chunk::<8>()?;
        let (magic, rest) = signed.split_first_chunk::<8>()?;
        let (stamp, group) = rest.split_first_chunk()?;
        if *magic != MAGIC || check::sum(signed) != u64::from_be_bytes(*sum) {
            return None;
        }
        self.group = self.group.max(u64::from_be_bytes(group.try_into().ok()?));
        Some(Stamp::decode(*stamp).owner)
    }

    fn line(&mut self, owner: u32, body: &[u8]) -> Option<()> {
        let (&kind, rest) = body.split_first()?;
        let (number, rest) = number(rest)?;
        match kind {
            CLAIM => self.claim(Stamp { owner, number }, rest),
            VOID => {
                if self.claims.get(rest).is_some_and(|claim| claim.stamp < Stamp { owner, number }) {
                    self.claims.remove(rest);
                }
                Some(())
            }
            GROUP => {
                self.group = self.group.max(number);
                Some(())
            }
            _ => None,
        }
    }

    fn claim(&mut self, stamp: Stamp, rest: &[u8]) -> Option<()> {
        let (at_ms, rest) = number(rest)?;
        let (until_ms, rest) = number(rest)?;
        let (&length, rest) = rest.split_first()?;
        let (key, record) = rest.split_at_checked(usize::from(length))?;
        Key::decode(key)?;
        self.last_ms = self.last_ms.max(at_ms);
        self.claims.insert(key.to_vec(), LoggedClaim { stamp, until_ms, record: record.to_vec() });
        Some(())
    }
}

/// The body of the first line, if its checksum is right, and what comes after it. `None` if it is cut off.
fn split_line(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<LINE_HEAD_BYTES>()?;
    let (length, sum) = head.split_first_chunk::<4>()?;
    let (body, after) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let sum = u64::from_be_bytes(sum.try_into().ok()?);
    Some((Some(body).filter(|body| !body.is_empty() && check::sum(body) == sum), after))
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
