//! What the disk holds, read: doors for targets that make it up. No promise to anybody else.

use super::check;
use super::claim_log::{LINE_HEAD_BYTES, MAGIC};
use super::envelope::Envelope;
use super::replay::Replayed;
use super::stamp::Stamp;

/// The head of a claim log with its checksum.
pub fn log_head(owner: u32, number: u64, group: u64) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&Stamp { owner, number }.encode());
    head.extend_from_slice(&group.to_be_bytes());
    head.extend_from_slice(&check::sum(&head).to_be_bytes());
    head
}

/// A line of a claim log with its length and checksum.
pub fn log_line(body: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(LINE_HEAD_BYTES + body.len());
    line.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    line.extend_from_slice(&check::sum(body).to_be_bytes());
    line.extend_from_slice(body);
    line
}

/// An encoded key and its encoded record.
pub type Claimed = (Vec<u8>, Vec<u8>);

/// The claims that a log leaves behind. The error is where it cannot be read.
pub fn log(bytes: &[u8]) -> Result<Vec<Claimed>, usize> {
    let mut replayed = Replayed::default();
    replayed.log(bytes)?;
    Ok(replayed.claims.into_iter().map(|(key, claim)| (key, claim.record)).collect())
}

/// A record with its deadline and stamp in front, as the tree holds it.
pub fn sealed(until_ms: u64, owner: u32, number: u64, record: &[u8]) -> Vec<u8> {
    Envelope { until_ms, stamp: Stamp { owner, number } }.seal(record)
}

/// The deadline and the record in it.
pub fn opened(bytes: &[u8]) -> Option<(u64, &[u8])> {
    Envelope::open(bytes).map(|(envelope, record)| (envelope.until_ms, record))
}
