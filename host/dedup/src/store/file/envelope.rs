//! A record as the tree holds it: with its deadline and its stamp in front.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | deadline on the store's clock, ms, big endian |
//! | 8..20 | stamp |
//! | 20.. | the record |

use super::stamp::Stamp;

/// The bytes in front of a record.
const HEADER_BYTES: usize = 8 + Stamp::BYTES;

/// What is in front of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Envelope {
    /// When the record is gone, on the store's clock.
    pub until_ms: u64,
    /// Claims of this key with a smaller stamp are settled by this record or older than it.
    pub stamp: Stamp,
}

impl Envelope {
    /// The envelope with a record in it.
    pub fn seal(self, record: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + record.len());
        bytes.extend_from_slice(&self.until_ms.to_be_bytes());
        bytes.extend_from_slice(&self.stamp.encode());
        bytes.extend_from_slice(record);
        bytes
    }

    /// The envelope and the record. `None` if the bytes are too short.
    pub fn open(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (until, rest) = bytes.split_first_chunk()?;
        let (stamp, record) = rest.split_first_chunk()?;
        Some((Self { until_ms: u64::from_be_bytes(*until), stamp: Stamp::decode(*stamp) }, record))
    }
}
